// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// Who is unknown is asked to come again (RFC 6647): servers do, most programs of spammers do not.
///
/// A value without a clock and without memory: records are kept by whoever asks.
package struct Greylist: Hashable, Sendable {
    /// A first attempt waits so long.
    package var delay = Duration.minutes(5)
    /// A second attempt that comes later than this is a first one again (RFC 6647 §5: a day).
    package var window = Duration.hours(24)
    /// Who has come again is known so long after the last message.
    package var life = Duration.days(36)
    /// So many different triplets that came again vouch for their network.
    package var networkThreshold = 5

    package init() {}

    /// What is remembered of a triplet; of a network its `passes` are those of its triplets.
    package struct Record: Hashable, Sendable {
        package var first: Timestamp
        package var last: Timestamp
        /// How often it was let through: 0 while it waits.
        package var passes: Int

        package init(first: Timestamp, last: Timestamp, passes: Int) {
            self.first = first
            self.last = last
            self.passes = passes
        }
    }

    /// What becomes of an attempt.
    package enum Judgement: Hashable, Sendable {
        /// To be told to come again, after so long.
        case wait(Duration)
        /// It has come again, for the first time.
        case passesNow
        /// It, or its network, is known.
        case known
    }

    /// Judges an attempt by what is remembered; returns what is to be remembered instead.
    package func judge(
        _ record: Record?, at now: Timestamp
    ) -> (judgement: Judgement, record: Record) {
        // A clock that was set back makes nobody wait longer than a first attempt does.
        guard var record, record.first <= now, !isOver(record, at: now) else {
            return (.wait(delay), Record(first: now, last: now, passes: 0))
        }
        record.last = max(record.last, now)
        if record.passes > 0 {
            record.passes += 1
            return (.known, record)
        }
        let due = record.first + delay
        guard now >= due else { return (.wait(due - now), record) }
        record.passes = 1
        return (.passesNow, record)
    }

    /// Whether the triplets of a network have shown that a server is there.
    package func isVouchedFor(_ network: Record?, at now: Timestamp) -> Bool {
        guard let network else { return false }
        return network.passes >= networkThreshold && now <= network.last + life
    }

    /// Whether a record says nothing any more.
    package func isOver(_ record: Record, at now: Timestamp) -> Bool {
        record.passes > 0 ? now > record.last + life : now > record.first + window
    }

    /// What attempts are known by: a network, a sender and a recipient.
    package struct Triplet: Hashable, Sendable {
        package let network: String
        package let sender: String
        package let recipient: String

        /// Large senders send from several addresses of a network, and number their paths; a
        /// number in the local part, and what follows a plus sign, is not compared.
        package init(client: IPAddress, sender: String, recipient: String) {
            network = client.customerNetwork.description
            self.sender = Self.smoothed(sender.asciiLowercased)
            self.recipient = recipient.asciiLowercased
        }

        private static func smoothed(_ path: String) -> String {
            guard let at = path.lastIndex(of: "@") else { return path }
            let local = path[..<at].prefix { $0 != "+" }
            var smooth = ""
            for character in local where !(character.isNumber && smooth.last == "#") {
                smooth.append(character.isNumber ? "#" : character)
            }
            return smooth + path[at...]
        }
    }
}

extension Greylist.Triplet {
    private init(network: String, sender: String, recipient: String) {
        self.network = network
        self.sender = sender
        self.recipient = recipient
    }

    /// The network as such: no recipient is empty.
    package var asNetwork: Self { Self(network: network, sender: "", recipient: "") }
}
