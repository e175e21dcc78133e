// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Mailbox names of IMAP4rev1 (RFC 3501 §5.1.3): UTF-16 in Base 64 between `&` and `-`.
package enum ModifiedUTF7 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,".utf8)

    private static func value(_ letter: UInt8) -> UInt32? {
        switch letter {
        case 0x41...0x5A: UInt32(letter - 0x41)
        case 0x61...0x7A: UInt32(letter - 0x61) + 26
        case 0x30...0x39: UInt32(letter - 0x30) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: ","): 63
        default: nil
        }
    }

    /// The text; each has one way to be written, and every other is refused.
    package static func decode(
        _ octets: some Collection<UInt8>
    ) throws(SyntaxError) -> String {
        var text = ""
        var index = octets.startIndex
        var offset = 0
        var isAfterShift = false
        while index != octets.endIndex {
            let octet = octets[index]
            guard (0x20...0x7E).contains(octet) else {
                throw SyntaxError(at: offset, expected: "modified UTF-7")
            }
            index = octets.index(after: index)
            offset += 1
            guard octet == UInt8(ascii: "&") else {
                text.unicodeScalars.append(Unicode.Scalar(octet))
                isAfterShift = false
                continue
            }
            guard let end = octets[index...].firstIndex(of: UInt8(ascii: "-")) else {
                throw SyntaxError(at: offset, expected: "a - that ends modified Base 64")
            }
            let run = octets[index..<end]
            if run.isEmpty {
                text.append("&")
                isAfterShift = false
            } else {
                // "&...-&...-" could have been one run.
                guard !isAfterShift, let part = decodeRun(run) else {
                    throw SyntaxError(at: offset, expected: "UTF-16 in modified Base 64")
                }
                text += part
                isAfterShift = true
            }
            offset += run.count + 1
            index = octets.index(after: end)
        }
        return text
    }

    private static func decodeRun(_ run: some Collection<UInt8>) -> String? {
        var units: [UInt16] = []
        var bits: UInt32 = 0
        var held = 0
        for letter in run {
            guard let value = value(letter) else { return nil }
            bits = bits << 6 | value
            held += 6
            if held >= 16 {
                held -= 16
                units.append(UInt16(truncatingIfNeeded: bits >> UInt32(held)))
            }
        }
        // What is left over is less than a letter, and zero.
        guard held < 6, bits & ((1 << UInt32(held)) - 1) == 0, !units.isEmpty,
            let text = String(validating: units, as: UTF16.self)
        else { return nil }
        // Printable ASCII stands for itself.
        let isHidden = text.unicodeScalars.contains { (0x20...0x7E).contains($0.value) }
        return isHidden ? nil : text
    }

    /// The one way to write the text.
    package static func encode(_ text: String) -> [UInt8] {
        var octets: [UInt8] = []
        var pending: [UInt16] = []
        for scalar in text.unicodeScalars {
            guard (0x20...0x7E).contains(scalar.value) else {
                pending += UTF16.encode(scalar).map { Array($0) } ?? []
                continue
            }
            flush(&pending, to: &octets)
            octets.append(UInt8(scalar.value))
            if scalar == "&" { octets.append(UInt8(ascii: "-")) }
        }
        flush(&pending, to: &octets)
        return octets
    }

    private static func flush(_ units: inout [UInt16], to octets: inout [UInt8]) {
        guard !units.isEmpty else { return }
        octets.append(UInt8(ascii: "&"))
        var bits: UInt32 = 0
        var held = 0
        for unit in units {
            bits = bits << 16 | UInt32(unit)
            held += 16
            while held >= 6 {
                held -= 6
                octets.append(alphabet[Int(bits >> UInt32(held) & 63)])
            }
        }
        if held > 0 { octets.append(alphabet[Int(bits << UInt32(6 - held) & 63)]) }
        octets.append(UInt8(ascii: "-"))
        units.removeAll()
    }
}
