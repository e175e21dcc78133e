// SPDX-License-Identifier: Apache-2.0

import Bytes

/// What a test weighs, in hundredths, so that a sum is exactly the sum of what is shown.
package struct Points: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let hundredths: Int

    /// More than this is a slip of the pen, and sums of many stay far from overflowing.
    package static let maximum = Points(hundredths: 100_000)
    package static let zero = Points(hundredths: 0)

    package init(hundredths: Int) { self.hundredths = hundredths }

    /// The nearest to a number from elsewhere, within `maximum`; what is no number counts nothing.
    package init(rounding number: Double) {
        guard number.isFinite else {
            self = .zero
            return
        }
        let limit = Double(Self.maximum.hundredths)
        self.init(hundredths: Int(min(max((number * 100).rounded(), -limit), limit)))
    }

    /// Reads `[-]digits[.digit[digit]]`, at most `maximum`.
    package init?(_ text: some StringProtocol) {
        var digits = text[...]
        let isNegative = digits.hasPrefix("-")
        if isNegative { digits.removeFirst() }
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] + "00" : "00"
        guard (1...4).contains(parts[0].utf8.count),
            parts.count == 1 || (1...2).contains(parts[1].utf8.count),
            (parts[0] + fraction).utf8.allSatisfy(\.isDigit),
            let whole = Int(parts[0]), let rest = Int(fraction.prefix(2))
        else { return nil }
        let value = whole * 100 + rest
        guard value <= Self.maximum.hundredths else { return nil }
        hundredths = isNegative ? -value : value
    }

    package static func < (left: Self, right: Self) -> Bool { left.hundredths < right.hundredths }
    package static func + (left: Self, right: Self) -> Self {
        Self(hundredths: left.hundredths + right.hundredths)
    }

    /// With two places behind the point.
    package var description: String {
        let value = hundredths.magnitude
        let places = value % 100
        return "\(hundredths < 0 ? "-" : "")\(value / 100).\(places < 10 ? "0" : "")\(places)"
    }
}

extension Points: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    package init(floatLiteral value: Double) { self.init(rounding: value) }
    package init(integerLiteral value: Int) { self.init(hundredths: value * 100) }
}
