// SPDX-License-Identifier: Apache-2.0

import Compression
import Testing

@Suite("RFC 1951 a stream of DEFLATE")
struct CompressionTests {
    private static func text(_ count: Int) -> [UInt8] {
        Array((0..<count).map { "* \($0) FETCH (UID \($0 &* 7) FLAGS (\\Seen))\r\n" }.joined().utf8)
    }

    @Test("What goes in comes out, whatever the pieces", arguments: [1, 7, 4096, 1 << 20])
    func roundTrip(size: Int) throws {
        let text = Self.text(3000)
        let compressor = Compressor()
        var packed: [UInt8] = []
        for start in stride(from: 0, to: text.count, by: size) {
            compressor.compress(Array(text[start..<min(text.count, start + size)]), to: &packed)
        }
        compressor.flush(to: &packed)
        #expect(packed.count * 3 < text.count)
        for pieces in [1, 1000, packed.count] {
            let decompressor = Decompressor()
            var unpacked: [UInt8] = []
            for start in stride(from: 0, to: packed.count, by: pieces) {
                decompressor.receive(Array(packed[start..<min(packed.count, start + pieces)]))
                while let octets = try decompressor.next() { unpacked += octets }
            }
            #expect(unpacked == text)
        }
    }

    @Test("Another compressor goes on where one ended, and a rest loses nothing")
    func resting() throws {
        let decompressor = Decompressor()
        var unpacked: [UInt8] = []
        var expected: [UInt8] = []
        for round in 1...50 {
            // The other side keeps its own and refers back across the rest.
            let text = Self.text(round * 20)
            expected += text
            var packed: [UInt8] = []
            let compressor = Compressor()
            compressor.compress(text, to: &packed)
            compressor.flush(to: &packed)
            decompressor.receive(packed)
            while let octets = try decompressor.next() { unpacked += octets }
            decompressor.rest()
            #expect(decompressor.isResting)
        }
        #expect(unpacked == expected)
    }

    @Test("A peer may refer to what came before a rest")
    func history() throws {
        let compressor = Compressor()
        let decompressor = Decompressor()
        let line = Array("a1 UID FETCH 1:* (UID FLAGS MODSEQ BODY.PEEK[HEADER])\r\n".utf8)
        var sizes: [Int] = []
        for _ in 1...5 {
            var packed: [UInt8] = []
            compressor.compress(line, to: &packed)
            compressor.flush(to: &packed)
            sizes.append(packed.count)
            decompressor.receive(packed)
            #expect(try decompressor.next() == line)
            #expect(try decompressor.next() == nil)
            decompressor.rest()
            #expect(decompressor.isResting)
        }
        #expect(sizes[4] * 2 < sizes[0])
    }

    @Test("A bomb comes out in pieces of a bounded size")
    func bomb() throws {
        let compressor = Compressor()
        var packed: [UInt8] = []
        for _ in 0..<100 { compressor.compress([UInt8](repeating: 0, count: 1 << 20), to: &packed) }
        compressor.flush(to: &packed)
        let decompressor = Decompressor()
        decompressor.receive(packed)
        var count = 0
        while let octets = try decompressor.next() {
            #expect(octets.count <= Decompressor.pieceOctets)
            count += octets.count
        }
        #expect(count == 100 << 20)
    }

    @Test("What is no DEFLATE is an error, and so is its end")
    func damaged() throws {
        let liar = Decompressor()
        liar.receive(Array("a NOOP\r\n".utf8))
        #expect(throws: Decompressor.Damaged.self) {
            while try liar.next() != nil {}
        }
        // One last block, empty.
        let over = Decompressor()
        over.receive([3, 0])
        #expect(throws: Decompressor.Damaged.self) { _ = try over.next() }
    }

    @Test("Half a block cannot be put down, and goes on all the same")
    func halfABlock() throws {
        let text = Self.text(500)
        let compressor = Compressor()
        var packed: [UInt8] = []
        compressor.compress(text, to: &packed)
        compressor.flush(to: &packed)
        let decompressor = Decompressor()
        var unpacked: [UInt8] = []
        for part in [packed[..<(packed.count / 2)], packed[(packed.count / 2)...]] {
            decompressor.receive(Array(part))
            while let octets = try decompressor.next() { unpacked += octets }
            decompressor.rest()
        }
        #expect(unpacked == text)
    }
}
