// SPDX-License-Identifier: Apache-2.0

package import Bytes
@_spi(_Unicode) import Swift

/// The name of a mailbox (RFC 9051 §5.1): UTF-8 in NFC, levels divided by `/`.
///
/// INBOX is written so however a client writes it, also as the first level of a longer name.
package struct MailboxName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package static let delimiter = UInt8(ascii: "/")
    /// What the longest name takes, in octets of UTF-8; file systems and screens take less.
    package static let maximumOctets = 1000
    /// Levels of the hierarchy.
    package static let maximumLevels = 32

    package static let inbox = Self(unchecked: "INBOX")

    package var description: String { text }
    package var isInbox: Bool { text == "INBOX" }
    /// The names of the levels, from the root.
    package var levels: [Substring] { text.split(separator: "/") }
    /// The mailbox one level up, nil at the root.
    package var parent: MailboxName? {
        text.lastIndex(of: "/").map { Self(unchecked: String(text[..<$0])) }
    }
    /// Whether `other` is below this one.
    package func isAncestor(of other: MailboxName) -> Bool {
        other.text.utf8.count > text.utf8.count + 1 && other.text.utf8.starts(with: text.utf8)
            && other.text.utf8.dropFirst(text.utf8.count).first == Self.delimiter
    }
    /// The name of what was below `old` after `old` was renamed to `new`.
    package func moved(from old: MailboxName, to new: MailboxName) -> MailboxName {
        precondition(old == self || old.isAncestor(of: self), "not below the renamed mailbox")
        return Self(unchecked: new.text + text.dropFirst(old.text.count))
    }

    private init(unchecked text: String) { self.text = text }

    /// A name as people or the store write it.
    package init(_ text: String) throws(SyntaxError) {
        var normal = String.UnicodeScalarView()
        for scalar in text._nfc { normal.append(scalar) }
        var name = String(normal)
        guard !name.isEmpty else { throw SyntaxError(at: 0, expected: "a mailbox name") }
        guard name.utf8.count <= Self.maximumOctets else {
            throw SyntaxError(at: Self.maximumOctets, expected: "at most 1000 octets")
        }
        for (index, scalar) in name.unicodeScalars.enumerated() where Self.isForbidden(scalar) {
            throw SyntaxError(at: index, expected: "no control character")
        }
        let levels = name.utf8.split(
            separator: Self.delimiter, maxSplits: Self.maximumLevels,
            omittingEmptySubsequences: false)
        guard levels.count <= Self.maximumLevels else {
            throw SyntaxError(at: 0, expected: "at most 32 levels")
        }
        // §5.1.1: an empty level has no name.
        guard levels.allSatisfy({ !$0.isEmpty }) else {
            throw SyntaxError(at: 0, expected: "a name for each level, parted by one /")
        }
        // A mark would be written onto the `/`, and nobody sees where the level begins.
        guard name.isASCII || name.count(where: { $0 == "/" }) + 1 == levels.count else {
            throw SyntaxError(at: 0, expected: "no combining mark at the beginning of a level")
        }
        // §5.1: INBOX without regard to case.
        if let first = levels.first, first.equalsIgnoringCase("inbox".utf8) {
            name = "INBOX" + name.dropFirst(5)
        }
        self.text = name
    }

    /// Whether no name has it: C0, DEL and C1, line and paragraph separators (RFC 9051 §5.1,
    /// RFC 5198).
    package static func isForbidden(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
            || scalar.value == 0x2028 || scalar.value == 0x2029
    }

    /// A name as it comes from a client; a single `/` at its end is dropped (CREATE, RFC 9051
    /// §6.3.4).
    ///
    /// `isUTF8`: after ENABLE IMAP4rev2 or UTF8=ACCEPT; else modified UTF-7 (RFC 3501 §5.1.3).
    package init(wire octets: some Collection<UInt8>, isUTF8: Bool) throws(SyntaxError) {
        var text = try Self.decode(octets, isUTF8: isUTF8)
        if text.utf8.last == Self.delimiter { text.removeLast() }
        try self.init(text)
    }

    /// A name in the form of Unicode in which a client wrote it, nil if that is NFC: it is told
    /// back as OLDNAME and names no mailbox (RFC 9051 §6.3.9.7).
    static func asWritten(_ octets: some Collection<UInt8>, isUTF8: Bool) -> Self? {
        guard var text = try? decode(octets, isUTF8: isUTF8),
            !text.unicodeScalars.elementsEqual(text._nfc)
        else { return nil }
        if text.utf8.last == delimiter { text.removeLast() }
        return Self(unchecked: text)
    }

    /// The text of a name or pattern in the client's encoding.
    static func decode(
        _ octets: some Collection<UInt8>, isUTF8: Bool
    ) throws(SyntaxError) -> String {
        if octets.count > maximumOctets * 3 {
            throw SyntaxError(at: maximumOctets, expected: "at most 1000 octets")
        }
        guard isUTF8 else { return try ModifiedUTF7.decode(octets) }
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw SyntaxError(at: 0, expected: "UTF-8")
        }
        return text
    }

    /// Writes the name as an `astring` or, where UTF-8 is allowed, a quoted string.
    package func write(to octets: inout [UInt8], isUTF8: Bool) {
        if isUTF8 || (text.isASCII && !text.utf8.contains(UInt8(ascii: "&"))) {
            octets.appendAString(text.utf8)
        } else {
            octets.appendAString(ModifiedUTF7.encode(text))
        }
    }
}
