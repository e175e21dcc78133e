// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Testing

@Suite("RFC 9051 §9 sequence-set")
struct SequenceSetTests {
    @Test("A star is the last number, in either order, and ranges are merged")
    func resolve() {
        let set = SequenceSet.ranges([.init(2, 2), .init(4, 7), .init(9, 9), .init(12, 0)])
        #expect(set.resolve(largest: 15).description == "2,4:7,9,12:15")
        let mixed = SequenceSet.ranges([.init(0, 4), .init(5, 7)])
        #expect(mixed.resolve(largest: 10).description == "4:10")
        #expect(SequenceSet.ranges([.init(3291, 0)]).resolve(largest: 5).description == "5:3291")
        #expect(SequenceSet.all.resolve(largest: 0).isEmpty)
    }
}
