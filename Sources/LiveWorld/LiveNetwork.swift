// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Glibc
import NIOCore
import NIOPosix
import Synchronization
package import World

/// The network of the operating system, by SwiftNIO and NIOSSL.
///
/// Each connection lives on one of a few event loops, and the task that `Listener.serve` starts
/// for it runs on that loop's thread.
package final class LiveNetwork: Network {
    /// Connections that wait to be accepted; the kernel cuts it to its own limit (somaxconn).
    private static let backlog: Int32 = 1024

    private let group: MultiThreadedEventLoopGroup
    private let executors: [LoopExecutor]
    private let byLoop: [ObjectIdentifier: LoopExecutor]
    private let contexts: TLSContexts
    private let turn = Atomic(0)
    /// Bound by somebody else, and not taken yet.
    private let inherited = Mutex<[InheritedSocket]>([])

    /// As many event loops as cores, but for the one on which the store commits: with a loop more,
    /// connections wake each other's threads, and each message costs a tenth more.
    package static let usualThreads = max(1, System.coreCount - 1)

    /// `threads` is the number of event loops; `trustRoots` names a PEM file of certificates to
    /// trust as a client, nil for those the system trusts.
    package init(threads: Int = usualThreads, trustRoots: String? = nil) {
        precondition(threads > 0, "a network needs a thread")
        group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        executors = group.makeIterator().map { LoopExecutor($0) }
        byLoop = Dictionary(
            uniqueKeysWithValues: executors.map { (ObjectIdentifier($0.loop), $0) })
        contexts = TLSContexts(trustRoots: trustRoots)
    }

    /// Ends the threads; every connection and listener must have been closed before.
    package func shutdown() async { try? await group.shutdownGracefully() }

    /// One of the loops, in turn: for `withTaskExecutorPreference`, so that a task that uses
    /// outgoing connections runs where they live.
    package func nextExecutor() -> LoopExecutor {
        let turn = turn.wrappingAdd(1, ordering: .relaxed).newValue
        return executors[abs(turn % executors.count)]
    }

    package var taskExecutor: (any TaskExecutor)? { nextExecutor() }

    /// The loop on which this very code runs, or the next one.
    private func nearestExecutor() -> LoopExecutor {
        let here = MultiThreadedEventLoopGroup.currentEventLoop
        return here.flatMap { byLoop[ObjectIdentifier($0)] } ?? nextExecutor()
    }

    /// Sockets that `listen` and `bind` shall use for their addresses rather than bind them.
    package func adopt(_ sockets: [InheritedSocket]) { inherited.withLock { $0 += sockets } }

    private func takeInherited(
        _ address: Bytes.SocketAddress, isDatagram: Bool
    ) -> InheritedSocket? {
        inherited.withLock { sockets in
            sockets.firstIndex { $0.address == address && $0.isDatagram == isDatagram }
                .map { sockets.remove(at: $0) }
        }
    }

    package func listen(
        on address: Bytes.SocketAddress
    ) async throws(NetworkFailure) -> any Listener {
        let executor = nextExecutor()
        let gate = AcceptGate(executor.loop)
        let arrivals = Arrivals()
        let (byLoop, contexts) = (byLoop, contexts)
        var bootstrap = ServerBootstrap(group: executor.loop, childGroup: group)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Inherited by the connections that are accepted.
            .serverChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(gate)
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Set here and now: the bootstrap would take a future for each option.
                    let options = channel.syncOptions
                    try options?.setOption(.allowRemoteHalfClosure, value: true)
                    try options?.setOption(.recvAllocator, value: ReadBuffers())
                    guard let executor = byLoop[ObjectIdentifier(channel.eventLoop)] else { return }
                    let connection = LiveConnection(executor: executor, contexts: contexts) {
                        arrivals.add($0)
                    }
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
        if !address.host.isIPv4 {
            // `[::]` means IPv6 alone: `0.0.0.0` is listened on by itself.
            bootstrap = bootstrap.serverChannelOption(
                ChannelOptions.socket(.init(IPPROTO_IPV6), .init(IPV6_V6ONLY)), value: 1)
        }
        do {
            let inherited = takeInherited(address, isDatagram: false)
            let channel =
                if let inherited {
                    try await bootstrap.withBoundSocket(inherited.descriptor).get()
                } else {
                    try await bootstrap.bind(to: NIOCore.SocketAddress(address)).get()
                }
            return LiveListener(channel, executor: executor, gate: gate, arrivals: arrivals)
        } catch {
            throw NetworkFailure(error, at: address)
        }
    }

    package func connect(
        to address: Bytes.SocketAddress, from source: IPAddress?, deadline: Instant
    ) async throws(NetworkFailure) -> any Connection {
        let (connection, attempt, common) = try prepare(until: deadline)
        var bootstrap = common.channelOption(.tcpOption(.tcp_nodelay), value: 1)
        if let source {
            let from = Bytes.SocketAddress(source, port: 0)
            bootstrap = bootstrap.bind(to: try NIOCore.SocketAddress(from))
        }
        try await connect(
            bootstrap, to: try NIOCore.SocketAddress(address), connection, attempt,
            named: address)
        return connection
    }

    package func connect(
        toSocket path: String, deadline: Instant
    ) async throws(NetworkFailure) -> any Connection {
        let (connection, attempt, bootstrap) = try prepare(until: deadline)
        let address: NIOCore.SocketAddress
        do {
            address = try NIOCore.SocketAddress(unixDomainSocketPath: path)
        } catch {
            throw .unreachable("\(path) is too long for a socket's path")
        }
        try await connect(
            bootstrap, to: address, connection, attempt, named: Bytes.SocketAddress(nil))
        return connection
    }

    /// What every connection to elsewhere begins with.
    private func prepare(
        until deadline: Instant
    ) throws(NetworkFailure) -> (LiveConnection, ConnectAttempt, ClientBootstrap) {
        let executor = nearestExecutor()
        let rest = (deadline - LiveTime().now).nanoseconds
        guard rest > 0 else { throw .deadlinePassed }
        if Task.isCancelled { throw .cancelled }
        let connection = LiveConnection(executor: executor, contexts: contexts)
        let attempt = ConnectAttempt()
        let bootstrap = ClientBootstrap(group: executor.loop)
            .connectTimeout(.nanoseconds(min(rest, Duration.hours(1).nanoseconds)))
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                attempt.began(channel)
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
        return (connection, attempt, bootstrap)
    }

    private func connect(
        _ bootstrap: ClientBootstrap, to address: NIOCore.SocketAddress,
        _ connection: LiveConnection, _ attempt: ConnectAttempt,
        named name: Bytes.SocketAddress
    ) async throws(NetworkFailure) {
        let connected = bootstrap.connect(to: address).map { _ in connection.becomeActive() }
        do {
            try await withTaskCancellationHandler {
                try await connected.get()
            } onCancel: {
                attempt.cancel()
            }
        } catch {
            if Task.isCancelled { throw .cancelled }
            switch NetworkFailure(error, at: name) {
            case .notPermitted, .addressInUse: throw .unreachable("\(error)")
            case let failure: throw failure
            }
        }
    }

    package func bind(
        to address: Bytes.SocketAddress
    ) async throws(NetworkFailure) -> any DatagramSocket {
        try await LiveDatagramSocket(
            bindingTo: address, on: nextExecutor(),
            inherited: takeInherited(address, isDatagram: true)?.descriptor)
    }

    package func openDoor(
        at address: Bytes.SocketAddress
    ) async throws(NetworkFailure) -> any DatagramDoor {
        try LiveDatagramDoor(
            at: address, threads: System.coreCount,
            inherited: takeInherited(address, isDatagram: true)?.descriptor)
    }

    package func identity(
        certificateChain: [UInt8], privateKey: [UInt8]
    ) throws(NetworkFailure) -> any TLSIdentity {
        try LiveTLSIdentity(certificateChain: certificateChain, privateKey: privateKey)
    }

    /// One identity of several certificate chains with their keys (PEM), chosen by server name; the
    /// first is for everybody else.
    package func identity(
        pairs: [(certificateChain: [UInt8], privateKey: [UInt8])]
    ) throws(NetworkFailure) -> any TLSIdentity {
        var known: [LiveTLSIdentity.KeyPair] = []
        for pair in pairs { known.append(try .init(pair.certificateChain, pair.privateKey)) }
        return try LiveTLSIdentity(known)
    }
}

/// Lets the cancellation of a task end the connecting of its channel, whichever comes first.
private final class ConnectAttempt: Sendable {
    private let state = Mutex<(channel: (any Channel)?, isCancelled: Bool)>((nil, false))

    func began(_ channel: any Channel) {
        let isCancelled = state.withLock { state in
            state.channel = channel
            return state.isCancelled
        }
        if isCancelled { channel.close(promise: nil) }
    }

    func cancel() {
        let channel = state.withLock { state in
            state.isCancelled = true
            return state.channel
        }
        channel?.close(promise: nil)
    }
}
