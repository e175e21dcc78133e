// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// Texts of header fields as people read them, in UTF-8.
enum HeaderText {
    /// A value unfolded, its encoded words (RFC 2047) decoded.
    static func decoded(_ source: Source, _ value: Range<Int>) -> [UInt8] {
        let octets = source[source.trimmed(value)]
        var text: [UInt8] = []
        text.reserveCapacity(octets.count)
        for octet in octets where octet != .carriageReturn && octet != .lineFeed {
            text.append(octet)
        }
        return decoded(text)
    }

    static func decoded(_ text: [UInt8]) -> [UInt8] {
        guard text.contains(where: { $0 >= 0x80 || $0 == UInt8(ascii: "?") }) else { return text }
        var defects = DefectList()
        return Array(EncodedWord.decode(text[...], defects: &defects, at: "").utf8)
    }
}
