// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// What somebody may do with a mailbox and what is in it (RFC 4314 §2.1).
package struct AccessRights: OptionSet, Hashable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// `l`: it is there in LIST, and may be subscribed to.
    package static let lookup = Self(rawValue: 1 << 0)
    /// `r`: SELECT, STATUS, and reading its messages.
    package static let read = Self(rawValue: 1 << 1)
    /// `s`: setting and clearing \Seen.
    package static let seen = Self(rawValue: 1 << 2)
    /// `w`: setting and clearing other flags than \Seen and \Deleted.
    package static let write = Self(rawValue: 1 << 3)
    /// `i`: APPEND, and COPY into it.
    package static let insert = Self(rawValue: 1 << 4)
    /// `p`: writing mail to its address, which IMAP has nothing to do with.
    package static let post = Self(rawValue: 1 << 5)
    /// `k`: making mailboxes below it.
    package static let create = Self(rawValue: 1 << 6)
    /// `x`: deleting and renaming it.
    package static let remove = Self(rawValue: 1 << 7)
    /// `t`: setting and clearing \Deleted.
    package static let deleteMessages = Self(rawValue: 1 << 8)
    /// `e`: EXPUNGE.
    package static let expunge = Self(rawValue: 1 << 9)
    /// `a`: seeing and changing who may do what.
    package static let administer = Self(rawValue: 1 << 10)

    package static let all = Self(rawValue: (1 << 11) - 1)
    /// Of one who has one of them it is no secret that the mailbox is there (§4 MYRIGHTS).
    package static let telling: Self = [.lookup, .read, .insert, .create, .remove, .administer]

    /// The letters from bit 0 up.
    private static let letters = Array("lrswipkxtea".utf8)
    /// §2.1.1: what RFC 2086 had instead of `kx` and of `te`.
    private static let obsolete: [(letter: UInt8, rights: Self)] = [
        (UInt8(ascii: "c"), [.create, .remove]),
        (UInt8(ascii: "d"), [.deleteMessages, .expunge]),
    ]

    /// Reads letters, each as often as one likes, in any order; those of RFC 2086 among them.
    ///
    /// ```abnf
    /// rights-alpha = LOWER-ALPHA       ; RFC 4314 §7
    /// ```
    package init(letters: some Collection<UInt8>) throws(SyntaxError) {
        self = []
        for (offset, letter) in letters.enumerated() {
            if let bit = Self.letters.firstIndex(of: letter) {
                insert(Self(rawValue: 1 << Int64(bit)))
            } else if let old = Self.obsolete.first(where: { $0.letter == letter }) {
                formUnion(old.rights)
            } else {
                // §3.1: none is passed over in silence.
                throw SyntaxError(at: offset, expected: "rights: letters of lrswipkxtea")
            }
        }
    }

    /// The letters alone: read again they are the same rights.
    package var standardText: String { String(lossy: members.map(\.letter)) }

    /// The letters; with `c` and `d` where a member of theirs is there (§2.1.1).
    package var text: String {
        var text = members.map(\.letter)
        for old in Self.obsolete where !isDisjoint(with: old.rights) { text.append(old.letter) }
        return String(lossy: text)
    }

    /// One string for each, as LISTRIGHTS has those that are not tied to others (§3.7).
    package var separateTexts: [String] {
        text.map { String($0) }
    }

    private var members: [(letter: UInt8, right: Self)] {
        Self.letters.enumerated().compactMap { bit, letter in
            let right = Self(rawValue: 1 << Int64(bit))
            return contains(right) ? (letter, right) : nil
        }
    }

    /// The flags that may be set and cleared with them (§4 STORE).
    package var changeableFlags: FlagSet {
        var flags = FlagSet()
        if contains(.seen) { flags.insert(.seen) }
        if contains(.deleteMessages) { flags.insert(.deleted) }
        if contains(.write) {
            flags.formUnion(
                FlagSet.known.union(.keywords).subtracting([.seen, .deleted]))
        }
        return flags
    }

    /// Whether SELECT answers READ-WRITE: every flag but \Seen is everybody's here (§5.2).
    package var allowsChanges: Bool {
        !isDisjoint(with: [.insert, .expunge, .write, .deleteMessages])
    }

    /// Whether annotations may be seen (RFC 5464 §3.3).
    package var allowsAnnotations: Bool {
        contains(.lookup) && !isDisjoint(with: [.read, .seen, .write, .insert, .post])
    }
}

extension ACLChange {
    /// What becomes of the rights that an identifier had (RFC 4314 §3.1).
    package func applied(to old: AccessRights) -> AccessRights {
        switch manner {
        case .replace: rights
        case .add: old.union(rights)
        case .remove: old.subtracting(rights)
        }
    }

    /// Reads `mod-rights`.
    ///
    /// ```abnf
    /// mod-rights = astring
    ///     ;; +rights to add, -rights to remove, rights to replace
    /// ```
    package init(text: some Collection<UInt8>) throws(SyntaxError) {
        let sign = text.first
        manner =
            switch sign {
            case UInt8(ascii: "+"): .add
            case UInt8(ascii: "-"): .remove
            default: .replace
            }
        rights = try AccessRights(letters: text.dropFirst(manner == .replace ? 0 : 1))
    }
}

extension FlagList {
    /// Those of them that may be changed with some rights; keywords go with `w`.
    package func permitted(by rights: AccessRights) -> FlagList {
        FlagList(
            known: known.intersection(rights.changeableFlags),
            keywords: rights.contains(.write) ? keywords : [])
    }
}
