// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
package import World

/// The service manager that has started this process (systemd, or one that speaks its protocol,
/// sd_notify(3)): it is told how the server is, and may have opened its sockets beforehand.
///
/// Without one (no `NOTIFY_SOCKET`) telling does nothing.
package struct ServiceManager: Sendable {
    private let socketPath: String?
    /// How often the manager wants to hear that we are alive; nil if it does not ask.
    package let watchdogInterval: Duration?
    /// Sockets that it has opened for us.
    package let sockets: [InheritedSocket]

    /// The first descriptor that is handed over (SD_LISTEN_FDS_START).
    private static let firstDescriptor: CInt = 3
    /// More sockets than this are a mistake.
    private static let maximumSockets = 1024

    /// Reads what the manager has put into the environment, and takes it out: it is for us, not for
    /// programs that we might start.
    package init() {
        let environment = ProcessInfo.processInfo.environment
        socketPath = environment["NOTIFY_SOCKET"].flatMap { $0.isEmpty ? nil : $0 }
        let isOurs = { (name: String) in
            environment[name].map { Int32($0) == getpid() } ?? true
        }
        let microseconds = environment["WATCHDOG_USEC"].flatMap { Int64($0) } ?? 0
        // Twice in the time after which we would be taken for dead (sd_watchdog_enabled(3)).
        watchdogInterval =
            microseconds > 0 && isOurs("WATCHDOG_PID") ? .microseconds(microseconds / 2) : nil
        let count = environment["LISTEN_FDS"].flatMap { Int($0) } ?? 0
        if environment["LISTEN_PID"] != nil, isOurs("LISTEN_PID"),
            (1...Self.maximumSockets).contains(count)
        {
            let names = (environment["LISTEN_FDNAMES"] ?? "").split(
                separator: ":", omittingEmptySubsequences: false)
            sockets = (0..<count).compactMap { index in
                InheritedSocket(
                    descriptor: Self.firstDescriptor + CInt(index),
                    name: index < names.count ? String(names[index]) : "")
            }
        } else {
            sockets = []
        }
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_USEC", "WATCHDOG_PID"]
        { unsetenv(name) }
    }

    /// Everything is ready to serve.
    package func ready(_ status: String) { tell("READY=1\nSTATUS=\(Self.line(status))") }

    /// The configuration is being read again; `ready` follows.
    package func reloading(at now: Instant) {
        tell("RELOADING=1\nMONOTONIC_USEC=\(now.nanoseconds / 1000)")
    }

    /// The end has begun.
    package func stopping(_ status: String) { tell("STOPPING=1\nSTATUS=\(Self.line(status))") }

    /// One line about how it is.
    package func status(_ text: String) { tell("STATUS=\(Self.line(text))") }

    /// The stop takes longer than the manager may expect.
    package func extendTimeout(by time: Duration) {
        tell("EXTEND_TIMEOUT_USEC=\(time.nanoseconds / 1000)")
    }

    /// We are alive: at least every `watchdogInterval`.
    package func alive() { tell("WATCHDOG=1", patienceMilliseconds: 0) }

    private static func line(_ text: String) -> String {
        String(text.prefix(500).map { $0.isNewline ? " " : $0 })
    }

    /// One datagram; a manager that does not listen is no reason to stop, or to wait for long.
    private func tell(_ text: String, patienceMilliseconds: Int = 1000) {
        guard let socketPath else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | O_CLOEXEC, 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = [UInt8](repeating: 0, count: MemoryLayout<sockaddr_un>.size)
        let path = Array(socketPath.utf8)
        let start = MemoryLayout<sa_family_t>.size
        guard path.count < address.count - start else { return }
        withUnsafeBytes(of: sa_family_t(AF_UNIX)) { address.replaceSubrange(..<start, with: $0) }
        address.replaceSubrange(start..<(start + path.count), with: path)
        // A name in the abstract namespace begins with a NUL (unix(7)).
        if path.first == 0x40 { address[start] = 0 }
        let length = socklen_t(start + path.count)
        let octets = Array(text.utf8)
        var patience = timeval(tv_sec: 0, tv_usec: patienceMilliseconds * 1000 % 1_000_000)
        patience.tv_sec = patienceMilliseconds / 1000
        setsockopt(
            descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience,
            socklen_t(MemoryLayout<timeval>.size))
        let flags = Int32(MSG_NOSIGNAL) | (patienceMilliseconds == 0 ? Int32(MSG_DONTWAIT) : 0)
        _ = address.withUnsafeBytes { address in
            address.baseAddress.map {
                sendto(
                    descriptor, octets, octets.count, flags,
                    $0.assumingMemoryBound(to: sockaddr.self), length)
            }
        }
    }
}
