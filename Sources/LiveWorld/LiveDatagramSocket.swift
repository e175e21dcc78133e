// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Glibc
import NIOCore
import NIOPosix
package import World

/// A UDP socket; one task receives, any task sends.
package final class LiveDatagramSocket: DatagramSocket {
    /// Datagrams kept for the receiver; what comes beyond is dropped.
    fileprivate static let keptDatagrams = 4096
    /// Read by one system call.
    private static let batch = 32
    /// Longer datagrams are cut: DNS over UDP announces at most 4096 octets (RFC 6891 §6.2.5).
    private static let longest = 4096

    package let address: Bytes.SocketAddress
    private let channel: any Channel
    private let reader: DatagramReader

    init(
        bindingTo address: Bytes.SocketAddress, on executor: LoopExecutor,
        inherited descriptor: CInt? = nil
    ) async throws(NetworkFailure) {
        let reader = DatagramReader(executor)
        var bootstrap = DatagramBootstrap(group: executor.loop)
            .channelOption(.datagramVectorReadMessageCount, value: Self.batch)
            .channelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(capacity: Self.batch * Self.longest)
            )
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(reader)
                }
            }
        if !address.host.isIPv4 {
            bootstrap = bootstrap.channelOption(
                ChannelOptions.socket(.init(IPPROTO_IPV6), .init(IPV6_V6ONLY)), value: 1)
        }
        do {
            channel =
                if let descriptor {
                    try await bootstrap.withBoundSocket(descriptor).get()
                } else {
                    try await bootstrap.bind(to: NIOCore.SocketAddress(address)).get()
                }
        } catch {
            throw NetworkFailure(error, at: address)
        }
        self.reader = reader
        self.address = Bytes.SocketAddress(channel.localAddress)
    }

    package func receive(
        limit: Int, deadline: Instant
    ) async throws(NetworkFailure) -> [Datagram] {
        try await reader.receive(limit: limit, deadline: deadline)
    }

    package func send(_ datagrams: [Datagram]) {
        let channel = channel
        guard channel.eventLoop.inEventLoop else {
            return channel.eventLoop.execute { Self.send(datagrams, by: channel) }
        }
        Self.send(datagrams, by: channel)
    }

    private static func send(_ datagrams: [Datagram], by channel: any Channel) {
        for datagram in datagrams where channel.isWritable {
            guard let peer = try? NIOCore.SocketAddress(datagram.peer) else { continue }
            let envelope = AddressedEnvelope(
                remoteAddress: peer, data: ByteBuffer(bytes: datagram.octets))
            channel.write(envelope, promise: nil)
        }
        channel.flush()
    }

    package func close() async { try? await channel.close() }

    deinit { channel.close(promise: nil) }
}

/// The receiving end of a datagram channel.
///
/// Unchecked: all state is touched on the loop's thread only.
private final class DatagramReader: ChannelInboundHandler, Waiting, @unchecked Sendable {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    private typealias Outcome = Result<[Datagram], NetworkFailure>

    private let executor: LoopExecutor
    private var datagrams: [Datagram] = []
    private var isClosed = false
    private var waiter: (continuation: UnsafeContinuation<Outcome, Never>, limit: Int)?
    var deadline = DeadlineWatch.never
    var watchIndex: Int?

    init(_ executor: LoopExecutor) { self.executor = executor }

    func receive(limit: Int, deadline: Instant) async throws(NetworkFailure) -> [Datagram] {
        let loop = executor.loop
        if loop.inEventLoop, !datagrams.isEmpty { return take(limit) }
        if Task.isCancelled { throw .cancelled }
        let outcome = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                loop.execute { self.wait(continuation, limit: limit, until: deadline) }
            }
        } onCancel: {
            loop.execute { self.end(with: .failure(.cancelled)) }
        }
        return try outcome.get()
    }

    private func wait(
        _ continuation: UnsafeContinuation<Outcome, Never>, limit: Int, until deadline: Instant
    ) {
        precondition(waiter == nil, "datagrams are received by one task at a time")
        waiter = (continuation, limit)
        self.deadline = deadline
        executor.deadlines.note(deadline)
        wake()
    }

    private func wake() {
        guard let waiter else { return }
        if !datagrams.isEmpty {
            end(with: .success(take(waiter.limit)))
        } else if isClosed {
            end(with: .failure(.disconnected))
        }
    }

    private func take(_ limit: Int) -> [Datagram] {
        guard datagrams.count > limit else {
            defer { datagrams = [] }
            return datagrams
        }
        defer { datagrams.removeFirst(limit) }
        return Array(datagrams[..<limit])
    }

    private func end(with outcome: Outcome) {
        guard let waiter else { return }
        self.waiter = nil
        deadline = DeadlineWatch.never
        waiter.continuation.resume(returning: outcome)
    }

    func expire() { end(with: .failure(.deadlinePassed)) }

    func channelActive(context: ChannelHandlerContext) { executor.deadlines.add(self) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard datagrams.count < LiveDatagramSocket.keptDatagrams else { return }
        let envelope = unwrapInboundIn(data)
        let peer = Bytes.SocketAddress(envelope.remoteAddress)
        datagrams.append(Datagram(peer: peer, octets: Array(envelope.data.readableBytesView)))
    }

    func channelReadComplete(context: ChannelHandlerContext) { wake() }

    /// A datagram nobody took (ICMP) is no fault of the socket.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        executor.deadlines.remove(self)
        wake()
    }
}
