// SPDX-License-Identifier: Apache-2.0

/// The flags of one message (RFC 9051 §2.3.2): those of the protocol, keywords that everybody
/// uses, and from `firstOwnBit` on keywords of the mailbox's own.
package struct MessageFlags: OptionSet, Hashable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }

    package static let seen = Self(rawValue: 1 << 0)
    package static let answered = Self(rawValue: 1 << 1)
    package static let flagged = Self(rawValue: 1 << 2)
    package static let deleted = Self(rawValue: 1 << 3)
    package static let draft = Self(rawValue: 1 << 4)
    package static let forwarded = Self(rawValue: 1 << 5)
    package static let notificationSent = Self(rawValue: 1 << 6)
    package static let junk = Self(rawValue: 1 << 7)
    package static let notJunk = Self(rawValue: 1 << 8)
    package static let phishing = Self(rawValue: 1 << 9)
    package static let important = Self(rawValue: 1 << 10)

    /// The bits of a mailbox's own keywords.
    static let ownBits = 16...62
    /// All of them: who may set one may set each.
    static let anyKeyword = Self(rawValue: .max & ~0xFFFF)
    /// Every flag there is.
    package static let all = Self(rawValue: .max)

    /// The names of those that every mailbox knows, by rising bit.
    package static let common: [(flag: Self, name: String)] = [
        (.seen, "\\Seen"), (.answered, "\\Answered"), (.flagged, "\\Flagged"),
        (.deleted, "\\Deleted"), (.draft, "\\Draft"), (.forwarded, "$Forwarded"),
        (.notificationSent, "$MDNSent"), (.junk, "$Junk"), (.notJunk, "$NotJunk"),
        (.phishing, "$Phishing"), (.important, "$Important"),
    ]
}

/// The keywords that clients have invented for one mailbox, in the order of their bits.
///
/// A name keeps its bit for as long as the mailbox lives; when all bits are taken no further
/// keyword can be made there.
package struct Keywords: Hashable, Sendable {
    /// At most `limit`.
    package private(set) var names: [String]

    package static let limit = MessageFlags.ownBits.count

    package init(_ names: [String] = []) { self.names = names }

    /// Whether one more can be made.
    package var hasRoom: Bool { names.count < Self.limit }

    /// The flag of a name, in any case; nil for one that is not known here.
    package func flag(named name: String) -> MessageFlags? {
        let name = name.lowercased()
        if let common = MessageFlags.common.first(where: { $0.name.lowercased() == name }) {
            return common.flag
        }
        return names.firstIndex { $0.lowercased() == name }.map(Self.flag)
    }

    /// The names of all flags that are set.
    package func names(of flags: MessageFlags) -> [String] {
        var result = MessageFlags.common.filter { flags.contains($0.flag) }.map(\.name)
        for (index, name) in names.enumerated() where flags.contains(Self.flag(index)) {
            result.append(name)
        }
        return result
    }

    /// Makes a keyword; nil if there is no room.
    mutating func add(_ name: String) -> MessageFlags? {
        guard hasRoom else { return nil }
        names.append(name)
        return Self.flag(names.count - 1)
    }

    private static func flag(_ index: Int) -> MessageFlags {
        MessageFlags(rawValue: 1 << (MessageFlags.ownBits.lowerBound + index))
    }
}
