// SPDX-License-Identifier: Apache-2.0

/// `<o.n>`: octets of a section from `origin` on, at most `count` (RFC 9051 §6.4.5).
package struct PartialRange: Hashable, Sendable {
    package let origin: Int
    package let count: Int

    package init(origin: Int, count: Int) {
        self.origin = origin
        self.count = count
    }

    /// What it takes of so many octets; empty if it begins behind their end.
    package func range(of total: Int) -> Range<Int> {
        let start = min(max(0, origin), total)
        return start..<(start + min(max(0, count), total - start))
    }
}

extension Layout.Extent {
    /// What is sent of the prefix and of the content, for octets that are not filtered.
    ///
    /// `prefixOctets` is the size of the fields that stand before the content in a mailbox.
    package func slices(
        _ partial: PartialRange? = nil, prefixOctets: Int
    ) -> (prefix: Range<Int>, content: Range<Int>) {
        let prefix = includesPrefix ? prefixOctets : 0
        let total = prefix + range.count
        let wanted = partial?.range(of: total) ?? 0..<total
        let split = min(max(prefix, wanted.lowerBound), wanted.upperBound)
        let start = range.lowerBound - prefix
        let inPrefix = min(wanted.lowerBound, prefix)..<min(wanted.upperBound, prefix)
        guard split < wanted.upperBound else {
            return (inPrefix, range.lowerBound..<range.lowerBound)
        }
        return (inPrefix, (start + split)..<(start + wanted.upperBound))
    }
}
