// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// What is known of a message and of who brought it, to be weighed.
package struct MessageFacts: Sendable {
    /// One result of authentication (RFC 8601 §2.7): `spf`, `fail`, `for example.org`.
    package struct Authentication: Hashable, Sendable {
        package let method: String
        package let result: String
        package let detail: String

        package init(_ method: String, _ result: String, _ detail: String) {
            self.method = method
            self.result = result
            self.detail = detail
        }
    }

    /// What the field Date says.
    package enum Date: Hashable, Sendable {
        case missing
        case invalid(String)
        case at(Timestamp)
    }

    package var authentication: [Authentication] = []
    package var hello: HelloFinding?
    package var listings: [DNSListing] = []
    /// The addresses in From, of the first field; and how many fields there are.
    package var fromFields = 1
    package var date: Date?
    /// Whether there is a Message-ID.
    package var hasIdentifier = true
    /// Oddities of the message, each by a code and a place.
    package var defects: [(code: String, place: String)] = []
    /// One of the recipients has written to the sender before, and the sender is authenticated.
    package var knownCorrespondent: String?
    package var hasWaited = false
    package var received: Timestamp
    /// What other filters found.
    package var foreign: [Score.Test] = []

    package init(received: Timestamp) { self.received = received }

    /// Clocks differ, and time zones are mistaken; more than a day is neither.
    static let toleratedFuture = Duration.days(1)
    /// Of one message only so many oddities count.
    static let maximumDefects = 6

    /// Everything as tests, in a fixed order.
    package func tests(_ weights: Weights) -> [Score.Test] {
        var tests: [Score.Test] = []
        func add(_ name: String, _ input: String) {
            tests.append(Score.Test(name, weights[name], input))
        }
        for one in authentication { add("\(one.method)=\(one.result)", one.detail) }
        if let hello { add("hello=\(hello.parts.name)", hello.parts.text) }
        tests += listings.map { listing in
            Score.Test(
                listing.list.testName, weights.own(listing.list.testName) ?? listing.list.weight,
                listing.description)
        }
        switch date {
        case nil: break
        case .missing: add("date=missing", "")
        case .invalid(let text): add("date=invalid", text)
        case .at(let time):
            if time > received + Self.toleratedFuture {
                add("date=future", CalendarDate(time).internetFormat)
            }
        }
        if !hasIdentifier { add("message-id=missing", "") }
        if fromFields == 0 { add("from=missing", "") }
        if fromFields > 1 { add("from=several", "\(fromFields) fields") }
        for defect in defects.prefix(Self.maximumDefects) {
            tests.append(
                Score.Test(
                    "defect=\(defect.code)", weights[defect: defect.code], defect.place))
        }
        if let knownCorrespondent { add("known=yes", knownCorrespondent) }
        if hasWaited { add("greylist=waited", "") }
        return tests
            + foreign.map { Score.Test($0.name, weights.own($0.name) ?? $0.weight, $0.input) }
    }
}

/// What is odd about the name in EHLO or HELO (RFC 5321 §4.1.1.1).
package enum HelloFinding: Hashable, Sendable {
    case ours(String)
    case literal(String)
    case literalMismatch(String)
    case unqualified(String)
    case malformed(String)

    /// The name of the test behind `hello=`, and the argument.
    var parts: (name: String, text: String) {
        switch self {
        case .ours(let text): ("ours", text)
        case .literal(let text): ("literal", text)
        case .literalMismatch(let text): ("literal-mismatch", text)
        case .unqualified(let text): ("unqualified", text)
        case .malformed(let text): ("malformed", text)
        }
    }

    /// Nil for a name as it should be.
    ///
    /// `ownNames` are this host's and those of the domains it serves, in lower case.
    package init?(
        _ argument: String, client: IPAddress, isOurs: (String) -> Bool,
        ownAddresses: Set<IPAddress>
    ) {
        if argument.hasPrefix("["), argument.hasSuffix("]") {
            var text = argument.dropFirst().dropLast()
            if text.asciiPrefix("ipv6:") { text = text.dropFirst(5) }
            guard let literal = IPAddress(text)?.unmapped else {
                self = .malformed(argument)
                return
            }
            if literal == client.unmapped {
                self = .literal(argument)
            } else {
                self = ownAddresses.contains(literal) ? .ours(argument) : .literalMismatch(argument)
            }
            return
        }
        // An address without brackets is no name.
        if IPAddress(argument) != nil {
            self = .malformed(argument)
            return
        }
        var name = argument.asciiLowercased
        if name.hasSuffix(".") { name.removeLast() }
        let labels = name.utf8.split(separator: .dot, omittingEmptySubsequences: false)
        let isName = labels.allSatisfy { label in
            !label.isEmpty
                && label.allSatisfy { $0.isAlphanumeric || $0 == 0x2D || $0 == 0x5F || $0 >= 0x80 }
        }
        if !isName {
            self = .malformed(argument)
        } else if isOurs(name) {
            self = .ours(argument)
        } else if labels.count < 2 {
            self = .unqualified(argument)
        } else {
            return nil
        }
    }
}

extension Substring {
    fileprivate func asciiPrefix(_ prefix: String) -> Bool {
        utf8.prefix(prefix.utf8.count).equalsIgnoringCase(prefix.utf8)
    }
}
