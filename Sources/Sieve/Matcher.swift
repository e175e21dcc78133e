// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Compares values with keys, and stops when a run has compared enough.
struct Matcher {
    /// Octets that may still be compared.
    private var budget: Int

    init(budget: Int) { self.budget = budget }

    /// To compare at all costs about as much as so many octets.
    private static let comparison = 16

    /// The run has used up what it may.
    struct Exhausted: Error {}

    mutating func spend(_ count: Int) throws(Exhausted) {
        budget -= count
        if budget < 0 { throw Exhausted() }
    }

    /// What the wildcards of `:matches` stood for, the whole first; nil without a match.
    typealias Captures = [ArraySlice<UInt8>]

    /// Whether a value matches a key; captures only for `:matches`.
    mutating func match(
        _ value: ArraySlice<UInt8>, _ key: [UInt8], _ rule: MatchRule
    ) throws(Exhausted) -> Captures? {
        switch rule.kind {
        case .exact:
            try spend(min(value.count, key.count) + Self.comparison)
            return Self.order(value, key[...], rule.comparator) == 0 ? [] : nil
        case .value(let relation), .count(let relation):
            try spend(min(value.count, key.count) + Self.comparison)
            return relation.holds(Self.order(value, key[...], rule.comparator)) ? [] : nil
        case .contains:
            try spend(value.count + key.count + Self.comparison)
            return Self.contains(value, key, foldsCase: rule.comparator == .casemap) ? [] : nil
        case .matches: return try matches(value, key, rule.comparator)
        case .regex: return try search(value, key, rule.comparator)
        // Asked elsewhere.
        case .list: return nil
        }
    }

    // MARK: Regular expressions

    private struct Known {
        let pattern: [UInt8]
        let isOctets: Bool
        /// Nil: it is none; variables made it up.
        let expression: RegularExpression?
    }

    /// Those that were made ready in this run; a script has a few.
    private var expressions: [Known] = []
    private static let maximumKnown = 64

    private mutating func expression(
        _ pattern: [UInt8], isOctets: Bool
    ) throws(Exhausted) -> RegularExpression? {
        if let known = expressions.first(where: {
            $0.isOctets == isOctets && $0.pattern == pattern
        }) {
            return known.expression
        }
        try spend(pattern.count * 32)
        let expression = try? RegularExpression(pattern, isOctets: isOctets)
        try spend((expression?.program.count ?? 0) * 32)
        if expressions.count == Self.maximumKnown { expressions = [] }
        expressions.append(Known(pattern: pattern, isOctets: isOctets, expression: expression))
        return expression
    }

    private mutating func search(
        _ value: ArraySlice<UInt8>, _ pattern: [UInt8], _ comparator: Comparator
    ) throws(Exhausted) -> Captures? {
        let isOctets = comparator == .octet
        guard let expression = try expression(pattern, isOctets: isOctets) else { return nil }
        try spend(expression.searchCost)
        var left = budget
        defer { budget = left }
        let found = try expression.search(
            in: value, isOctets: isOctets, foldsCase: comparator == .casemap
        ) { cost throws(Exhausted) in
            left -= cost
            if left < 0 { throw Exhausted() }
        }
        return found?.prefix(Limit.matchVariables + 1).map { value[$0] }
    }

    // MARK: Comparators

    /// Less than, equal to or greater than zero.
    static func order(
        _ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>, _ comparator: Comparator
    ) -> Int {
        switch comparator {
        // RFC 4790 §9.3.
        case .octet: lexical(left, right) { $0 }
        // RFC 4790 §9.2: to upper case, so that `_` follows the letters as it does in ASCII.
        case .casemap: lexical(left, right) { $0.isAlpha ? $0 & 0xDF : $0 }
        case .numeric: numeric(left, right)
        }
    }

    private static func lexical(
        _ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>, _ fold: (UInt8) -> UInt8
    ) -> Int {
        for (one, other) in zip(left, right) {
            let (one, other) = (fold(one), fold(other))
            if one != other { return one < other ? -1 : 1 }
        }
        return left.count == right.count ? 0 : left.count < right.count ? -1 : 1
    }

    /// RFC 4790 §9.1: the digits at the start; what begins with none is positive infinity.
    private static func numeric(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Int {
        let numbers = [left, right].map { text -> ArraySlice<UInt8>? in
            let digits = text.prefix(while: \.isDigit)
            return digits.isEmpty ? nil : digits.drop { $0 == UInt8(ascii: "0") }
        }
        switch (numbers[0], numbers[1]) {
        case (nil, nil): return 0
        case (nil, _): return 1
        case (_, nil): return -1
        case (let left?, let right?):
            guard left.count == right.count else { return left.count < right.count ? -1 : 1 }
            return lexical(left, right) { $0 }
        }
    }

    // MARK: Substrings

    /// By Knuth, Morris and Pratt: linear, whatever is sought where.
    private static func contains(
        _ value: ArraySlice<UInt8>, _ key: [UInt8], foldsCase: Bool
    ) -> Bool {
        guard !key.isEmpty else { return true }
        guard key.count <= value.count else { return false }
        let key = foldsCase ? key.map(\.lowercased) : key
        var borders = [Int](repeating: 0, count: key.count)
        var length = 0
        for index in key.indices.dropFirst() {
            while length > 0, key[index] != key[length] { length = borders[length - 1] }
            if key[index] == key[length] { length += 1 }
            borders[index] = length
        }
        length = 0
        for octet in value {
            let octet = foldsCase ? octet.lowercased : octet
            while length > 0, octet != key[length] { length = borders[length - 1] }
            if octet == key[length] { length += 1 }
            if length == key.count { return true }
        }
        return false
    }

    // MARK: Wildcards

    private enum Element {
        case octet(UInt8)
        /// `?`
        case one
        /// `*`
        case any
    }

    /// `\` takes the meaning from what follows it (RFC 5228 §2.7.1).
    private static func elements(_ pattern: [UInt8], foldsCase: Bool) -> [Element] {
        var elements: [Element] = []
        var isQuoted = false
        for octet in pattern {
            if !isQuoted, octet == UInt8(ascii: "\\") {
                isQuoted = true
                continue
            }
            switch octet {
            case UInt8(ascii: "*") where !isQuoted: elements.append(.any)
            case UInt8(ascii: "?") where !isQuoted: elements.append(.one)
            default: elements.append(.octet(foldsCase ? octet.lowercased : octet))
            }
            isQuoted = false
        }
        if isQuoted { elements.append(.octet(UInt8(ascii: "\\"))) }
        return elements
    }

    /// Wildcards take as little as possible (RFC 5229 §3.2): only the last `*` met is widened.
    private mutating func matches(
        _ value: ArraySlice<UInt8>, _ pattern: [UInt8], _ comparator: Comparator
    ) throws(Exhausted) -> Captures? {
        let foldsCase = comparator == .casemap
        let elements = Self.elements(pattern, foldsCase: foldsCase)
        try spend(elements.count + Self.comparison)
        var ranges: [Range<Int>] = []
        var element = 0
        var index = value.startIndex
        // Where the last `*` is, how far it reaches, and how many wildcards stand before it.
        var star: (element: Int, start: Int, end: Int, count: Int)?
        var steps = 0
        while true {
            steps += 1
            if steps == 4096 {
                // A step costs about as much as four octets compared elsewhere.
                try spend(steps * 4)
                steps = 0
            }
            var isMismatch = false
            if element == elements.count {
                if index == value.endIndex { break }
                isMismatch = true
            } else {
                switch elements[element] {
                case .any:
                    star = (element, index, index, ranges.count)
                    ranges.append(index..<index)
                    element += 1
                case .one where index < value.endIndex:
                    let end = Self.characterEnd(in: value, at: index, comparator)
                    ranges.append(index..<end)
                    index = end
                    element += 1
                case .octet(let octet) where index < value.endIndex:
                    if (foldsCase ? value[index].lowercased : value[index]) == octet {
                        index += 1
                        element += 1
                    } else {
                        isMismatch = true
                    }
                case .one, .octet: isMismatch = true
                }
            }
            guard isMismatch else { continue }
            guard var last = star, last.end < value.endIndex else { return nil }
            last.end = Self.characterEnd(in: value, at: last.end, comparator)
            ranges.removeLast(ranges.count - last.count)
            ranges.append(last.start..<last.end)
            star = last
            index = last.end
            element = last.element + 1
        }
        return [value] + ranges.prefix(Limit.matchVariables).map { value[$0] }
    }

    /// A character is what UTF-8 says, for i;octet one octet.
    private static func characterEnd(
        in value: ArraySlice<UInt8>, at index: Int, _ comparator: Comparator
    ) -> Int {
        var end = index + 1
        guard comparator != .octet else { return end }
        while end < value.endIndex, value[end] & 0xC0 == 0x80 { end += 1 }
        return end
    }
}
