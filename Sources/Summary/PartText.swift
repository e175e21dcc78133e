// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// The text of a part, decoded to UTF-8.
enum PartText {
    /// The text of encoded content; with a limit only its beginning is read.
    static func decoded(
        _ body: UnsafeRawBufferPointer, encoding: Encoding, charset: [UInt8]?,
        isBeginning: Bool = false
    ) -> [UInt8] {
        var content = Array(body)
        if !encoding.isIdentity, let transferEncoding = encoding.transferEncoding {
            var defects = DefectList()
            content = Array(transferEncoding.decode(content[...], defects: &defects, at: ""))
        }
        return utf8(content, charset: charset, isBeginning: isBeginning)
    }

    /// Content as UTF-8, by its charset or by what it most likely is.
    static func utf8(
        _ content: consuming [UInt8], charset: [UInt8]?, isBeginning: Bool = false
    ) -> [UInt8] {
        let label = charset.map { String(decoding: $0, as: UTF8.self) } ?? ""
        let known = label.isEmpty ? Charset.utf8 : Charset(label) ?? .utf8
        guard known == .utf8 || known == .ascii else {
            return Array(known.decode(content).text.utf8)
        }
        // Without an end before the last octet it is looked at sixteen octets at a time.
        guard content.reduce(0, |) >= 0x80 else { return content }
        if isBeginning { removeCutCharacter(&content) }
        return Array(Charset.guess(content).text.utf8)
    }

    /// The last character, if not all of its octets are there.
    private static func removeCutCharacter(_ content: inout [UInt8]) {
        var index = content.count
        while index > 0, content.count - index < 3, content[index - 1] & 0xC0 == 0x80 { index -= 1 }
        guard index > 0, content[index - 1] >= 0xC0 else { return }
        let lead = content[index - 1]
        let width = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        if content.count - index + 1 < width { content.removeLast(content.count - index + 1) }
    }
}
