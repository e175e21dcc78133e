// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A TCP connection of a test's own, octet by octet what the test wants it to be.
///
/// Its calls block, so it is made and used within `onThread`.
///
/// Unchecked: used by one thread at a time.
final class Wire: @unchecked Sendable {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var position = 0

    /// The peer is gone, or has said nothing for too long.
    struct Broken: Error, CustomStringConvertible {
        let description: String

        init(_ what: String) { description = "\(what): \(String(cString: strerror(errno)))" }
    }

    /// `source`: another loopback address to come from than the system's choice.
    init(_ address: String, _ port: Int, from source: String? = nil, timeoutSeconds: Int = 30)
        throws
    {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Broken("no socket") }
        limit(timeoutSeconds)
        if let source {
            let bound = withSocketAddress(source, 0) { bind(descriptor, $0, $1) }
            guard bound == 0 else { throw Broken(source) }
        }
        let connected = withSocketAddress(address, port) { connect(descriptor, $0, $1) }
        guard connected == 0 else { throw Broken("\(address):\(port)") }
    }

    /// A connection that `WireListener` has accepted.
    init(accepted descriptor: Int32, timeoutSeconds: Int = 30) {
        self.descriptor = descriptor
        limit(timeoutSeconds)
    }

    deinit { close(descriptor) }

    private func limit(_ seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let length = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, length)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, length)
        var on: Int32 = 1
        setsockopt(
            descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Ends both sides; what waits in `readLine` hears the end.
    func end() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    func write(_ text: String) throws { try write(Array(text.utf8)[...]) }

    func write(_ octets: ArraySlice<UInt8>) throws {
        var rest = octets
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Broken("cannot send") }
            rest = rest.dropFirst(count)
        }
    }

    /// The next line without its CRLF; nil when the peer has ended.
    func readLine() throws -> ArraySlice<UInt8>? {
        while true {
            if let end = endOfLine() {
                defer { position = end + 1 }
                return buffer[position..<end].last == 0x0D
                    ? buffer[position..<(end - 1)] : buffer[position..<end]
            }
            buffer.removeFirst(position)
            position = 0
            var piece = [UInt8](repeating: 0, count: 1 << 16)
            let count = recv(descriptor, &piece, piece.count, 0)
            guard count >= 0 else { throw Broken("cannot receive") }
            if count == 0 { return nil }
            buffer += piece[..<count]
        }
    }

    /// So many octets, in order.
    func read(_ count: Int) throws -> [UInt8] {
        while buffer.count - position < count {
            var piece = [UInt8](repeating: 0, count: 1 << 16)
            let received = recv(descriptor, &piece, piece.count, 0)
            guard received > 0 else { throw Broken("cannot receive") }
            buffer += piece[..<received]
        }
        defer { position += count }
        return Array(buffer[position..<position + count])
    }

    /// Where the next line feed is; by memchr, since the tests are not optimised.
    private func endOfLine() -> Int? {
        buffer.withUnsafeBytes { octets in
            guard let start = octets.baseAddress, position < octets.count,
                let found = memchr(start + position, 0x0A, octets.count - position)
            else { return nil }
            return UnsafeRawPointer(found) - start
        }
    }

    /// All lines of the next SMTP reply, joined by line feeds; nil when the peer has ended.
    func readReply() throws -> String? {
        var lines: [String] = []
        while let line = try readLine() {
            lines.append(String(decoding: line, as: UTF8.self))
            if line.count < 4 || line[line.startIndex + 3] != 0x2D {
                return lines.joined(separator: "\n")
            }
        }
        return nil
    }

    /// Says something and returns the reply, the empty string when the peer has ended.
    func ask(_ command: String) throws -> String {
        try write(command + "\r\n")
        return try readReply() ?? ""
    }
}

/// Accepts connections until it is closed; each is served on a thread of its own.
final class WireListener: Sendable {
    private let descriptor: Int32

    init(
        _ address: String, _ port: Int, serve: @escaping @Sendable (Wire) throws -> Void
    ) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var on: Int32 = 1
        setsockopt(
            descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        guard withSocketAddress(address, port, { bind(descriptor, $0, $1) }) == 0,
            listen(descriptor, 128) == 0
        else { throw Wire.Broken("\(address):\(port)") }
        Thread.detachNewThread {
            while true {
                let accepted = accept(descriptor, nil, nil)
                guard accepted >= 0 else { return }
                Thread.detachNewThread { try? serve(Wire(accepted: accepted)) }
            }
        }
    }

    deinit {
        // Wakes the thread that waits in accept.
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }
}

func withSocketAddress<Result>(
    _ address: String, _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
) -> Result {
    var peer = sockaddr_in()
    peer.sin_family = sa_family_t(AF_INET)
    peer.sin_port = UInt16(port).bigEndian
    inet_pton(AF_INET, address, &peer.sin_addr)
    return withUnsafePointer(to: &peer) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// Runs what blocks away from the threads that all tests share.
func onThread<Result: Sendable>(
    _ work: @escaping @Sendable () throws -> Result
) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            continuation.resume(with: Swift.Result { try work() })
        }
    }
}
