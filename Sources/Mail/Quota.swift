// SPDX-License-Identifier: Apache-2.0

/// How much may be kept at most.
package struct Quota: Hashable, Sendable {
    /// Octets of messages, as clients read them; nil: any number.
    package var octets: Int64?
    /// Messages; nil: any number.
    package var messages: Int64?

    package init(octets: Int64? = nil, messages: Int64? = nil) {
        self.octets = octets
        self.messages = messages
    }

    /// Whether it bounds nothing.
    package var isUnlimited: Bool { octets == nil && messages == nil }
}

/// A bound that somebody has set, as opposed to one that is inherited.
package enum Bound: Hashable, Sendable {
    /// There is none, whatever others have.
    case none
    case at(Int64)

    /// The bound itself; nil: none.
    package var value: Int64? {
        switch self {
        case .none: nil
        case .at(let value): value
        }
    }
}

extension Bound {
    /// Reads `none`, or a number of octets as people write it: `500M`, `2G`, `1.5 GiB`, `1048576`.
    ///
    /// K, M, G and T are powers of 1024. Nil for anything else, and beyond a million terabytes.
    package init?(octets text: some StringProtocol) {
        let text = text.uppercased()
        if text == "NONE" {
            self = .none
            return
        }
        let digits = text.prefix { $0.isNumber && $0.isASCII || $0 == "." }
        var unit = text.dropFirst(digits.count).drop { $0 == " " }
        var factor = 1.0
        if let power = unit.first.flatMap({ "KMGT".firstIndex(of: $0) }) {
            let exponent = "KMGT".distance(from: "KMGT".startIndex, to: power) + 1
            for _ in 0..<exponent { factor *= 1024 }
            unit = unit.dropFirst()
            if unit.first == "I" { unit = unit.dropFirst() }
        }
        if unit.first == "B" { unit = unit.dropFirst() }
        guard unit.isEmpty, let number = Double(digits), number * factor < 0x1p60 else {
            return nil
        }
        self = .at(Int64(number * factor))
    }

    /// Reads `none` or a number.
    package init?(count text: some StringProtocol) {
        if text.lowercased() == "none" {
            self = .none
        } else {
            guard let number = Int64(text), number >= 0 else { return nil }
            self = .at(number)
        }
    }
}
