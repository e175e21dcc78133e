// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import LiveWorld

@Suite("Buffers into which clients' octets are read")
struct ReadBuffersTests {
    @Test(
        "Messages come in few pieces, and commands behind them into a small buffer again",
        arguments: [
            (500, [500]), (1_024, [1_024, 0]), (5_200, [1_024, 4_176]),
            (10_240, [1_024, 8_192, 1_024]),
            (102_400, [1_024, 8_192, 8_192, 16_384, 32_768, 35_840]),
        ])
    func pieces(_ octets: Int, _ expected: [Int]) {
        var buffers = ReadBuffers()
        var (left, pieces) = (octets, [Int]())
        while true {
            let room = buffers.nextBufferSize() ?? 0
            let count = min(left, room)
            pieces.append(count)
            left -= count
            guard count > 0 else { break }
            let mayGrow = buffers.record(actualReadBytes: count)
            #expect(mayGrow == (count == room))
            // NIO asks the socket again only behind a full buffer.
            guard count == room else { break }
        }
        #expect(pieces == expected)
        _ = buffers.record(actualReadBytes: 20)
        #expect(buffers.nextBufferSize() == 1_024)
    }
}
