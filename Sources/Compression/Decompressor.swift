// SPDX-License-Identifier: Apache-2.0

private import CZlib

/// Unpacks a stream of DEFLATE without any header (RFC 1951), with zlib, piece by piece.
///
/// Whatever a peer sends, no call gives more than `pieceOctets`, and `rest` lets go of all memory
/// but the octets that may still be referred to, at most 32 KiB.
package final class Decompressor {
    /// What comes out of one call at most: a bomb is read as slowly as anything else.
    package static let pieceOctets = 16 << 10
    /// RFC 1951 §2: what may be referred back to.
    private static let windowOctets = 32 << 10

    /// What was sent is no DEFLATE, or has an end.
    package struct Damaged: Error {}

    private var stream: UnsafeMutablePointer<z_stream>?
    /// Octets that have come out, while there is no stream.
    private var history: [UInt8] = []
    private var input: [UInt8] = []
    private var position = 0
    /// The last call had more to give.
    private var isFull = false

    package init() {}

    deinit { end() }

    private func end() {
        guard let stream else { return }
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
        self.stream = nil
    }

    /// Takes octets that arrived.
    package func receive(_ octets: [UInt8]) {
        if position == input.count {
            (input, position) = (octets, 0)
        } else {
            input = Array(input[position...]) + octets
            position = 0
        }
    }

    /// How many octets wait to be unpacked.
    package var heldOctets: Int { input.count - position }

    /// The next octets; nil when more must arrive first.
    package func next() throws(Damaged) -> [UInt8]? {
        guard position < input.count || isFull else { return nil }
        if stream == nil { try begin() }
        guard let stream else { throw Damaged() }
        var status = Z_OK
        let octets = [UInt8](unsafeUninitializedCapacity: Self.pieceOctets) { piece, count in
            input.withUnsafeBufferPointer { input in
                let unread = UnsafeBufferPointer(rebasing: input[position...])
                // zlib does not write to its input.
                stream.pointee.next_in = UnsafeMutablePointer(mutating: unread.baseAddress)
                stream.pointee.avail_in = UInt32(unread.count)
                stream.pointee.next_out = piece.baseAddress
                stream.pointee.avail_out = UInt32(piece.count)
                status = inflate(stream, Z_SYNC_FLUSH)
                position = input.count - Int(stream.pointee.avail_in)
                count = piece.count - Int(stream.pointee.avail_out)
                stream.pointee.next_in = nil
                stream.pointee.next_out = nil
            }
        }
        // Z_BUF_ERROR: there was nothing to do.
        guard status == Z_OK || status == Z_BUF_ERROR else { throw Damaged() }
        isFull = octets.count == Self.pieceOctets
        if position == input.count { (input, position) = ([], 0) }
        return octets.isEmpty ? nil : octets
    }

    private func begin() throws(Damaged) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        self.stream = stream
        // The client chooses its window: 32 KiB at most.
        let isThere =
            inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
        guard isThere,
            history.isEmpty
                || inflateSetDictionary(stream, history, UInt32(history.count)) == Z_OK
        else { throw Damaged() }
        history = []
    }

    /// Keeps as little as there is to keep until octets arrive; if a block is not at its end, all.
    package func rest() {
        guard let stream, position == input.count, !isFull else { return }
        // zlib.h: 128 at the end of a block, 64 in the last one, and bits that are not used yet.
        guard stream.pointee.data_type == 128 else { return }
        var count: UInt32 = 0
        var failed = false
        history = [UInt8](unsafeUninitializedCapacity: Self.windowOctets) { window, initialized in
            failed = inflateGetDictionary(stream, window.baseAddress, &count) != Z_OK
            initialized = failed ? 0 : Int(count)
        }
        guard !failed else { return history = [] }
        // As large as it is, not as it might be.
        history = Array(history[...])
        end()
    }

    /// Whether it holds more than what may still be referred to.
    package var isResting: Bool { stream == nil }
}
