// SPDX-License-Identifier: Apache-2.0

package import Mail
package import World

/// A message that is about to be delivered, and what is known of its way.
package struct Incoming: Sendable {
    /// Header and body; lines end with CRLF or LF.
    package var message: [UInt8]
    /// The reverse-path without angle brackets; empty for the null path.
    package var sender: String
    /// The recipient as the envelope names it.
    package var recipient: String
    package var now: Timestamp
    /// East of UTC is positive: where the server's clock hangs.
    package var zoneOffsetMinutes = 0
    /// Of the same person; `vacation` answers what was sent to one of them (RFC 5230 §4.5).
    package var ownAddresses: [String] = []
    /// Between user and detail in a local part (RFC 5233 §4); empty: nothing is split.
    package var subaddressDelimiter = "+"
    /// 0 to 100; nil if nobody looked for spam (RFC 5235 §3.2).
    package var spamPercent: Int?
    /// 1 (clean) to 5 (infected for certain); nil if nobody looked (RFC 5235 §3.3).
    package var virusScore: Int?
    /// Why nothing may answer its sender; nil if nothing speaks against that.
    package var doubt: Doubt?
    /// Items of RFC 5183 §4 by their names in lower case.
    package var environment: [String: String] = [:]

    package init(message: [UInt8], sender: String, recipient: String, now: Timestamp) {
        self.message = message
        self.sender = sender
        self.recipient = recipient
        self.now = now
    }

    /// What makes it likely that the reverse-path is not the sender's own.
    package enum Doubt: Hashable, Sendable, CustomStringConvertible {
        /// It was taken for junk: nobody is told of it at all.
        case junk
        /// A check says so, in these words.
        case forged(String)

        /// The reason, as half a sentence.
        package var description: String {
            switch self {
            case .junk: "it was taken for junk"
            case .forged(let reason): "its sender is most likely another: \(reason)"
            }
        }
    }

    /// Tells the items of RFC 5183 §4.1 that a server knows.
    package mutating func setEnvironment(host: String, domain: String) {
        environment = [
            "name": "Postreiter", "location": "MDA", "phase": "during", "host": host,
            "domain": domain,
        ]
    }
}

/// What a script may ask about the account it belongs to.
///
/// Whoever cannot find out throws: that is no answer, and the run ends without a verdict.
package protocol AccountKnowledge {
    /// Whether messages can be filed into the mailbox (RFC 5490 §3.1).
    func hasMailbox(named name: String) throws -> Bool
    /// The same by MAILBOXID (RFC 9042 §3).
    func hasMailbox(identifiedBy id: String) throws -> Bool
    /// Whether a mailbox has a special use (RFC 8579 §3); nil: any mailbox.
    func hasSpecialUse(_ attribute: String, mailbox: String?) throws -> Bool
    /// Whether an earlier run has remembered this (RFC 7352 §3).
    func hasSeen(_ sighting: Sighting) throws -> Bool
    /// The value of an annotation that the account sees (RFC 5490); nil is the server instead of a
    /// mailbox. Nil: there is none.
    func annotation(_ entry: String, of mailbox: String?) throws -> [UInt8]?
    /// Whether an address is on a list kept elsewhere (RFC 6134).
    func isListed(_ address: Address, on list: ExternalList) throws -> Bool
    /// The text of another script (RFC 6609 §3.2); nil if there is none.
    func script(named name: String, isGlobal: Bool) throws -> [UInt8]?
}

/// What `duplicate` remembers of a message (RFC 7352).
package struct Sighting: Hashable, Sendable {
    package let handle: String
    package let identity: String
    /// For how long.
    package let seconds: Int64
}
