// SPDX-License-Identifier: Apache-2.0

/// Base 16 (RFC 4648 §8), written in lower case and read in either.
package enum Hexadecimal {
    /// Two digits for each octet.
    package static func encode(_ octets: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for octet in octets {
            text.append(digits[Int(octet >> 4)])
            text.append(digits[Int(octet & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The octets, or nil if there is an odd number of digits or anything else than digits.
    package static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var octets: [UInt8] = []
        var high: UInt8?
        for digit in text {
            guard let value = digit.hexadecimalValue else { return nil }
            if let first = high {
                octets.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return high == nil ? octets : nil
    }
}
