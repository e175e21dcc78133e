// SPDX-License-Identifier: Apache-2.0

import IMAP

/// How far a folder at another server was when all of it was here, so that the next run asks only
/// for what has changed since (RFC 7162).
///
/// Written as `1 UIDVALIDITY MODSEQ UIDS`, the UIDs as a sequence set or `-` for none.
struct SourceMark: Hashable, Sendable {
    var uidValidity: String
    /// HIGHESTMODSEQ when the folder was opened.
    var modSequence: Int64
    /// The messages that were there.
    var uids: NumberSet

    private static let format = "1"
    /// A folder from which every second message was removed has long sets: then all is listed.
    static let limitOctets = 1 << 20

    init(uidValidity: String, modSequence: Int64, uids: NumberSet) {
        self.uidValidity = uidValidity
        self.modSequence = modSequence
        self.uids = uids
    }

    /// Nil for what is none of ours.
    init?(_ text: String) {
        guard text.utf8.count <= Self.limitOctets else { return nil }
        let words = text.split(separator: " ")
        guard words.count == 4, words[0] == Self.format, let modSequence = Int64(words[2]),
            let uids = words[3] == "-" ? NumberSet() : NumberSet(uids: words[3])
        else { return nil }
        self.init(uidValidity: String(words[1]), modSequence: modSequence, uids: uids)
    }

    /// Nil if it would be too long.
    var text: String? {
        let text =
            "\(Self.format) \(uidValidity) \(modSequence) \(uids.isEmpty ? "-" : uids.description)"
        return text.utf8.count <= Self.limitOctets ? text : nil
    }
}

extension NumberSet {
    /// Ranges of a set that are looked at.
    private static let rangeLimit = 500_000

    /// Reads `1:5,7`; nil for what is none, `*` included.
    init?(uids text: some StringProtocol) {
        var ranges: [ClosedRange<UInt32>] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: ":", omittingEmptySubsequences: false)
            guard ranges.count < Self.rangeLimit, (1...2).contains(ends.count),
                let first = UInt32(ends[0]), let last = UInt32(ends[ends.count - 1]), first > 0,
                last > 0
            else { return nil }
            ranges.append(Swift.min(first, last)...Swift.max(first, last))
        }
        self.init(ranges)
    }
}
