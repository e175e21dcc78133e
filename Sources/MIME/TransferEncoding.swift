// SPDX-License-Identifier: Apache-2.0

import Bytes

/// `Content-Transfer-Encoding` (RFC 2045 §6).
package enum TransferEncoding: String, Hashable, Sendable {
    case sevenBit = "7bit"
    case eightBit = "8bit"
    case binary
    case quotedPrintable = "quoted-printable"
    case base64
    /// Older than MIME, and still met.
    case uuencode = "x-uuencode"

    /// Reads the field's value; nil if the mechanism is unknown.
    package init?(_ value: ArraySlice<UInt8>) {
        var lexer = Lexer(value)
        lexer.skipCFWS()
        _ = lexer.skip(UInt8(ascii: "\""))
        let token = String(decoding: lexer.token().map(\.lowercased), as: UTF8.self)
        switch token {
        case "7bit", "7-bit", "": self = .sevenBit
        case "8bit", "8-bit": self = .eightBit
        case "binary": self = .binary
        case "quoted-printable": self = .quotedPrintable
        case "base64": self = .base64
        case "x-uuencode", "uuencode", "x-uue", "uue": self = .uuencode
        default: return nil
        }
    }

    /// Whether the octets are content as they stand.
    package var isIdentity: Bool {
        switch self {
        case .sevenBit, .eightBit, .binary: true
        case .quotedPrintable, .base64, .uuencode: false
        }
    }

    /// The content; damage is noted, and what can be read is read.
    package func decode(
        _ body: ArraySlice<UInt8>, defects: inout DefectList, at place: String
    ) -> ArraySlice<UInt8> {
        switch self {
        case .sevenBit, .eightBit, .binary: return body
        case .quotedPrintable:
            let (octets, isClean) = QuotedPrintable.decode(body)
            if !isClean { defects.note(.quotedPrintableInvalid, at: place) }
            return octets[...]
        case .base64:
            let (octets, isClean) = Self.decodeBase64(body)
            if !isClean { defects.note(.base64Invalid, at: place) }
            return octets[...]
        case .uuencode:
            let (octets, isClean) = Self.decodeUuencode(body)
            if !isClean { defects.note(.uuencodeInvalid, at: place) }
            return octets[...]
        }
    }

    private static let base64Values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, letter) in alphabet.utf8.enumerated() { table[Int(letter)] = UInt8(value) }
        return table
    }()

    /// Base64 with dirt: other characters are skipped (RFC 2045 §6.8), padding may be missing or
    /// stand in the middle, where encoded pieces were put one behind the other.
    static func decodeBase64(_ text: ArraySlice<UInt8>) -> (octets: [UInt8], isClean: Bool) {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count / 4 * 3 + 3)
        var isClean = true
        var bits: UInt32 = 0
        var held = 0
        // How many `=` may follow; nil while no padding has been met.
        var padding: Int?
        let values = base64Values
        for letter in text {
            let value = values[Int(letter)]
            if value != 0xFF {
                if padding != nil {
                    isClean = false
                    padding = nil
                }
                bits = bits << 6 | UInt32(value)
                held += 1
                guard held == 4 else { continue }
                octets.append(UInt8(truncatingIfNeeded: bits >> 16))
                octets.append(UInt8(truncatingIfNeeded: bits >> 8))
                octets.append(UInt8(truncatingIfNeeded: bits))
                bits = 0
                held = 0
            } else if letter == UInt8(ascii: "=") {
                if held > 0 {
                    if !flush(&octets, bits, held) { isClean = false }
                    padding = 4 - held
                    held = 0
                    bits = 0
                }
                padding = (padding ?? 0) - 1
                if padding ?? 0 < 0 { isClean = false }
            } else if !letter.isWhitespace, letter != .carriageReturn, letter != .lineFeed {
                isClean = false
            }
        }
        if padding ?? 0 > 0 { isClean = false }
        if held > 0 {
            isClean = false
            _ = flush(&octets, bits, held)
        }
        return (octets, isClean)
    }

    /// The last one or two octets of a group that is not full.
    private static func flush(_ octets: inout [UInt8], _ bits: UInt32, _ held: Int) -> Bool {
        switch held {
        case 3:
            octets.append(UInt8(truncatingIfNeeded: bits >> 10))
            octets.append(UInt8(truncatingIfNeeded: bits >> 2))
            return true
        case 2:
            octets.append(UInt8(truncatingIfNeeded: bits >> 4))
            return true
        default:
            return false
        }
    }

    /// Lines between `begin MODE NAME` and `end`, each with its length in front.
    static func decodeUuencode(_ text: ArraySlice<UInt8>) -> (octets: [UInt8], isClean: Bool) {
        var octets: [UInt8] = []
        var isInside = false
        for line in text.split(separator: .lineFeed) {
            let line = line.last == .carriageReturn ? line.dropLast() : line
            guard isInside else {
                isInside = line.starts(with: "begin ".utf8)
                continue
            }
            if line.elementsEqual("end".utf8) { return (octets, true) }
            guard let first = line.first else { continue }
            let count = Int(first &- 0x20) & 63
            let start = octets.count
            var bits: UInt32 = 0
            var held = 0
            for letter in line.dropFirst() where octets.count - start < count {
                bits = bits << 6 | UInt32((letter &- 0x20) & 63)
                held += 1
                guard held == 4 else { continue }
                for shift in [UInt32(16), 8, 0] where octets.count - start < count {
                    octets.append(UInt8(truncatingIfNeeded: bits >> shift))
                }
                bits = 0
                held = 0
            }
        }
        return (octets, false)
    }
}
