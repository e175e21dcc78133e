// SPDX-License-Identifier: Apache-2.0

import Bytes
import NIOCore
import NIOSSL
import NIOTLS
import World

/// A TCP connection: the last handler of its channel and, at once, the `Connection` of its task.
///
/// What a task does costs least when it runs on the connection's own loop (`LoopExecutor`), as
/// those of `Listener.serve` do; from elsewhere each wait hops to the loop and back.
///
/// Unchecked: all state is touched on the loop's thread only, but `outgoing` and `returned`, which
/// belong to the one task that uses the connection, and `facts`, which changes only while that task waits.
final class LiveConnection: Connection, ChannelDuplexHandler, Waiting, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Octets read ahead of the task; beyond it the peer's window closes.
    ///
    /// When the peer ends its side, NIO reads at once what the kernel holds (tcp_rmem, 6 MiB).
    static let readAheadOctets = 64 * 1024
    /// An output buffer up to this size is kept for the next step.
    private static let keptOctets = 4 * 1024
    /// For what is not sent yet, and for the peer to end its side, when we close.
    private static let closingTime = TimeAmount.seconds(1)

    /// What a task waits for.
    enum Wish { case octets, room, handshake, end }

    /// What a wait ends with.
    enum Event {
        case octets([UInt8])
        case ended
        case done
        case failed(NetworkFailure)
    }

    let executor: LoopExecutor
    private let contexts: TLSContexts
    private var context: ChannelHandlerContext?
    private let onActive: (LiveConnection) -> Void

    private(set) var localAddress = Bytes.SocketAddress(nil)
    private(set) var remoteAddress = Bytes.SocketAddress(nil)
    private var facts: TLSFacts?
    private var outgoing = ByteBuffer()
    private var returned: [UInt8] = []
    /// What was given back, and what is unread, is the peer's handshake.
    private var keepsHandshake = false

    private var inbound: [UInt8] = []
    /// Nothing is read before the task first asks: a ClientHello must not arrive as plain text.
    private var mayRead = false
    private var readHeldBack = false
    private var peerHasEnded = false
    private var failure: NetworkFailure?
    private var handshake: TLSHandshake?

    /// Somebody wants the task that receives, and has not had it yet.
    private var isInterrupted = false
    private var wish = Wish.octets
    private var waiter: UnsafeContinuation<Event, Never>?
    var deadline = DeadlineWatch.never
    var watchIndex: Int?

    init(
        executor: LoopExecutor, contexts: TLSContexts,
        onActive: @escaping (LiveConnection) -> Void = { _ in }
    ) {
        self.executor = executor
        self.contexts = contexts
        self.onActive = onActive
    }

    var tls: TLSFacts? { facts }

    // MARK: The task's side

    func receive(
        deadline: Instant, heedingCancellation: Bool
    ) async throws(NetworkFailure) -> [UInt8]? {
        if !returned.isEmpty {
            defer { returned = [] }
            return returned
        }
        if executor.loop.inEventLoop {
            mayRead = true
            send()
            if let event = outcome(.octets) { return try Self.octets(event) }
        }
        return try Self.octets(
            await wait(
                for: .octets, until: deadline, heedingCancellation: heedingCancellation))
    }

    func interrupt() {
        guard executor.loop.inEventLoop else {
            return executor.loop.execute { self.interrupt() }
        }
        isInterrupted = true
        wake()
    }

    func putBack(_ octets: consuming [UInt8], beginsHandshake: Bool) {
        returned = octets + returned
        keepsHandshake = beginsHandshake
    }

    func write(_ octets: consuming [UInt8]) { outgoing.writeBytes(octets) }

    func flush(deadline: Instant) async throws(NetworkFailure) {
        if executor.loop.inEventLoop {
            send()
            if let event = outcome(.room) { return try Self.done(event) }
        }
        try Self.done(await wait(for: .room, until: deadline))
    }

    func startTLS(_ role: TLSRole, deadline: Instant) async throws(NetworkFailure) {
        let event = await wait(for: .handshake, until: deadline) { self.shakeHands(role) }
        switch event {
        case .failed(.tls), .done: break
        // A handshake that stopped half-way leaves nothing that could go on in plain text.
        default: await abort()
        }
        try Self.done(event)
    }

    func close() async {
        if executor.loop.inEventLoop, finish() { return }
        let stop = executor
        _ = await withUnsafeContinuation { continuation in
            stop.loop.execute { self.waitForEnd(continuation) }
        }
    }

    private static func octets(_ event: Event) throws(NetworkFailure) -> [UInt8]? {
        switch event {
        case .octets(let octets): octets
        case .ended, .done: nil
        case .failed(let failure): throw failure
        }
    }

    private static func done(_ event: Event) throws(NetworkFailure) {
        if case .failed(let failure) = event { throw failure }
    }

    /// Suspends until `wish` has an outcome, the deadline passes or the task is cancelled.
    private func wait(
        for wish: Wish, until deadline: Instant, heedingCancellation: Bool = true,
        after first: (@Sendable () -> Void)? = nil
    ) async -> Event {
        guard heedingCancellation else {
            return await withUnsafeContinuation { continuation in
                executor.loop.execute {
                    self.begin(wish, until: deadline, after: nil, continuation)
                }
            }
        }
        if Task.isCancelled { return .failed(.cancelled) }
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if executor.loop.inEventLoop {
                    begin(wish, until: deadline, after: first, continuation)
                } else {
                    executor.loop.execute {
                        self.begin(wish, until: deadline, after: first, continuation)
                    }
                }
            }
        } onCancel: {
            executor.loop.execute { self.end(with: .failed(.cancelled), unless: .end) }
        }
    }

    // MARK: The loop's side

    private func begin(
        _ wish: Wish, until deadline: Instant, after first: (@Sendable () -> Void)?,
        _ continuation: UnsafeContinuation<Event, Never>
    ) {
        precondition(waiter == nil, "a connection is used by one task at a time")
        mayRead = true
        first?()
        send()
        if let event = outcome(wish) {
            continuation.resume(returning: event)
            return
        }
        self.wish = wish
        self.deadline = deadline
        waiter = continuation
        executor.deadlines.note(deadline)
        resumeReading()
    }

    /// What can be said about a wish now; nil when it must wait.
    private func outcome(_ wish: Wish) -> Event? {
        switch wish {
        case .octets:
            // Who does not take our octets gets no more of theirs read.
            if failure == nil, !peerHasEnded, let context, !context.channel.isWritable {
                return nil
            }
            if !inbound.isEmpty { return .octets(takeInbound()) }
            if let failure { return .failed(failure) }
            if peerHasEnded { return .ended }
            guard isInterrupted else { return nil }
            isInterrupted = false
            return .failed(.interrupted)
        case .room:
            if let failure { return .failed(failure) }
            guard let context else { return .failed(.disconnected) }
            return context.channel.isWritable ? .done : nil
        case .handshake:
            if let failure { return .failed(failure) }
            guard context != nil else { return .failed(.disconnected) }
            return facts == nil ? nil : .done
        case .end:
            return context == nil ? .done : nil
        }
    }

    private func takeInbound() -> [UInt8] {
        let octets = inbound
        inbound = []
        resumeReading()
        return octets
    }

    /// Resumes the task if what it waits for has happened.
    private func wake() {
        guard waiter != nil, let event = outcome(wish) else { return }
        end(with: event)
    }

    private func end(with event: Event, unless exception: Wish? = nil) {
        guard let waiter, wish != exception else { return }
        self.waiter = nil
        deadline = DeadlineWatch.never
        waiter.resume(returning: event)
    }

    func expire() {
        guard wish == .end else { return end(with: .failed(.deadlinePassed)) }
        context?.close(mode: .all, promise: nil)
    }

    private func send() {
        guard outgoing.readableBytes > 0 else { return }
        guard let context, failure == nil else {
            outgoing.clear()
            return
        }
        context.writeAndFlush(wrapOutboundOut(outgoing), promise: nil)
        if outgoing.capacity > Self.keptOctets {
            outgoing = ByteBuffer()
        } else {
            // Allocates only if the octets are still on their way.
            outgoing.clear()
        }
    }

    private func resumeReading() {
        guard readHeldBack, mayRead, inbound.count < Self.readAheadOctets else { return }
        readHeldBack = false
        context?.read()
    }

    private func shakeHands(_ role: TLSRole) {
        guard let context, failure == nil else { return }
        guard handshake == nil else { return fail(.tls("TLS is already active")) }
        // RFC 3207 §4.2: what was said in plain text ends here.
        let early = keepsHandshake ? returned + inbound : []
        returned = []
        inbound = []
        send()
        // TLS ends both ways at once; the library would wait for a second end in vain.
        try? context.channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
        do {
            let handshake = try TLSHandshake(role, contexts: contexts)
            self.handshake = handshake
            try handshake.install(in: context, before: self)
            if !early.isEmpty { handshake.feed(early) }
        } catch {
            fail(.tls(error))
        }
    }

    private func fail(_ failure: NetworkFailure) {
        if self.failure == nil { self.failure = failure }
        context?.close(mode: .all, promise: nil)
    }

    // MARK: Closing

    /// Closes at once if nothing must be waited for; says whether it did.
    private func finish() -> Bool {
        send()
        guard let context else { return true }
        guard failure == nil, !isSendingOrUnread(context) else { return false }
        context.close(mode: .all, promise: nil)
        return self.context == nil
    }

    /// A close with octets unread would make the system reset the connection, and the peer might
    /// never see our last reply; so such a peer is given time to end its side.
    private func isSendingOrUnread(_ context: ChannelHandlerContext) -> Bool {
        let options = context.channel.syncOptions
        let unsent = (try? options?.getOption(.bufferedWritableBytes)) ?? 0
        return unsent > 0 || (!peerHasEnded && (!inbound.isEmpty || readHeldBack && mayRead))
    }

    private func waitForEnd(_ continuation: UnsafeContinuation<Event, Never>) {
        precondition(waiter == nil, "a connection is used by one task at a time")
        guard !finish(), let context else { return continuation.resume(returning: .done) }
        wish = .end
        waiter = continuation
        deadline = LiveTime().now + .nanoseconds(Self.closingTime.nanoseconds)
        executor.deadlines.note(deadline)
        inbound = []
        mayRead = true
        if failure != nil || peerHasEnded || facts != nil {
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.assumeIsolated().whenComplete { _ in
                self.context?.close(mode: .all, promise: nil)
            }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
        } else {
            context.close(mode: .output, promise: nil)
        }
        resumeReading()
    }

    private func abort() async {
        _ = await withUnsafeContinuation { continuation in
            executor.loop.execute {
                self.fail(.disconnected)
                continuation.resume(returning: ())
            }
        }
    }

    // MARK: The channel's events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { becomeActive() }
    }

    func channelActive(context: ChannelHandlerContext) { becomeActive() }

    /// Called twice for an outgoing connection: its task must not go on before the channel is set.
    func becomeActive() {
        guard watchIndex == nil, let context else { return }
        localAddress = Bytes.SocketAddress(context.channel.localAddress)
        remoteAddress = Bytes.SocketAddress(context.channel.remoteAddress)
        executor.deadlines.add(self)
        onActive(self)
    }

    func read(context: ChannelHandlerContext) {
        if mayRead, inbound.count < Self.readAheadOctets {
            context.read()
        } else {
            readHeldBack = true
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        // Whoever waits for the end wants no more octets.
        if waiter != nil, wish == .end { return }
        if inbound.isEmpty {
            inbound = Array(buffer.readableBytesView)
        } else {
            inbound.append(contentsOf: buffer.readableBytesView)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { wake() }

    func channelWritabilityChanged(context: ChannelHandlerContext) { wake() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            peerHasEnded = true
            if waiter != nil, wish == .end {
                context.close(mode: .all, promise: nil)
            }
            wake()
        case TLSUserEvent.handshakeCompleted:
            do {
                facts = try handshake?.facts()
            } catch {
                fail(.tls(error))
            }
            wake()
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        // Many programs end TLS without saying so; the protocols above know their own ends.
        case NIOSSLError.uncleanShutdown: peerHasEnded = true
        case _ where handshake != nil && facts == nil: fail(.tls(error))
        case _ where error is NIOSSLError || error is BoringSSLError: fail(.disconnected)
        default: fail(NetworkFailure(error, at: remoteAddress))
        }
        wake()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if handshake != nil, facts == nil {
            failure = failure ?? .tls("the peer closed the connection during the handshake")
        }
        // A close without an error is the peer's orderly end of TLS, or our own close.
        peerHasEnded = true
        gone()
    }

    func handlerRemoved(context: ChannelHandlerContext) { gone() }

    private func gone() {
        guard context != nil else { return }
        context = nil
        executor.deadlines.remove(self)
        wake()
    }
}
