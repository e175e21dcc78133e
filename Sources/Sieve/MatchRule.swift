// SPDX-License-Identifier: Apache-2.0

/// How the values of a test are compared with its keys (RFC 5228 §2.7, RFC 5231).
struct MatchRule: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case exact
        case contains
        case matches
        case regex
        case value(Relation)
        case count(Relation)
        /// The keys are names of lists kept elsewhere (RFC 6134 §2.2).
        case list
    }

    /// `"gt" / "ge" / "lt" / "le" / "eq" / "ne"` (RFC 5231 §3).
    enum Relation: String, CaseIterable, Sendable {
        case gt, ge, lt, le, eq, ne

        func holds(_ ordering: Int) -> Bool {
            switch self {
            case .gt: ordering > 0
            case .ge: ordering >= 0
            case .lt: ordering < 0
            case .le: ordering <= 0
            case .eq: ordering == 0
            case .ne: ordering != 0
            }
        }

        var phrase: String {
            switch self {
            case .gt: "is greater than"
            case .ge: "is at least"
            case .lt: "is less than"
            case .le: "is at most"
            case .eq: "equals"
            case .ne: "differs from"
            }
        }
    }

    var kind = Kind.exact
    var comparator = Comparator.casemap

    var phrase: String {
        switch kind {
        case .exact: "is"
        case .contains: "contains"
        case .matches: "matches"
        case .regex: "matches the expression"
        case .value(let relation): relation.phrase
        case .count(let relation): "count \(relation.phrase)"
        case .list: "is on the list"
        }
    }
}

/// A comparator (RFC 4790).
enum Comparator: String, CaseIterable, Sendable {
    case octet = "i;octet"
    case casemap = "i;ascii-casemap"
    case numeric = "i;ascii-numeric"

    /// What must be required; the first two always are there (RFC 5228 §2.7.3).
    var capability: Capability? { self == .numeric ? .comparatorNumeric : nil }
}
