// SPDX-License-Identifier: Apache-2.0

import Bytes
import Glibc
import Logging
import NIOCore

/// Lets a listening socket accept only as long as fewer connections than the limit are open.
///
/// Unchecked: all state is touched on the listener's loop only.
final class AcceptGate: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = any Channel
    typealias OutboundIn = Never

    /// Accepted in one go, while the limit is far.
    private static let batch: UInt = 16
    /// Until the next attempt when the system has no descriptor or memory left.
    private static let pause = TimeAmount.milliseconds(500)

    private let loop: any EventLoop
    private var context: ChannelHandlerContext?
    private var limit = 0
    private var open = 0
    private var currentBatch = AcceptGate.batch
    private var isHeldBack = false
    private var isPausing = false
    /// Nobody has been accepted since the system first had no more to give.
    private var isShort = false

    init(_ loop: any EventLoop) { self.loop = loop }

    func open(limit: Int) {
        loop.execute {
            self.limit = limit
            self.resume()
        }
    }

    /// A connection has ended.
    func leave() {
        guard loop.inEventLoop else { return loop.execute { self.leave() } }
        open -= 1
        resume()
    }

    private func resume() {
        guard isHeldBack, open < limit, !isPausing, let context else { return }
        isHeldBack = false
        read(context: context)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func read(context: ChannelHandlerContext) {
        guard open < limit, !isPausing else {
            isHeldBack = true
            return
        }
        let batch = limit - open > Int(Self.batch) ? Self.batch : 1
        if batch != currentBatch {
            currentBatch = batch
            try? context.channel.syncOptions?.setOption(.maxMessagesPerRead, value: batch)
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        open += 1
        if isShort {
            isShort = false
            Logger(label: "network").notice("connections are accepted again", metadata: metadata)
        }
        context.fireChannelRead(data)
    }

    private var metadata: Logger.Metadata {
        ["address": "\(Bytes.SocketAddress(context?.channel.localAddress))"]
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let codes = [EMFILE, ENFILE, ENOBUFS, ENOMEM]
        guard let error = error as? IOError, codes.contains(error.errnoCode) else { return }
        if !isShort {
            isShort = true
            Logger(label: "network").warning(
                """
                no connections can be accepted for now: \(String(cString: strerror(error.errnoCode))); \
                see LimitNOFILE= of the unit, or `ulimit -n`
                """, metadata: metadata)
        }
        isPausing = true
        loop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isPausing = false
            self.resume()
        }
    }
}
