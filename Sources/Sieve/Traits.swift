// SPDX-License-Identifier: Apache-2.0

/// What a script may do or ask that must be known before it is run.
package struct Traits: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// It may refuse messages (RFC 5429): that is best done while their senders wait.
    package static let rejects = Traits(rawValue: 1)
    /// It asks what filters found (RFC 5235).
    package static let asksFilters = Traits(rawValue: 2)
    /// It asks which mailboxes there are (RFC 5490 §3.1).
    package static let asksMailboxes = Traits(rawValue: 4)

    /// What the statements hold, whether or not they are ever reached.
    init(of statements: [Statement]) {
        self = []
        for statement in statements {
            switch statement {
            case .conditional(let branches, let otherwise):
                for branch in branches {
                    formUnion(Traits(of: branch.test))
                    formUnion(Traits(of: branch.block))
                }
                formUnion(Traits(of: otherwise))
            case .loop(_, let block, _): formUnion(Traits(of: block))
            case .command(.reject, _), .command(.ereject, _): insert(.rejects)
            case .command, .fault: break
            }
        }
    }

    private init(of test: Test) {
        switch test {
        case .not(let inner, _): self = Traits(of: inner)
        case .all(let tests, _), .any(let tests, _):
            self = tests.reduce(into: []) { $0.formUnion(Traits(of: $1)) }
        case .test(.spamtest, _), .test(.virustest, _): self = .asksFilters
        case .test(.mailboxexists, _): self = .asksMailboxes
        case .test, .constant, .fault: self = []
        }
    }
}

/// Another script that a script may include (RFC 6609 §3.2).
package struct Inclusion: Hashable, Sendable {
    package let name: String
    /// One of those for all accounts; else one of the same account.
    package let isGlobal: Bool

    /// In the order of the script.
    static func all(in statements: [Statement]) -> [Inclusion] {
        statements.flatMap { statement -> [Inclusion] in
            switch statement {
            case .conditional(let branches, let otherwise):
                branches.flatMap { all(in: $0.block) } + all(in: otherwise)
            case .loop(_, let block, _): all(in: block)
            case .command(.include, let arguments):
                [
                    Inclusion(
                        name: arguments.text(at: 0)?.source ?? "",
                        isGlobal: arguments.has("global"))
                ]
            case .command, .fault: []
            }
        }
    }
}
