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
        octets.withContiguousStorageIfAvailable { encode(contiguous: $0) }
            ?? Array(octets).withUnsafeBufferPointer { encode(contiguous: $0) }
    }

    private static func encode(contiguous octets: UnsafeBufferPointer<UInt8>) -> String {
        String(unsafeUninitializedCapacity: (octets.count + 2) / 3 * 4) { text in
            alphabet.withUnsafeBufferPointer { alphabet in
                var (source, target) = (0, 0)
                while source < octets.count {
                    let held = min(3, octets.count - source)
                    var bits = UInt32(octets[source]) << 16
                    if held > 1 { bits |= UInt32(octets[source + 1]) << 8 }
                    if held > 2 { bits |= UInt32(octets[source + 2]) }
                    for position in 0..<4 {
                        let value = Int(bits >> UInt32(18 - 6 * position) & 63)
                        text[target + position] =
                            position <= held ? alphabet[value] : UInt8(ascii: "=")
                    }
                    source += 3
                    target += 4
                }
                return target
            }
        }
    }

    /// The octets; nil for a wrong letter, missing padding, or bits left over (RFC 4648 §3).
    ///
    /// `skipsSpace`: white space and line ends may stand anywhere, as in tags of DKIM
    /// (RFC 6376 §2.10).
    package static func decode(
        _ text: some Collection<UInt8>, skipsSpace: Bool = false
    ) -> [UInt8]? {
        text.withContiguousStorageIfAvailable { decode(contiguous: $0, skipsSpace) }
            ?? Array(text).withUnsafeBufferPointer { decode(contiguous: $0, skipsSpace) }
    }

    private static func decode(
        contiguous text: UnsafeBufferPointer<UInt8>, _ skipsSpace: Bool
    ) -> [UInt8]? {
        var isWhole = false
        let octets = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 + 3) {
            octets, count in
            values.withUnsafeBufferPointer { values in
                var decoder = Decoder(skipsSpace: skipsSpace)
                isWhole = decoder.decode(text, values, into: octets, &count)
            }
        }
        return isWhole ? octets : nil
    }

    private struct Decoder {
        let skipsSpace: Bool
        private var bits: UInt32 = 0
        private var held = 0
        private var padding = 0

        init(skipsSpace: Bool) { self.skipsSpace = skipsSpace }

        /// Whether all of it could be read.
        mutating func decode(
            _ text: UnsafeBufferPointer<UInt8>, _ values: UnsafeBufferPointer<UInt8>,
            into octets: UnsafeMutableBufferPointer<UInt8>, _ count: inout Int
        ) -> Bool {
            func put(_ value: UInt32) {
                octets[count] = UInt8(truncatingIfNeeded: value)
                count += 1
            }
            var index = 0
            while index < text.count {
                // The common case: four letters of the alphabet.
                if held == 0, padding == 0, index + 4 <= text.count {
                    let (a, b) = (values[Int(text[index])], values[Int(text[index + 1])])
                    let (c, d) = (values[Int(text[index + 2])], values[Int(text[index + 3])])
                    if (a | b | c | d) < 64 {
                        let bits = UInt32(a) << 18 | UInt32(b) << 12 | UInt32(c) << 6 | UInt32(d)
                        put(bits >> 16)
                        put(bits >> 8)
                        put(bits)
                        index += 4
                        continue
                    }
                }
                guard take(text[index], values) else { return false }
                index += 1
                guard held == 4 else { continue }
                put(bits >> 16)
                put(bits >> 8)
                put(bits)
                (bits, held) = (0, 0)
            }
            switch (held, padding) {
            case (0, 0): return true
            case (3, 1) where bits & 3 == 0:
                put(bits >> 10)
                put(bits >> 2)
                return true
            case (2, 2) where bits & 15 == 0:
                put(bits >> 4)
                return true
            default: return false
            }
        }

        /// One letter, or what may stand between them; false for anything else.
        private mutating func take(
            _ letter: UInt8, _ values: UnsafeBufferPointer<UInt8>
        ) -> Bool {
            if letter == UInt8(ascii: "=") {
                padding += 1
                return true
            }
            if skipsSpace, letter.isSpaceOrLineEnd { return true }
            let value = values[Int(letter)]
            guard value < 64, padding == 0 else { return false }
            bits = bits << 6 | UInt32(value)
            held += 1
            return true
        }
    }
}
