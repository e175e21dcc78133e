// SPDX-License-Identifier: Apache-2.0

/// The keywords of a Maildir's folder, as Dovecot and Courier keep them beside its messages.
package struct FolderKeywords: Hashable, Sendable {
    /// Those of the letters `a` to `z` in the names of files: `dovecot-keywords`.
    package var byLetter: [Int: String] = [:]
    /// Those of single messages, by the base of their name: Courier's.
    package var byMessage: [String: [String]] = [:]

    package init() {}

    /// Letters that Dovecot has for keywords.
    package static let letters = 26

    /// Reads `dovecot-keywords`: a line `INDEX NAME` for each.
    package mutating func readDovecot(_ octets: [UInt8]) {
        for line in octets.split(separator: UInt8(ascii: "\n")) {
            let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 1)
            guard words.count == 2, let index = Int(words[0]), (0..<Self.letters).contains(index)
            else { continue }
            byLetter[index] = String(words[1])
        }
    }

    /// `dovecot-keywords` of these names.
    package static func dovecot(_ names: [String]) -> [UInt8] {
        Array(names.enumerated().map { "\($0) \($1)\n" }.joined().utf8)
    }

    /// Reads `courierimapkeywords/:list`: the names, an empty line, then a line
    /// `BASE:INDEX INDEX…` for each message.
    package mutating func readCourierList(_ octets: [UInt8]) {
        let lines = octets.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let names = lines.prefix { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
        for line in lines.dropFirst(names.count + 1) {
            guard let colon = line.lastIndex(of: UInt8(ascii: ":")) else { continue }
            let indices = String(decoding: line[(colon + 1)...], as: UTF8.self)
                .split(separator: " ").compactMap { Int($0) }
            let base = String(decoding: line[..<colon], as: UTF8.self)
            byMessage[base] = indices.filter(names.indices.contains).map { names[$0] }
        }
    }

    /// Reads the file of one message in `courierimapkeywords`, which is newer than the list: a
    /// name in each line.
    package mutating func readCourierFile(_ octets: [UInt8], of name: String) {
        // `.NUMBER.BASE` while several programs change it.
        var base = name[...]
        if base.hasPrefix(".") {
            base = base.dropFirst().drop { $0 != "." }.dropFirst()
        }
        byMessage[String(base)] = octets.split(separator: UInt8(ascii: "\n")).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// All flags of a message by their names in IMAP, sorted; `isNew`: nobody has looked at it.
    package func flags(of name: MaildirName, isNew: Bool) -> [String] {
        var flags = isNew ? [] : name.flags(keywords: byLetter)
        flags += byMessage[name.base] ?? []
        return Set(flags.filter(FlagName.isValid)).sorted()
    }
}
