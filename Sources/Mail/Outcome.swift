// SPDX-License-Identifier: Apache-2.0

private import Bytes

/// `class "." subject "." detail` (RFC 3463 §2).
package struct EnhancedStatus: Hashable, Sendable, CustomStringConvertible {
    package let `class`: UInt8
    package let subject: UInt16
    package let detail: UInt16

    package init(_ class: UInt8, _ subject: UInt16, _ detail: UInt16) {
        self.class = `class`
        self.subject = subject
        self.detail = detail
    }

    /// Reads `2.1.5`: class 2, 4 or 5, the others up to three digits.
    package init?(_ text: some StringProtocol) { self.init(octets: text.utf8) }

    /// Reads octets as they stand in a reply.
    package init?(octets: some Sequence<UInt8>) {
        var numbers: [3 of UInt16] = [0, 0, 0]
        var (part, digits) = (0, 0)
        for octet in octets {
            if octet == .dot, digits > 0, part < 2 {
                (part, digits) = (part + 1, 0)
            } else if octet.isDigit, digits < 3 {
                numbers[part] = numbers[part] * 10 + UInt16(octet - UInt8(ascii: "0"))
                digits += 1
            } else {
                return nil
            }
        }
        guard part == 2, digits > 0, [2, 4, 5].contains(numbers[0]) else { return nil }
        self.init(UInt8(numbers[0]), numbers[1], numbers[2])
    }

    package var description: String { "\(`class`).\(subject).\(detail)" }
}

/// How an attempt to deliver to one recipient ended.
package enum Outcome: Hashable, Sendable {
    /// The next system has taken responsibility (or the mailbox holds the message).
    case delivered(Evidence)
    /// Not now; worth trying again.
    case transient(Evidence)
    /// Never; the sender is to be told.
    case permanent(Evidence)
    /// The connection was lost after the final dot: it may have been delivered (RFC 5321 §4.5.4.1
    /// and RFC 1047); trying again may duplicate, not trying again may lose.
    case ambiguous(Evidence)

    /// Who said what.
    package struct Evidence: Hashable, Sendable {
        package var status: EnhancedStatus
        /// What was said or found, as one line for people.
        package var text: String
        /// The host that said it, if one was reached: name and address.
        package var host: String?

        package init(_ status: EnhancedStatus, _ text: String, host: String? = nil) {
            self.status = status
            self.text = text
            self.host = host
        }
    }

    package var evidence: Evidence {
        switch self {
        case .delivered(let evidence), .transient(let evidence), .permanent(let evidence),
            .ambiguous(let evidence):
            evidence
        }
    }
}
