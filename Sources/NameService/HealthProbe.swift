// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import World
import ZoneCheck

/// Looks whether a host takes mail, as a sender would, and sends nothing.
struct HealthProbe: Sendable {
    let world: Surroundings
    let patience: Duration

    /// A line of a greeting is no longer (RFC 5321 §4.5.3.1.5 allows 512 octets).
    private static let maximumGreetingOctets = 4096

    /// Nil if one of the addresses takes mail, else why the first does not.
    ///
    /// `greets`: an SMTP server is expected, and not only somebody who takes connections.
    func failure(of addresses: [SocketAddress], greets: Bool) async -> Wording? {
        var first: Wording?
        for address in addresses {
            guard let failure = await failure(of: address, greets) else { return nil }
            first = first ?? failure
        }
        return first
    }

    private func failure(of address: SocketAddress, _ greets: Bool) async -> Wording? {
        let deadline = world.time.now + patience
        do throws(NetworkFailure) {
            let connection = try await world.network.connect(
                to: address, from: nil, deadline: deadline)
            // Within TLS from the first octet (465, 993, 995): that somebody is there says enough.
            guard greets else {
                await connection.close()
                return nil
            }
            let failure = await greeting(of: connection, deadline)
            await connection.close()
            return failure
        } catch {
            return Self.wording(error, at: address)
        }
    }

    /// RFC 5321 §4.3.2: 220, or it takes no mail.
    private func greeting(of connection: any Connection, _ deadline: Instant) async -> Wording? {
        var octets: [UInt8] = []
        do throws(NetworkFailure) {
            while !octets.contains(.lineFeed), octets.count < Self.maximumGreetingOctets {
                guard let piece = try await connection.receive(deadline: deadline) else {
                    return Wording(
                        "it ends the connection without a greeting",
                        "er beendet die Verbindung ohne Begrüßung")
                }
                octets += piece
            }
            guard octets.starts(with: "220".utf8) else {
                let line = String(
                    lossy: octets.prefix { $0 >= 0x20 && $0 < 0x7F }.prefix(200))
                return Wording("it greets with \"\(line)\"", "er begrüßt mit \"\(line)\"")
            }
            // RFC 5321 §4.1.1.10: who leaves says so.
            connection.write(Array("QUIT\r\n".utf8))
            try await connection.flush(deadline: deadline)
            return nil
        } catch {
            return Self.wording(error, at: connection.remoteAddress)
        }
    }

    private static func wording(_ failure: NetworkFailure, at address: SocketAddress) -> Wording {
        Wording("\(failure) at \(address)", "\(failure) an \(address)")
    }
}
