// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// A connection that came through a proxy, with the addresses of the client behind it.
package final class ProxiedConnection: Connection {
    private let connection: any Connection
    package let localAddress: SocketAddress
    package let remoteAddress: SocketAddress

    private init(_ connection: any Connection, _ header: ProxyHeader) {
        self.connection = connection
        localAddress = header.destination ?? connection.localAddress
        remoteAddress = header.client ?? connection.remoteAddress
    }

    /// Why a proxy's connection is of no use.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Reads the proxy's header; what follows it stays unread.
    ///
    /// `beginsWithTLS`: what follows is the client's handshake.
    package static func begin(
        on connection: any Connection, beginsWithTLS: Bool, deadline: Instant
    ) async throws(Failure) -> ProxiedConnection {
        var octets: [UInt8] = []
        while true {
            do throws(NetworkFailure) {
                guard let arrived = try await connection.receive(deadline: deadline) else {
                    throw .disconnected
                }
                octets += arrived
            } catch {
                throw Failure(description: "no PROXY header came: \(error)")
            }
            switch ProxyHeader.read(octets[...]) {
            case .incomplete: continue
            case .malformed(let reason): throw Failure(description: reason)
            case .complete(let header, let count):
                connection.putBack(
                    Array(octets.dropFirst(count)), beginsHandshake: beginsWithTLS)
                return ProxiedConnection(connection, header)
            }
        }
    }

    package var tls: TLSFacts? { connection.tls }

    package func receive(
        deadline: Instant, heedingCancellation: Bool
    ) async throws(NetworkFailure) -> [UInt8]? {
        try await connection.receive(
            deadline: deadline, heedingCancellation: heedingCancellation)
    }

    package func interrupt() { connection.interrupt() }

    package func putBack(_ octets: consuming [UInt8], beginsHandshake: Bool) {
        connection.putBack(octets, beginsHandshake: beginsHandshake)
    }

    package func write(_ octets: consuming [UInt8]) { connection.write(octets) }

    package func flush(deadline: Instant) async throws(NetworkFailure) {
        try await connection.flush(deadline: deadline)
    }

    package func startTLS(_ role: TLSRole, deadline: Instant) async throws(NetworkFailure) {
        try await connection.startTLS(role, deadline: deadline)
    }

    package func close() async { await connection.close() }
}
