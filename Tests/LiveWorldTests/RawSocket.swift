// SPDX-License-Identifier: Apache-2.0

import Bytes
import Foundation
import Testing

/// A plain blocking socket of the system, to do what a well-behaved connection does not.
struct RawSocket {
    private let descriptor: CInt

    /// Connects to a loopback port over IPv4.
    init(port: UInt16) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        var peer = sockaddr_in()
        peer.sin_family = sa_family_t(AF_INET)
        peer.sin_port = port.bigEndian
        inet_pton(AF_INET, "127.0.0.1", &peer.sin_addr)
        let connected = withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
    }

    func send(_ text: String) throws {
        try #require(write(descriptor, text, text.utf8.count) == text.utf8.count)
    }

    /// Ends our side only.
    func endSending() throws { try #require(shutdown(descriptor, CInt(SHUT_WR)) == 0) }

    /// Everything the peer sends until its end, within ten seconds.
    func receiveAll() async -> String {
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        let descriptor = descriptor
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var all: [UInt8] = []
                var part = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = read(descriptor, &part, part.count)
                    guard count > 0 else { break }
                    all += part[..<count]
                }
                continuation.resume(returning: String(decoding: all, as: UTF8.self))
            }
        }
    }

    /// Closes with a reset instead of an end.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout.size(ofValue: linger))
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, size)
        Glibc.close(descriptor)
    }

    func close() { Glibc.close(descriptor) }
}
