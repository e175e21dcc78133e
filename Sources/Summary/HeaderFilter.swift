// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Which fields of a header are sent: HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051 §6.4.5.1).
package struct HeaderFilter: Hashable, Sendable {
    /// In lower case.
    private let names: [[UInt8]]
    private let isExcluding: Bool

    package init(_ names: [[UInt8]], isExcluding: Bool) {
        self.names = names.map { $0.map(\.lowercased) }
        self.isExcluding = isExcluding
    }

    /// The fields that count, as they stand, and the empty line where the header has one.
    package func apply(to header: [UInt8]) -> [UInt8] {
        var kept: [UInt8] = []
        apply(to: header, appendingTo: &kept)
        return kept
    }

    /// The same, behind what is there already.
    package func apply(to header: [UInt8], appendingTo kept: inout [UInt8]) {
        header.withUnsafeBytes { memory in
            let source = Source(memory)
            var walk = FieldWalk(source, from: 0, limit: source.count)
            while true {
                let start = walk.index
                switch walk.next() {
                case .skipped: continue
                case .end:
                    // What a line without a colon ended has no empty line.
                    let rest = source[start..<source.count]
                    if rest.allSatisfy(\.isSpaceOrLineEnd) { kept.append(contentsOf: rest) }
                    return
                case .field(let field):
                    if matches(source[field.name]) != isExcluding {
                        kept.append(contentsOf: source[field.place])
                    }
                }
            }
        }
    }

    private func matches(_ name: UnsafeRawBufferPointer) -> Bool {
        names.contains { $0.count == name.count && name.equalsIgnoringCase($0) }
    }
}
