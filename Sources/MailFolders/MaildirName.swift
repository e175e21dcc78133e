// SPDX-License-Identifier: Apache-2.0

package import World

/// The name of a message's file in a Maildir (https://cr.yp.to/proto/maildir.html, with the sizes
/// of Maildir++).
///
/// ```abnf
/// name    = unique *( "," ("S=" / "W=") 1*DIGIT ) [ ":2," flags ]
/// unique  = seconds "." delivery "." host
/// flags   = *( "D" / "F" / "P" / "R" / "S" / "T" / %x61-7A )
/// ```
package struct MaildirName: Hashable, Sendable {
    /// What stays the same whatever becomes of the flags, the fields behind commas included.
    package let base: String
    /// The letters behind `:2,`, in the order of the alphabet.
    package let letters: [UInt8]

    /// File systems allow no more.
    package static let maximumOctets = 255

    /// A file's name in `cur` or `new`; nil for one that is no message's.
    package init?(_ name: String) {
        guard !name.isEmpty, !name.hasPrefix("."), name.utf8.count <= Self.maximumOctets else {
            return nil
        }
        // Where a colon cannot be in a name others are used; Dovecot and Courier know this one.
        guard let colon = name.utf8.lastIndex(of: UInt8(ascii: ":")),
            name.utf8[colon...].starts(with: ":2,".utf8)
        else {
            (base, letters) = (name, [])
            return
        }
        base = String(name[..<colon])
        guard !base.isEmpty else { return nil }
        letters = Set(name.utf8[colon...].dropFirst(3).prefix { $0 != UInt8(ascii: ",") }).sorted()
    }

    /// The name of a message with these letters.
    package init(base: String, letters: some Sequence<UInt8>) {
        self.base = base
        self.letters = letters.sorted()
    }

    /// As it stands in `cur`.
    package var text: String { base + ":2," + String(decoding: letters, as: UTF8.self) }

    /// What names the message: `base` without the fields behind commas.
    package var unique: Substring { base.prefix { $0 != "," } }

    /// The size that the name states.
    package var statedOctets: Int? {
        for field in base.split(separator: ",").dropFirst() where field.hasPrefix("S=") {
            return Int(field.dropFirst(2))
        }
        return nil
    }

    /// When the message was delivered, as the name says; nil if it does not.
    package var delivered: Timestamp? {
        guard let seconds = Int64(base.prefix { $0 != "." }), (1...1 << 40).contains(seconds)
        else { return nil }
        return Timestamp(seconds: seconds)
    }

    /// The flags by their names in IMAP; `keywords` are those of the letters `a` to `z`.
    package func flags(keywords: [Int: String]) -> [String] {
        letters.compactMap { letter in
            if let flag = Self.flags.first(where: { $0.letter == letter }) { return flag.name }
            guard (0x61...0x7A).contains(letter) else { return nil }
            return keywords[Int(letter - 0x61)]
        }
    }

    /// The letter of a flag; nil for a keyword.
    package static func letter(of flag: String) -> UInt8? {
        let flag = flag.lowercased()
        return flags.first { $0.name.lowercased() == flag }?.letter
    }

    private static let flags: [(letter: UInt8, name: String)] = [
        (UInt8(ascii: "D"), "\\Draft"), (UInt8(ascii: "F"), "\\Flagged"),
        (UInt8(ascii: "P"), "$Forwarded"), (UInt8(ascii: "R"), "\\Answered"),
        (UInt8(ascii: "S"), "\\Seen"), (UInt8(ascii: "T"), "\\Deleted"),
    ]
}
