// SPDX-License-Identifier: Apache-2.0

import Bytes
import NIOCore
import World

extension NIOCore.SocketAddress {
    init(_ address: Bytes.SocketAddress) throws(NetworkFailure) {
        let octets = ByteBuffer(bytes: address.host.octets)
        do {
            try self.init(packedIPAddress: octets, port: Int(address.port))
        } catch {
            throw .unreachable("\(error)")
        }
    }
}

extension Bytes.SocketAddress {
    /// The unspecified address for what has none (a socket already gone).
    init(_ address: NIOCore.SocketAddress?) {
        // sockaddr_in: family 2, port 2, address 4 octets; sockaddr_in6: family 2, port 2,
        // flow 4, address 16.
        let raw = address?.withSockAddr { Array(UnsafeRawBufferPointer(start: $0, count: $1)) }
        guard let address, let raw, raw.count >= 16, let port = address.port,
            let host = IPAddress(
                octets: Array(address.protocol == .inet ? raw[4..<8] : raw[8..<24]))
        else {
            self.init(.v4(IPv4Address(rawValue: 0)), port: 0)
            return
        }
        if case .v6(let v6) = host, let mapped = v6.mappedIPv4 {
            self.init(.v4(mapped), port: UInt16(port))
        } else {
            self.init(host, port: UInt16(port))
        }
    }
}
