// SPDX-License-Identifier: Apache-2.0

import Bytes

extension RecordFormat {
    /// A geographical position (RFC 1712 §3).
    static let gpos = Self("GPOS", 27, [.string, .string, .string]) { wire in
        var reader = WireReader(wire)
        for limit in [90.0, 180, .infinity] {
            guard let text = try? reader.string(), let value = degrees(text), abs(value) <= limit
            else { return "three decimal numbers, within 90 and 180 degrees, and metres" }
        }
        return nil
    }

    /// A decimal number with or without sign and fraction.
    private static func degrees(_ text: ArraySlice<UInt8>) -> Double? {
        var digits = text
        if let sign = digits.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            digits = digits.dropFirst()
        }
        let parts = digits.split(separator: .dot, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.contains(where: { !$0.isEmpty }),
            parts.allSatisfy({ $0.allSatisfy(\.isDigit) })
        else { return nil }
        return Double((parts.first?.isEmpty == true ? "0" : "") + String(lossy: digits)).map(abs)
    }
}
