// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A place of a text, and what stands there in another text: a list of them leads from the one to
/// the other.
package struct TextSplice: Hashable, Sendable {
    /// In the text that is to be changed.
    package var range: Range<Int>
    /// What takes its place.
    package var octets: [UInt8]

    package init(range: Range<Int>, octets: [UInt8]) {
        self.range = range
        self.octets = octets
    }

    /// The text with all splices made, which are in order and apart; nil if they do not fit it.
    package static func apply(_ splices: [TextSplice], to text: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        var position = 0
        for splice in splices {
            guard splice.range.lowerBound >= position, splice.range.upperBound <= text.count
            else { return nil }
            result += text[position..<splice.range.lowerBound]
            result += splice.octets
            position = splice.range.upperBound
        }
        return result + text[position...]
    }

    /// One splice that leads back from a text to that of before.
    package static func undoing(_ after: [UInt8], to before: [UInt8]) -> [TextSplice] {
        var start = 0
        let shorter = min(before.count, after.count)
        while start < shorter, before[start] == after[start] { start += 1 }
        var tail = 0
        while tail < shorter - start,
            before[before.count - 1 - tail] == after[after.count - 1 - tail]
        {
            tail += 1
        }
        guard start + tail < max(before.count, after.count) else { return [] }
        return [
            TextSplice(
                range: start..<after.count - tail,
                octets: Array(before[start..<before.count - tail]))
        ]
    }
}
