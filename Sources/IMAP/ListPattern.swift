// SPDX-License-Identifier: Apache-2.0

import Bytes

/// What names LIST looks for (RFC 9051 §6.3.9): `*` is anything, `%` anything within a level.
package struct ListPattern: Hashable, Sendable {
    private let octets: [UInt8]

    private static let any = UInt8(ascii: "*")
    private static let anyWithinLevel = UInt8(ascii: "%")

    /// The reference and the pattern as the client wrote them, one behind the other.
    package init(reference: String, pattern: String) {
        octets = Array((reference + pattern).utf8)
    }

    /// Whether the pattern can match names of one level alone.
    package var isOneLevel: Bool {
        !octets.contains(Self.any) && !octets.contains(MailboxName.delimiter)
    }

    /// Whether it ends in `%`: LSUB then tells levels above what is subscribed (RFC 3501 §6.3.9).
    package var endsWithinLevel: Bool { octets.last == Self.anyWithinLevel }

    /// Whether the name matches; INBOX without regard to case (§5.1).
    ///
    /// Every place of the pattern that can be reached is followed at once, so that no pattern
    /// takes longer than its length times the name's.
    package func matches(_ name: MailboxName) -> Bool {
        let text = name.text.utf8
        let ignoresCase =
            name.text.hasPrefix("INBOX")
            && (text.count == 5 || text.dropFirst(5).first == MailboxName.delimiter)
        var places = [Int]()
        var next = [Int]()
        // In which round a place was reached last: each is followed once.
        var rounds = [Int](repeating: -1, count: octets.count + 1)
        reach(0, round: 0, &places, &rounds)
        for (index, octet) in text.enumerated() {
            next.removeAll(keepingCapacity: true)
            for place in places where place < octets.count {
                let wanted = octets[place]
                let isMatch =
                    wanted == Self.any
                    || (wanted == Self.anyWithinLevel && octet != MailboxName.delimiter)
                if isMatch {
                    reach(place, round: index + 1, &next, &rounds)
                } else if wanted == octet
                    || (ignoresCase && index < 5 && wanted.lowercased == octet.lowercased)
                {
                    reach(place + 1, round: index + 1, &next, &rounds)
                }
            }
            if next.isEmpty { return false }
            swap(&places, &next)
        }
        return places.contains(octets.count)
    }

    /// Adds a place and, behind wildcards that may match nothing, the next.
    private func reach(
        _ place: Int, round: Int, _ places: inout [Int], _ rounds: inout [Int]
    ) {
        var place = place
        while rounds[place] != round {
            rounds[place] = round
            places.append(place)
            guard place < octets.count,
                octets[place] == Self.any || octets[place] == Self.anyWithinLevel
            else { return }
            place += 1
        }
    }
}
