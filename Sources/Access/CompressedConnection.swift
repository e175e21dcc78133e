// SPDX-License-Identifier: Apache-2.0

import Bytes
import Compression
import World

/// A connection whose octets are packed by DEFLATE both ways (RFC 4978).
///
/// Used by one task at a time, as the connection inside is. Who is silent for `patience` costs no
/// more than what its client may still refer to: both streams are put down until somebody speaks.
final class CompressedConnection: Connection, @unchecked Sendable {
    /// Between the commands of somebody who reads mail nothing is put down.
    private static let patience = Duration.seconds(2)

    private let inner: any Connection
    private let time: any Time
    private var compressor: Compressor?
    private let decompressor = Decompressor()

    init(_ inner: any Connection, time: any Time) {
        self.inner = inner
        self.time = time
    }

    var localAddress: SocketAddress { inner.localAddress }
    var remoteAddress: SocketAddress { inner.remoteAddress }
    var tls: TLSFacts? { inner.tls }

    func receive(
        deadline: Instant, heedingCancellation: Bool
    ) async throws(NetworkFailure) -> [UInt8]? {
        push()
        while true {
            do {
                if let octets = try decompressor.next() { return octets }
            } catch {
                throw .system("what came is not compressed as it should be")
            }
            guard
                let octets = try await receivePacked(
                    deadline: deadline, heedingCancellation: heedingCancellation)
            else { return nil }
            decompressor.receive(octets)
        }
    }

    private func receivePacked(
        deadline: Instant, heedingCancellation: Bool
    ) async throws(NetworkFailure) -> [UInt8]? {
        let soon = time.now + Self.patience
        if !isResting, soon < deadline {
            do {
                return try await inner.receive(
                    deadline: soon, heedingCancellation: heedingCancellation)
            } catch {
                guard error == .deadlinePassed else { throw error }
                compressor = nil
                decompressor.rest()
            }
        }
        return try await inner.receive(
            deadline: deadline, heedingCancellation: heedingCancellation)
    }

    private var isResting: Bool { compressor == nil && decompressor.isResting }

    func interrupt() { inner.interrupt() }

    func putBack(_ octets: consuming [UInt8], beginsHandshake: Bool) {
        preconditionFailure("nothing is put back into a compressed stream")
    }

    func write(_ octets: consuming [UInt8]) {
        let compressor = compressor ?? Compressor()
        self.compressor = compressor
        var packed: [UInt8] = []
        compressor.compress(octets, to: &packed)
        if !packed.isEmpty { inner.write(packed) }
    }

    /// All that was written, so that the client can read it.
    func push() {
        var packed: [UInt8] = []
        compressor?.flush(to: &packed)
        if !packed.isEmpty { inner.write(packed) }
    }

    func flush(deadline: Instant) async throws(NetworkFailure) {
        push()
        try await inner.flush(deadline: deadline)
    }

    func startTLS(_ role: TLSRole, deadline: Instant) async throws(NetworkFailure) {
        // RFC 4978 §3: TLS lies below compression, and comes before it.
        throw .tls("compression is on already")
    }

    func close() async {
        push()
        await inner.close()
    }
}
