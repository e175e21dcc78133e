// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How large the buffer is into which a client's next octets are read.
///
/// A connection keeps its last buffer while it is idle, and commands are short. What fills the
/// small one is the beginning of a message, and each read costs a way through the pipeline: the
/// rest comes in large pieces.
struct ReadBuffers: RecvByteBufferAllocator {
    private static let commandOctets = 1 << 10
    private static let messageOctets = 16 << 10

    private var octets = Self.commandOctets

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: octets) }

    func nextBufferSize() -> Int? { octets }

    mutating func record(actualReadBytes count: Int) -> Bool {
        let isGrowing = octets == Self.commandOctets && count >= octets
        octets = count >= Self.commandOctets ? Self.messageOctets : Self.commandOctets
        return isGrowing
    }
}
