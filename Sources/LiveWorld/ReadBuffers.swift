// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// How large the buffer is into which a client's next octets are read.
///
/// A connection keeps its last buffer while it is idle, and commands are short. What fills the
/// small one is the beginning of a message, and each read costs a way through the pipeline: a usual
/// message comes in two or three pieces, a long one in pieces that grow.
struct ReadBuffers: RecvByteBufferAllocator {
    private static let commandOctets = 1 << 10
    private static let messageOctets = 8 << 10
    private static let maximumOctets = 64 << 10

    private var octets = Self.commandOctets
    /// Of the larger ones, one behind the other.
    private var filled = 0

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: octets) }

    func nextBufferSize() -> Int? { octets }

    mutating func record(actualReadBytes count: Int) -> Bool {
        guard count >= octets else {
            if count < Self.commandOctets { octets = Self.commandOctets }
            filled = 0
            return false
        }
        if octets == Self.commandOctets {
            octets = Self.messageOctets
        } else {
            filled += 1
            if filled > 1 { octets = min(2 * octets, Self.maximumOctets) }
        }
        return true
    }
}
