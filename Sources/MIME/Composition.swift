// SPDX-License-Identifier: Apache-2.0

import Bytes
package import World

/// A part of a message to be written (RFC 2045, RFC 2046): header fields and content.
package struct Composition: Sendable {
    /// What the part holds.
    package enum Content: Sendable {
        /// `text/SUBTYPE` in UTF-8; encoded where it is more than short lines of ASCII.
        case text(String, subtype: String)
        /// Octets of any type, as Base64.
        case octets([UInt8], type: String, parameters: [(name: String, value: String)])
        /// Lines that must travel as they are (`message/rfc822`, `message/delivery-status`,
        /// RFC 2046 §5.2.1): 7bit, or 8bit if there are octets above 127.
        case lines([UInt8], type: String, parameters: [(name: String, value: String)])
        /// Lines that may be encoded, and are as soon as they are more than short lines of ASCII
        /// (`text/rfc822-headers`, RFC 6522 §4).
        case encodableLines([UInt8], type: String)
        /// `multipart/SUBTYPE`.
        case multipart(
            subtype: String, parameters: [(name: String, value: String)], [Composition])
    }

    /// Fields beside those that describe the content.
    package var header: HeaderWriter
    package var content: Content
    /// `attachment` or `inline`, with a file name.
    package var disposition: (kind: String, filename: String?)?

    package init(
        header: HeaderWriter = HeaderWriter(), _ content: Content,
        disposition: (kind: String, filename: String?)? = nil
    ) {
        self.header = header
        self.content = content
        self.disposition = disposition
    }

    /// The octets of a whole message, with `MIME-Version`; every line ends with CRLF.
    ///
    /// Boundaries are random, so that no content can hold them.
    package func message(entropy: some Entropy) -> [UInt8] {
        var whole = self
        whole.header.field("MIME-Version", structured: "1.0")
        var octets: [UInt8] = []
        whole.write(to: &octets, entropy: entropy)
        return octets
    }

    /// Whether any line needs 8BITMIME (RFC 6152).
    package var is8Bit: Bool {
        switch content {
        case .text, .octets, .encodableLines: false
        case .lines(let lines, _, _): lines.contains { $0 >= 0x80 }
        case .multipart(_, _, let parts): parts.contains(where: \.is8Bit)
        }
    }

    private func write(to octets: inout [UInt8], entropy: some Entropy) {
        var header = self.header
        if let (kind, filename) = disposition {
            header.field(
                "Content-Disposition", token: kind,
                parameters: filename.map { [("filename", $0)] } ?? [])
        }
        switch content {
        case .text(let text, let subtype):
            header.field(
                "Content-Type", token: "text/\(subtype)", parameters: [("charset", "utf-8")])
            let lines = TransferEncoding.canonicalLines(Array(text.utf8))
            Self.write(lines, &header, to: &octets)
        case .octets(let content, let type, let parameters):
            header.field("Content-Type", token: type, parameters: parameters)
            header.field("Content-Transfer-Encoding", structured: "base64")
            header.finish()
            octets += header.octets
            octets += TransferEncoding.encodeBase64(content)
        case .lines(let lines, let type, let parameters):
            header.field("Content-Type", token: type, parameters: parameters)
            if is8Bit { header.field("Content-Transfer-Encoding", structured: "8bit") }
            header.finish()
            octets += header.octets
            octets += TransferEncoding.canonicalLines(lines)
        case .encodableLines(let lines, let type):
            header.field("Content-Type", token: type, parameters: [])
            Self.write(
                TransferEncoding.canonicalLines(lines), &header, to: &octets, isReadable: true)
        case .multipart(let subtype, let parameters, let parts):
            // RFC 2045 §6.7 (1): "=_" stands in no quoted-printable and no Base64.
            let boundary =
                "=_" + String(entropy.next(), radix: 36) + String(entropy.next(), radix: 36)
            header.field(
                "Content-Type", token: "multipart/\(subtype)",
                parameters: parameters + [("boundary", boundary)])
            if is8Bit { header.field("Content-Transfer-Encoding", structured: "8bit") }
            header.finish()
            octets += header.octets
            for part in parts {
                octets += "\r\n--\(boundary)\r\n".utf8
                part.write(to: &octets, entropy: entropy)
            }
            octets += "\r\n--\(boundary)--\r\n".utf8
        }
    }

    private static func write(
        _ lines: [UInt8], _ header: inout HeaderWriter, to octets: inout [UInt8],
        isReadable: Bool = false
    ) {
        let isPlain = TransferEncoding.isSevenBit(lines)
        let encoded = isPlain ? lines : QuotedPrintable.encode(lines)
        // Text of another script is shorter, and no less readable, in Base64.
        let isBase64 = !isPlain && !isReadable && encoded.count > lines.count * 3 / 2
        let name = isPlain ? "7bit" : isBase64 ? "base64" : "quoted-printable"
        header.field("Content-Transfer-Encoding", structured: name)
        header.finish()
        octets += header.octets
        octets += isBase64 ? TransferEncoding.encodeBase64(lines) : encoded
    }
}

extension TransferEncoding {
    /// Base64 in lines of 76 (RFC 2045 §6.8), each ended by CRLF.
    package static func encodeBase64(_ octets: some RandomAccessCollection<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(octets.count / 57 * 78 + 80)
        var index = octets.startIndex
        while index < octets.endIndex {
            let end =
                octets.index(index, offsetBy: 57, limitedBy: octets.endIndex)
                ?? octets.endIndex
            text += Base64.encode(octets[index..<end]).utf8
            text += [.carriageReturn, .lineFeed]
            index = end
        }
        return text
    }

    /// The octets with every line end as CRLF; a CR alone counts as one.
    package static func canonicalLines(_ octets: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(octets.count + octets.count / 32)
        var previous: UInt8 = 0
        for octet in octets {
            switch octet {
            case .carriageReturn: result += [.carriageReturn, .lineFeed]
            case .lineFeed:
                if previous != .carriageReturn { result += [.carriageReturn, .lineFeed] }
            default: result.append(octet)
            }
            previous = octet
        }
        return result
    }

    /// RFC 2045 §2.7: ASCII without NUL in lines of at most 998 octets.
    ///
    /// Lines are given canonical.
    package static func isSevenBit(_ lines: [UInt8]) -> Bool {
        isEightBit(lines) && !lines.contains { $0 >= 0x80 }
    }

    /// RFC 2045 §2.8: no NUL, in lines of at most 998 octets.
    ///
    /// Lines are given canonical.
    package static func isEightBit(_ lines: [UInt8]) -> Bool {
        var column = 0
        for octet in lines {
            guard octet != 0 else { return false }
            column = octet == .lineFeed ? 0 : column + 1
            // The line end's CR is counted too.
            guard column <= HeaderWriter.maximumLineOctets + 1 else { return false }
        }
        return true
    }
}
