// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The text of a LOC record (RFC 1876 §3).
enum Location {
    /// The equator and the prime meridian, in thousandths of a second of arc (RFC 1876 §2).
    private static let middle: Int64 = 1 << 31
    /// Altitude counts in centimetres from 100 km below the ground.
    private static let baseCentimetres: Int64 = 10_000_000

    // `d1 [m1 [s1]] {"N"|"S"} d2 [m2 [s2]] {"E"|"W"} alt["m"] [siz["m"] [hp["m"] [vp["m"]]]]`
    static func parse(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        let latitude = try angle(&tokens, "N", "S", degrees: 90)
        let longitude = try angle(&tokens, "E", "W", degrees: 180)
        let altitude = try centimetres(&tokens, "an altitude in metres") + baseCentimetres
        guard (0...Int64(UInt32.max)).contains(altitude) else {
            throw tokens.fault("an altitude from -100000 to 42849672.95 metres")
        }
        // RFC 1876 §3: 1 m, 10,000 m and 10 m where nothing is said.
        var precisions: [UInt8] = [0x12, 0x16, 0x13]
        for index in precisions.indices where !tokens.isAtEnd {
            precisions[index] = try precision(&tokens)
        }
        var wire: [UInt8] = [0] + precisions
        for value in [latitude, longitude, altitude] { wire.appendLong(UInt32(value)) }
        return wire
    }

    private static func angle(
        _ tokens: inout TokenReader, _ positive: String, _ negative: String, degrees limit: Int64
    ) throws(MasterFile.Fault) -> Int64 {
        let expected = "degrees, minutes, seconds and \(positive) or \(negative)"
        var parts: [Int64] = []
        while true {
            let text = try tokens.next(expected).raw
            let isPositive = text.equalsIgnoringCase(positive.utf8)
            if isPositive || text.equalsIgnoringCase(negative.utf8) {
                parts += [Int64](repeating: 0, count: max(0, 3 - parts.count))
                let total = parts[0] * 3_600_000 + parts[1] * 60_000 + parts[2]
                guard total <= limit * 3_600_000 else {
                    throw tokens.fault("at most \(limit) degrees")
                }
                return middle + (isPositive ? total : -total)
            }
            let value = parts.count == 2 ? decimal(text, places: 3) : Int64(decimal: text)
            let bound = [limit + 1, 60, 60_000]
            guard parts.count < 3, let value, value < bound[parts.count] else {
                throw tokens.fault(expected)
            }
            parts.append(value)
        }
    }

    /// A decimal number with at most `places` digits behind the dot, in units of the last.
    private static func decimal(_ text: ArraySlice<UInt8>, places: Int) -> Int64? {
        let parts = text.split(separator: .dot, maxSplits: 1, omittingEmptySubsequences: false)
        // As others read it: `.5` is a half.
        let isFractionOnly = parts.count == 2 && parts[0].isEmpty && !parts[1].isEmpty
        guard let first = parts.first, first.count <= 12,
            let whole = isFractionOnly ? 0 : Int64(decimal: first)
        else { return nil }
        let fraction = parts.count == 2 ? Array(parts[1]) : []
        guard fraction.count <= places else { return nil }
        let digits = fraction + [UInt8](repeating: 0x30, count: places - fraction.count)
        guard let part = Int64(decimal: digits) else { return nil }
        return digits.reduce(whole) { value, _ in value * 10 } + part
    }

    private static func centimetres(
        _ tokens: inout TokenReader, _ expected: String
    ) throws(MasterFile.Fault) -> Int64 {
        var text = try tokens.next(expected).raw
        if text.last?.lowercased == UInt8(ascii: "m") { text = text.dropLast() }
        let isNegative = text.first == UInt8(ascii: "-")
        if isNegative { text = text.dropFirst() }
        guard let value = decimal(text, places: 2) else { throw tokens.fault(expected) }
        return isNegative ? -value : value
    }

    /// A mantissa and a power of ten, in centimetres (RFC 1876 §2).
    private static func precision(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> UInt8 {
        let expected = "a size from 0 to 90000000 metres"
        var value = try centimetres(&tokens, expected)
        guard (0...9_000_000_000).contains(value) else { throw tokens.fault(expected) }
        var exponent: UInt8 = 0
        while value > 9 {
            value /= 10
            exponent += 1
        }
        return UInt8(value) << 4 | exponent
    }

    static func words(_ reader: inout WireReader) throws(SyntaxError) -> [String] {
        let head = Array(try reader.take(4))
        let latitude = Int64(try reader.long()) - middle
        let longitude = Int64(try reader.long()) - middle
        let altitude = Int64(try reader.long()) - baseCentimetres
        let sizes = head[1...].map { octet in
            metres((0..<(octet & 15)).reduce(Int64(octet >> 4)) { value, _ in value * 10 })
        }
        return angle(latitude, "N", "S") + angle(longitude, "E", "W") + [metres(altitude)] + sizes
    }

    private static func angle(_ value: Int64, _ positive: String, _ negative: String) -> [String] {
        let total = abs(value)
        let thousandths = String(total % 1000)
        let padding = String(repeating: "0", count: 3 - thousandths.utf8.count)
        return [
            String(total / 3_600_000), String(total / 60_000 % 60),
            "\(total / 1000 % 60).\(padding)\(thousandths)", value < 0 ? negative : positive,
        ]
    }

    private static func metres(_ centimetres: Int64) -> String {
        let total = abs(centimetres)
        let rest = total % 100
        return (centimetres < 0 ? "-" : "") + "\(total / 100).\(rest < 10 ? "0" : "")\(rest)m"
    }
}
