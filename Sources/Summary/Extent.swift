// SPDX-License-Identifier: Apache-2.0

package import IMAP

extension Layout {
    /// Where the octets of a section stand.
    package struct Extent: Hashable, Sendable {
        /// Whether the fields that stand before the content in a mailbox belong to it, in front.
        package let includesPrefix: Bool
        /// Octets of the content.
        package let range: Range<Int>
        /// Which of the header fields there count; nil if the octets are sent as they stand.
        package let filter: HeaderFilter?
    }

    /// Where a section stands; nil if the message has no such part, which is sent as NIL.
    package func extent(of section: Section) -> Extent? {
        guard !section.part.isEmpty else { return extent(ofMessage: 0, section.text) }
        guard let index = part(at: section.part) else { return nil }
        let part = parts[index]
        switch section.text {
        case nil:
            return Extent(includesPrefix: false, range: part.body, filter: nil)
        case .mime:
            // The only part of a message that has no others has that message's header.
            return Extent(includesPrefix: index == 0, range: part.header, filter: nil)
        case .header, .fields, .fieldsNot, .text:
            // Only a message within has a header of RFC 5322 (§6.4.5.1).
            guard part.kind == .message else { return nil }
            return extent(ofMessage: index + 1, section.text)
        }
    }

    private func extent(ofMessage index: Int, _ text: Section.Text?) -> Extent? {
        let part = parts[index]
        let isOutermost = index == 0
        switch text {
        case nil:
            return Extent(
                includesPrefix: isOutermost, range: part.header.lowerBound..<part.body.upperBound,
                filter: nil)
        case .header:
            return Extent(includesPrefix: isOutermost, range: part.header, filter: nil)
        case .fields(let names):
            return Extent(
                includesPrefix: isOutermost, range: part.header,
                filter: HeaderFilter(names, isExcluding: false))
        case .fieldsNot(let names):
            return Extent(
                includesPrefix: isOutermost, range: part.header,
                filter: HeaderFilter(names, isExcluding: true))
        case .text:
            return Extent(includesPrefix: false, range: part.body, filter: nil)
        case .mime:
            return nil
        }
    }

    /// The index of a part; nil if there is none.
    ///
    /// The parts of a message within are numbered as if they were those of the part that holds it;
    /// a message or part that is no multipart has itself as its part 1.
    func part(at path: [UInt32]) -> Int? {
        var index = 0
        var isPart = false
        for number in path {
            if isPart {
                switch parts[index].kind {
                case .message: index += 1
                case .multipart: break
                case .leaf: return nil
                }
            }
            isPart = true
            if parts[index].kind == .multipart {
                guard let child = child(number, of: index) else { return nil }
                index = child
            } else if number != 1 {
                return nil
            }
        }
        return index
    }

    private func child(_ number: UInt32, of parent: Int) -> Int? {
        guard number >= 1 else { return nil }
        var index = parent + 1
        for _ in 1..<number {
            guard index < parts[parent].treeEnd else { return nil }
            index = parts[index].treeEnd
        }
        return index < parts[parent].treeEnd ? index : nil
    }
}

extension Layout {
    /// What BINARY and BINARY.SIZE (RFC 9051 §6.4.5) find.
    package enum Binary: Hashable, Sendable {
        /// The octets as they stand.
        case verbatim(Extent)
        /// They have to be decoded; see `ContentDecoder`.
        case encoded(Range<Int>, Encoding, isText: Bool)
        /// `NO [UNKNOWN-CTE]` (RFC 9051 §7.1).
        case unknownEncoding
    }

    /// Where the decoded content of a part is found; nil if there is no such part.
    ///
    /// RFC 9051 §6.4.5 has these items for leaves alone, RFC 3516 for all parts: a multipart or a
    /// message within has no encoding of its own, and is what `BODY[...]` says.
    package func binary(at path: [UInt32]) -> Binary? {
        guard !path.isEmpty else { return extent(of: Section()).map { .verbatim($0) } }
        guard let index = part(at: path) else { return nil }
        let part = parts[index]
        let isLeaf = part.kind == .leaf
        if isLeaf, part.encoding == .unknown { return .unknownEncoding }
        if !isLeaf || part.encoding.isIdentity {
            return .verbatim(Extent(includesPrefix: false, range: part.body, filter: nil))
        }
        return .encoded(part.body, part.encoding, isText: part.isText)
    }
}

extension Layout.Extent {
    /// What is sent of the prefix and of the content, for octets that are not filtered.
    ///
    /// `prefixOctets` is the size of the fields that stand before the content in a mailbox.
    package func slices(
        _ partial: Partial? = nil, prefixOctets: Int
    ) -> (prefix: Range<Int>, content: Range<Int>) {
        let prefix = includesPrefix ? prefixOctets : 0
        let total = prefix + range.count
        let wanted = partial?.range(of: total) ?? 0..<total
        let start = range.lowerBound - prefix
        let behind = max(prefix, wanted.lowerBound)..<max(prefix, wanted.upperBound)
        return (
            min(wanted.lowerBound, prefix)..<min(wanted.upperBound, prefix),
            (start + behind.lowerBound)..<(start + behind.upperBound)
        )
    }
}
