// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// Removes a transfer encoding (RFC 2045 §6) from octets that come in pieces.
///
/// It reads what `MIME.TransferEncoding` reads, damage included. Of base64 it holds nothing back,
/// of quoted-printable the line that is not complete, of uuencode everything until the end.
package struct ContentDecoder: Sendable {
    private let encoding: Encoding
    private let isText: Bool
    private var base64 = Base64State()
    /// A line that is not complete.
    private var held: [UInt8] = []
    private var last: UInt8 = 0

    /// `isText`: lines end with CRLF, whatever was encoded (RFC 9051 §7.5.2, BINARY).
    package init(_ encoding: Encoding, isText: Bool) {
        precondition(encoding != .unknown, "an unknown encoding cannot be removed")
        self.encoding = encoding
        self.isText = isText
    }

    /// What the next octets decode to, as far as it is known.
    package mutating func decode(_ octets: some Collection<UInt8>) -> [UInt8] {
        switch encoding {
        case .base64: return ended(base64.decode(octets))
        case .quotedPrintable:
            held += octets
            guard let feed = held.lastIndex(of: .lineFeed) else { return [] }
            let (decoded, _) = QuotedPrintable.decode(held[...feed])
            held.removeSubrange(...feed)
            return ended(decoded)
        case .uuencode:
            held += octets
            return []
        case .sevenBit, .eightBit, .binary, .unknown: return ended(Array(octets))
        }
    }

    /// What is left when all octets have come.
    package mutating func finish() -> [UInt8] {
        switch encoding {
        case .base64: return ended(base64.finish())
        case .quotedPrintable, .uuencode:
            var defects = DefectList()
            let rest = encoding.transferEncoding?.decode(held[...], defects: &defects, at: "")
            held = []
            return ended(Array(rest ?? []))
        case .sevenBit, .eightBit, .binary, .unknown: return []
        }
    }

    /// Text with CRLF where a line feed stands alone.
    private mutating func ended(_ octets: [UInt8]) -> [UInt8] {
        guard isText, !octets.isEmpty else { return octets }
        defer { last = octets[octets.count - 1] }
        var previous = last
        let isClean = octets.allSatisfy { octet in
            defer { previous = octet }
            return octet != .lineFeed || previous == .carriageReturn
        }
        if isClean { return octets }
        previous = last
        var result: [UInt8] = []
        result.reserveCapacity(octets.count + octets.count / 32)
        for octet in octets {
            if octet == .lineFeed, previous != .carriageReturn { result.append(.carriageReturn) }
            result.append(octet)
            previous = octet
        }
        return result
    }
}

/// Base64 with dirt, piece by piece: other characters are skipped (RFC 2045 §6.8), padding may be
/// missing or stand in the middle.
private struct Base64State: Sendable {
    private var bits: UInt32 = 0
    private var held = 0

    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (value, letter) in alphabet.utf8.enumerated() { table[Int(letter)] = UInt8(value) }
        table[Int(UInt8(ascii: "="))] = 0xFE
        return table
    }()

    mutating func decode(_ text: some Collection<UInt8>) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count / 4 * 3 + 3)
        let values = Self.values
        for letter in text {
            let value = values[Int(letter)]
            if value < 64 {
                bits = bits << 6 | UInt32(value)
                held += 1
                guard held == 4 else { continue }
                octets.append(UInt8(truncatingIfNeeded: bits >> 16))
                octets.append(UInt8(truncatingIfNeeded: bits >> 8))
                octets.append(UInt8(truncatingIfNeeded: bits))
                bits = 0
                held = 0
            } else if value == 0xFE {
                octets += finish()
            }
        }
        return octets
    }

    /// The last one or two octets of a group that is not full.
    mutating func finish() -> [UInt8] {
        defer { (bits, held) = (0, 0) }
        switch held {
        case 3:
            return [
                UInt8(truncatingIfNeeded: bits >> 10), UInt8(truncatingIfNeeded: bits >> 2),
            ]
        case 2: return [UInt8(truncatingIfNeeded: bits >> 4)]
        default: return []
        }
    }
}
