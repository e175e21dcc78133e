// SPDX-License-Identifier: Apache-2.0

import Bytes

/// IMAP flags as scripts write them (RFC 5232 §2): words, each once, case ignored.
enum FlagList {
    /// The words of strings, separated by spaces.
    static func words(_ strings: [String]) -> [String] {
        strings.flatMap { $0.split(separator: " ").map(String.init) }
    }

    /// The flags in strings; what is no flag, and what is there twice, is left out.
    static func split(_ strings: [String]) -> [String] {
        var flags: [String] = []
        for word in words(strings)
        where isFlag(word) && !contains(flags, word) && flags.count < Limit.flags {
            flags.append(word)
        }
        return flags
    }

    static func contains(_ flags: [String], _ flag: String) -> Bool {
        flags.contains { $0.utf8.equalsIgnoringCase(flag.utf8) }
    }

    /// `flag = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword`
    /// (RFC 9051 §9); `\Recent` is the server's alone.
    private static func isFlag(_ word: String) -> Bool {
        guard word.utf8.count <= 100 else { return false }
        if word.hasPrefix("\\") {
            return ["\\answered", "\\flagged", "\\deleted", "\\seen", "\\draft"]
                .contains(word.asciiLowercased)
        }
        return word.utf8.allSatisfy {
            (0x21...0x7E).contains($0) && !#"(){%*"\]"#.utf8.contains($0)
        }
    }
}
