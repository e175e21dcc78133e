// SPDX-License-Identifier: Apache-2.0

package import World

/// What a server tells of one message (RFC 9051 §7.5.2).
package struct FetchedData: Hashable, Sendable {
    package var uid: UInt32
    package var flags: [String]?
    package var internalDate: Timestamp?
    package var size: Int?
    package var body: Body?
    /// Where `body` begins; 0 unless a part was asked for.
    package var bodyOrigin = 0

    /// The octets of `BODY[]`.
    package enum Body: Hashable, Sendable {
        case octets([UInt8])
        case tooLarge(Int)
        /// NIL: the server cannot read it.
        case none
    }

    /// Nil for a response that is none, or without a UID.
    package init?(_ response: Response) {
        guard response.values.count == 3, response.values[1].atom?.uppercased() == "FETCH",
            let items = response.values[2].list
        else { return nil }
        var uid: UInt32?
        for index in stride(from: 0, to: items.count - 1, by: 2) {
            let value = items[index + 1]
            switch items[index].atom?.uppercased() {
            case "UID": uid = value.number.flatMap { UInt32(exactly: $0) }
            case "FLAGS": flags = value.list?.compactMap(\.atom)
            case "RFC822.SIZE": size = value.number.flatMap { Int(exactly: $0) }
            case "INTERNALDATE":
                internalDate = value.octets.flatMap {
                    Self.date(String(decoding: $0, as: UTF8.self))
                }
            // Of a part of it, `BODY[]<0>` (RFC 9051 §7.5.2).
            case let name? where name == "BODY[]" || name.hasPrefix("BODY[]<"):
                bodyOrigin = Int(name.dropFirst(7).dropLast()) ?? 0
                switch value {
                case .tooLarge(let count): body = .tooLarge(count)
                default: body = value.octets.map(Body.octets) ?? Body.none
                }
            default: break
            }
        }
        guard let uid, uid > 0 else { return nil }
        self.uid = uid
    }

    /// date-time: `14-Nov-2023 22:13:20 +0100`.
    private static func date(_ text: String) -> Timestamp? {
        let words = text.split(separator: " ")
        guard words.count == 3 else { return nil }
        let date = words[0].split(separator: "-")
        let clock = words[1].split(separator: ":").compactMap { Int($0) }
        let months = [
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ]
        guard date.count == 3, clock.count == 3, let day = Int(date[0]),
            let month = months.firstIndex(of: date[1].lowercased()), let year = Int(date[2]),
            (1...31).contains(day), (1970...9999).contains(year),
            (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2]),
            words[2].utf8.count == 5, let zone = Int(words[2].dropFirst()), zone <= 2400
        else { return nil }
        let offset = (zone / 100 * 3600 + zone % 100 * 60) * (words[2].hasPrefix("-") ? -1 : 1)
        let seconds = clock[0] * 3600 + clock[1] * 60 + clock[2]
        return Timestamp(seconds: Int64(days(year, month + 1, day) * 86400 + seconds - offset))
    }

    /// Days since 1 January 1970, by the Gregorian calendar.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        // Counted from 1 March, so that the leap day is the last of a year.
        let shifted = month <= 2 ? year - 1 : year
        let fromMarch = (month + 9) % 12
        return 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400
            + (153 * fromMarch + 2) / 5 + day - 1 - 719_468
    }
}

/// UIDs of messages that have gone (RFC 7162 §3.2.10), as a sequence set.
package struct VanishedData: Hashable, Sendable {
    package var uids: String

    /// Nil for a response that is none.
    package init?(_ response: Response) {
        let values = response.values
        guard values.count >= 2, values[0].atom?.uppercased() == "VANISHED",
            let uids = values[values.count - 1].atom
        else { return nil }
        self.uids = uids
    }
}

/// A mailbox as LIST tells it (RFC 9051 §7.3.1).
package struct ListedMailbox: Hashable, Sendable {
    /// In lower case.
    package var attributes: Set<String>
    /// Nil: there are no levels.
    package var delimiter: UInt8?
    package var name: [UInt8]

    /// Nil for a response that is none.
    package init?(_ response: Response) {
        let values = response.values
        guard values.count >= 4, ["LIST", "LSUB"].contains(values[0].atom?.uppercased() ?? ""),
            let attributes = values[1].list, let name = values[3].octets
        else { return nil }
        self.attributes = Set(attributes.compactMap { $0.atom?.lowercased() })
        delimiter = values[2].octets?.first
        self.name = name
    }
}

/// A place where mailboxes are (RFC 2342 §5).
package struct ServerNamespace: Hashable, Sendable {
    package var prefix: [UInt8]
    package var delimiter: UInt8?

    package init(prefix: [UInt8], delimiter: UInt8?) {
        self.prefix = prefix
        self.delimiter = delimiter
    }

    /// Personal, other people's and shared ones; nil for a response that is none.
    package static func all(
        _ response: Response
    ) -> (personal: [ServerNamespace], others: [ServerNamespace])? {
        let values = response.values
        guard values.count >= 4, values[0].atom?.uppercased() == "NAMESPACE" else { return nil }
        let lists = values[1...3].map { value in
            (value.list ?? []).compactMap { space -> ServerNamespace? in
                guard let parts = space.list, parts.count >= 2, let prefix = parts[0].octets else {
                    return nil
                }
                return ServerNamespace(prefix: prefix, delimiter: parts[1].octets?.first)
            }
        }
        return (lists[0], lists[1] + lists[2])
    }
}
