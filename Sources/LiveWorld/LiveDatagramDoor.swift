// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Foundation
import Glibc
import NIOCore
import Synchronization
package import World

/// A UDP port that a thread for each core answers on, from sockets of their own.
///
/// The kernel spreads askers over the sockets (SO_REUSEPORT), and each thread takes and sends
/// datagrams in batches: nothing passes between threads.
package final class LiveDatagramDoor: DatagramDoor {
    package let address: Bytes.SocketAddress
    private let descriptors: [CInt]
    private let threads: Int
    private let state = Mutex(State())
    private let isStopping = Atomic(false)

    private struct State {
        var isClosed = false
        /// Threads that still use the descriptors.
        var running = 0
        var failure: NetworkFailure?
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// What the kernel keeps for a socket while its thread answers others: some thousand queries.
    private static let receiveOctets: CInt = 4 << 20
    /// A socket that fails this often without a datagram between is given up.
    private static let maximumFailures = 100

    /// Binds `threads` sockets, or uses one that somebody else has bound.
    init(
        at address: Bytes.SocketAddress, threads: Int, inherited: CInt? = nil
    ) throws(NetworkFailure) {
        self.threads = threads
        if let inherited {
            self.address = address
            descriptors = [inherited]
            _ = fcntl(inherited, F_SETFL, fcntl(inherited, F_GETFL) & ~O_NONBLOCK)
            Self.prepare(inherited, address.host)
            return
        }
        // Sockets that share a port do not see that somebody else has it too.
        if address.port != 0 {
            Glibc.close(try Self.bind(address, isShared: false))
        }
        let first = try Self.bind(address, isShared: true)
        var descriptors = [first]
        let actual = Bytes.SocketAddress(address.host, port: Self.port(of: first))
        do throws(NetworkFailure) {
            while descriptors.count < threads {
                descriptors.append(try Self.bind(actual, isShared: true))
            }
        } catch {
            for descriptor in descriptors { Glibc.close(descriptor) }
            throw error
        }
        self.address = actual
        self.descriptors = descriptors
    }

    deinit { if !state.withLock({ $0.isClosed }) { closeDescriptors() } }

    // MARK: - Sockets

    private static func bind(
        _ address: Bytes.SocketAddress, isShared: Bool
    ) throws(NetworkFailure) -> CInt {
        let raw = try NIOCore.SocketAddress(address)
        let family = address.host.isIPv4 ? AF_INET : AF_INET6
        let type = CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else { throw failure(errno, at: address) }
        if isShared { set(descriptor, SOL_SOCKET, SO_REUSEPORT, 1) }
        if !address.host.isIPv4 { set(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
        prepare(descriptor, address.host)
        let code = raw.withSockAddr { Glibc.bind(descriptor, $0, socklen_t($1)) }
        guard code == 0 else {
            let reason = errno
            Glibc.close(descriptor)
            throw failure(reason, at: address)
        }
        return descriptor
    }

    private static func prepare(_ descriptor: CInt, _ host: IPAddress) {
        // Beyond the system's limit where that is allowed, else up to it.
        if set(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, receiveOctets) != 0 {
            set(descriptor, SOL_SOCKET, SO_RCVBUF, receiveOctets)
        }
        if host.isIPv4 {
            // Nobody on the way tells us how small packets must be (RFC 9715 §3.1).
            set(descriptor, CInt(IPPROTO_IP), IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
            if host.isUnspecified { set(descriptor, CInt(IPPROTO_IP), IP_PKTINFO, 1) }
        } else {
            set(descriptor, CInt(IPPROTO_IPV6), IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT)
            if host.isUnspecified { set(descriptor, CInt(IPPROTO_IPV6), IPV6_RECVPKTINFO, 1) }
        }
    }

    @discardableResult
    private static func set(
        _ descriptor: CInt, _ level: CInt, _ option: CInt, _ value: CInt
    ) -> CInt {
        var value = value
        return setsockopt(
            descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    private static func port(of descriptor: CInt) -> UInt16 {
        InheritedSocket(descriptor: descriptor, name: "")?.address.port ?? 0
    }

    private static func failure(_ code: CInt, at address: Bytes.SocketAddress) -> NetworkFailure {
        switch code {
        case EADDRINUSE: .addressInUse(address)
        case EACCES, EPERM: .notPermitted(address)
        default: .system("\(address): \(String(cString: strerror(code)))")
        }
    }

    // MARK: - Serving

    package func serve(
        at time: any Time, _ makeAnswerer: @escaping @Sendable () -> any DatagramAnswerer
    ) async throws(NetworkFailure) {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                start(makeAnswerer, continuation)
            }
        } onCancel: {
            stop()
        }
        if let failure = state.withLock({ $0.failure }) { throw failure }
    }

    private func start(
        _ makeAnswerer: @escaping @Sendable () -> any DatagramAnswerer,
        _ continuation: CheckedContinuation<Void, Never>
    ) {
        let isOpen = state.withLock { state in
            guard !state.isClosed, !isStopping.load(ordering: .acquiring) else { return false }
            precondition(state.waiter == nil, "a door is served once")
            state.waiter = continuation
            state.running = threads
            return true
        }
        guard isOpen else { return continuation.resume() }
        for thread in 0..<threads {
            let descriptor = descriptors[thread % descriptors.count]
            Thread.detachNewThread { [self] in
                let failure = answer(on: descriptor, makeAnswerer())
                ended(failure)
            }
        }
    }

    /// The last thread to end wakes who serves.
    private func ended(_ failure: NetworkFailure?) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.failure = state.failure ?? failure
            state.running -= 1
            guard state.running == 0 else { return nil }
            defer { state.waiter = nil }
            if state.isClosed { closeDescriptors() }
            return state.waiter
        }
        waiter?.resume()
    }

    private func answer(
        on descriptor: CInt, _ answerer: any DatagramAnswerer
    ) -> NetworkFailure? {
        let batch = DatagramBatch(self, descriptor, answerer)
        var failures = 0
        while !isStopping.load(ordering: .relaxed) {
            if batch.turn() {
                failures = 0
            } else if errno != EINTR {
                failures += 1
                if failures >= Self.maximumFailures { return Self.failure(errno, at: address) }
            }
        }
        return nil
    }

    /// Ends the threads; what has arrived and is not read yet goes unanswered.
    private func stop() {
        isStopping.store(true, ordering: .releasing)
        // Wakes those who wait for datagrams, although the call says that there is no connection.
        for descriptor in descriptors { shutdown(descriptor, CInt(SHUT_RD)) }
    }

    /// Runs `body` while the descriptors are this door's; not at all once it is closed.
    func whileOpen(_ body: () -> Void) {
        state.withLock { state in
            guard !state.isClosed else { return }
            body()
        }
    }

    package func close() async {
        stop()
        state.withLock { state in
            guard !state.isClosed else { return }
            state.isClosed = true
            if state.running == 0 { closeDescriptors() }
        }
    }

    private func closeDescriptors() { for descriptor in descriptors { Glibc.close(descriptor) } }
}
