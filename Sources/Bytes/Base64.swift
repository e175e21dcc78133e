// SPDX-License-Identifier: Apache-2.0

/// Base 64 (RFC 4648 §4).
package enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 0xFF, count: 256)
        for (value, letter) in alphabet.enumerated() { table[Int(letter)] = UInt8(value) }
        return table
    }()

    /// One line without breaks, padded with `=`.
    package static func encode(_ octets: some Collection<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((octets.count + 2) / 3 * 4)
        var bits: UInt32 = 0
        var held = 0
        for octet in octets {
            bits = bits << 8 | UInt32(octet)
            held += 1
            guard held == 3 else { continue }
            for shift in [18, 12, 6, 0] { text.append(alphabet[Int(bits >> UInt32(shift) & 63)]) }
            bits = 0
            held = 0
        }
        if held > 0 {
            bits <<= UInt32(8 * (3 - held))
            for position in 0...held {
                text.append(alphabet[Int(bits >> UInt32(18 - 6 * position) & 63)])
            }
            for _ in held..<3 { text.append(UInt8(ascii: "=")) }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The octets; nil for a wrong letter, missing padding, or bits left over (RFC 4648 §3).
    package static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var held = 0
        var padding = 0
        for letter in text {
            if letter == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            let value = values[Int(letter)]
            guard value != 0xFF, padding == 0 else { return nil }
            bits = bits << 6 | UInt32(value)
            held += 1
            guard held == 4 else { continue }
            octets.append(UInt8(truncatingIfNeeded: bits >> 16))
            octets.append(UInt8(truncatingIfNeeded: bits >> 8))
            octets.append(UInt8(truncatingIfNeeded: bits))
            bits = 0
            held = 0
        }
        switch (held, padding) {
        case (0, 0): return octets
        case (3, 1) where bits & 3 == 0:
            octets.append(UInt8(truncatingIfNeeded: bits >> 10))
            octets.append(UInt8(truncatingIfNeeded: bits >> 2))
            return octets
        case (2, 2) where bits & 15 == 0:
            octets.append(UInt8(truncatingIfNeeded: bits >> 4))
            return octets
        default: return nil
        }
    }
}
