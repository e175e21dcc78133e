// SPDX-License-Identifier: Apache-2.0

private import CZlib

/// Packs a stream by DEFLATE without any header (RFC 1951, as RFC 4978 §3 wants it), with zlib.
///
/// A new one may go on where another one ended with `flush`: it refers to nothing before itself.
/// So who is silent for long keeps none.
package final class Compressor {
    /// 2^13 octets to refer back to, and tables of 2^13 entries: 80 KiB in all.
    ///
    /// Letters gain some percent with four times as much, which each session would pay for.
    private static let windowBits: Int32 = -13
    private static let memoryLevel: Int32 = 6
    /// A third of the time of zlib's own choice, and mail becomes a few percent larger.
    private static let level: Int32 = 4
    /// What comes out in one go.
    private static let pieceOctets = 16 << 10

    /// zlib remembers where it is: it may not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private var isFlushed = true

    package init() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream, Self.level, Z_DEFLATED, Self.windowBits, Self.memoryLevel,
            Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        // As everywhere: without memory nothing goes on.
        precondition(status == Z_OK, "zlib cannot begin")
    }

    deinit {
        deflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Takes octets and appends what they become, as far as that is known.
    package func compress(_ octets: [UInt8], to output: inout [UInt8]) {
        guard !octets.isEmpty else { return }
        isFlushed = false
        run(octets, Z_NO_FLUSH, &output)
    }

    /// Appends all that is held back, so that the peer can read everything.
    package func flush(to output: inout [UInt8]) {
        guard !isFlushed else { return }
        isFlushed = true
        run([], Z_SYNC_FLUSH, &output)
    }

    private func run(_ octets: [UInt8], _ flush: Int32, _ output: inout [UInt8]) {
        octets.withUnsafeBufferPointer { input in
            // zlib does not write to its input.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.pointee.avail_in = UInt32(input.count)
            var isFull = true
            while isFull {
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.pieceOctets) { piece in
                    stream.pointee.next_out = piece.baseAddress
                    stream.pointee.avail_out = UInt32(piece.count)
                    let status = deflate(stream, flush)
                    // Z_BUF_ERROR: there was nothing to do.
                    precondition(status == Z_OK || status == Z_BUF_ERROR, "a stream in order")
                    let left = Int(stream.pointee.avail_out)
                    output += UnsafeBufferPointer(rebasing: piece[..<(piece.count - left)])
                    isFull = left == 0
                }
            }
            stream.pointee.next_in = nil
        }
    }
}
