// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Glibc
import NIOCore

/// A socket that somebody else has bound, and handed over at the start.
package struct InheritedSocket: Sendable {
    let descriptor: CInt
    /// What the one who opened it calls it: FileDescriptorName= of a socket unit.
    package let name: String
    package let address: Bytes.SocketAddress
    /// UDP rather than TCP.
    package let isDatagram: Bool

    /// Nil for a descriptor that is no internet socket.
    init?(descriptor: CInt, name: String) {
        self.descriptor = descriptor
        self.name = name
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var kind: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &kind, &length) == 0,
            let address = Self.address(of: descriptor)
        else { return nil }
        isDatagram = kind == Int32(SOCK_DGRAM.rawValue)
        self.address = address
    }

    /// What getsockname(2) says, as far as it is an internet address.
    private static func address(of descriptor: CInt) -> Bytes.SocketAddress? {
        var raw = [UInt8](repeating: 0, count: 128)
        var length = socklen_t(raw.count)
        let code = raw.withUnsafeMutableBytes { raw in
            raw.baseAddress.map {
                getsockname(descriptor, $0.assumingMemoryBound(to: sockaddr.self), &length)
            }
        }
        guard code == 0, length >= 16 else { return nil }
        // sockaddr_in: family 2, port 2, address 4 octets; sockaddr_in6: family 2, port 2,
        // flow 4, address 16.
        let family = Int32(raw[0]) | Int32(raw[1]) << 8
        let port = UInt16(raw[2]) << 8 | UInt16(raw[3])
        let octets: ArraySlice<UInt8>
        switch family {
        case AF_INET: octets = raw[4..<8]
        case AF_INET6: octets = raw[8..<24]
        default: return nil
        }
        return IPAddress(octets: Array(octets)).map { Bytes.SocketAddress($0, port: port) }
    }
}
