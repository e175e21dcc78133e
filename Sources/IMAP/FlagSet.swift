// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A message's flags as bits (RFC 9051 §2.3.2): those everybody knows, and a mailbox's keywords.
///
/// Bits 0 to 10 mean the same in every mailbox; bits 16 to 62 stand for the keywords of one
/// mailbox, named by its `KeywordTable`. Bit 63 is never set, so that the set fits an `Int64`.
package struct FlagSet: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let seen = Self(rawValue: 1)
    package static let answered = Self(rawValue: 2)
    package static let flagged = Self(rawValue: 4)
    package static let deleted = Self(rawValue: 8)
    package static let draft = Self(rawValue: 16)
    package static let forwarded = Self(rawValue: 32)
    package static let notificationSent = Self(rawValue: 64)
    package static let junk = Self(rawValue: 128)
    package static let notJunk = Self(rawValue: 256)
    package static let phishing = Self(rawValue: 512)
    package static let important = Self(rawValue: 1024)

    /// The bits that mean the same in every mailbox.
    package static let known = Self(rawValue: 0x7FF)
    /// The bits that a mailbox may name itself.
    package static let keywords = Self(rawValue: 0x7FFF_FFFF_FFFF_0000)

    /// The names of the known bits, from bit 0 up.
    static let names: [StaticString] = [
        #"\Seen"#, #"\Answered"#, #"\Flagged"#, #"\Deleted"#, #"\Draft"#, "$Forwarded", "$MDNSent",
        "$Junk", "$NotJunk", "$Phishing", "$Important",
    ]

    /// The known flag of this name, compared without case; nil for a keyword.
    package init?(name: some Collection<UInt8>) {
        for (bit, known) in Self.names.enumerated() where known.utf8CodeUnitCount == name.count {
            let isSame = known.withUTF8Buffer { $0.equalsIgnoringCase(name) }
            if isSame {
                self.init(rawValue: 1 << UInt64(bit))
                return
            }
        }
        return nil
    }
}

/// Flags as a client names them, before a mailbox has given its keywords their bits.
///
/// ```abnf
/// flag-list    = "(" [flag *(SP flag)] ")"
/// flag-keyword = "$MDNSent" / "$Forwarded" / "$Junk" / "$NotJunk" / "$Phishing" / atom
/// ```
package struct FlagList: Hashable, Sendable {
    package var known: FlagSet
    /// Other keywords as they were written, each once, compared without case.
    package var keywords: [String]

    /// No client needs more on one message; a mailbox has 47 of its own.
    package static let maximumKeywords = 64
    /// A keyword is shown to people and stored per mailbox.
    package static let maximumKeywordOctets = 128

    package init(known: FlagSet = [], keywords: [String] = []) {
        self.known = known
        self.keywords = keywords
    }

    package var isEmpty: Bool { known.isEmpty && keywords.isEmpty }
}

/// The names of one mailbox's own keywords: bit 16 and up.
package struct KeywordTable: Hashable, Sendable {
    private var names: [String?] = []

    package static let firstBit = 16
    /// Bits 16 to 62.
    package static let capacity = 47

    package init() {}

    /// From pairs of bit and name; bits outside 16 to 62 are a broken store.
    package init(_ entries: [(bit: Int, name: String)]) {
        for entry in entries { set(entry.name, bit: entry.bit) }
    }

    /// Names a bit of 16 to 62.
    package mutating func set(_ name: String, bit: Int) {
        let index = bit - Self.firstBit
        precondition((0..<Self.capacity).contains(index), "a keyword's bit is 16 to 62")
        while names.count <= index { names.append(nil) }
        names[index] = name
    }

    /// The bit set of a keyword, compared without case (RFC 9051 §2.3.2); nil if it has none yet.
    package func flag(named name: String) -> FlagSet? {
        let index = names.firstIndex { $0?.utf8.equalsIgnoringCase(name.utf8) ?? false }
        return index.map { FlagSet(rawValue: 1 << UInt64($0 + Self.firstBit)) }
    }

    /// The name of a bit, nil if the mailbox has not given it any.
    package func name(ofBit bit: Int) -> String? {
        let index = bit - Self.firstBit
        return names.indices.contains(index) ? names[index] : nil
    }

    /// The lowest bit without a name, nil when all are taken (then: NO [LIMIT]).
    package var freeBit: Int? {
        if let gap = names.firstIndex(of: nil) { return gap + Self.firstBit }
        return names.count < Self.capacity ? names.count + Self.firstBit : nil
    }

    /// The names in the order of their bits.
    package var all: [String] { names.compactMap { $0 } }

    /// The bits of a list, and the keywords that have none yet.
    package func resolve(_ list: FlagList) -> (flags: FlagSet, unnamed: [String]) {
        var flags = list.known
        var unnamed: [String] = []
        for keyword in list.keywords {
            if let bit = flag(named: keyword) { flags.insert(bit) } else { unnamed.append(keyword) }
        }
        return (flags, unnamed)
    }
}
