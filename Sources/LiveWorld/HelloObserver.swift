// SPDX-License-Identifier: Apache-2.0

import Bytes
import NIOCore

/// Stands between the wire and the TLS library and reads from the two hellos, which pass in clear
/// text, what the library does not tell: the server name asked for and the cipher suite chosen.
///
/// It changes nothing and trusts nothing: what it cannot read it leaves unsaid.
final class HelloObserver: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A hello longer than this is not read.
    private static let longest = 16 * 1024

    private(set) var serverName: String?
    private(set) var cipher: String?
    private var inbound: [UInt8] = []
    private var outbound: [UInt8] = []
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if inbound.count < Self.longest {
            inbound.append(contentsOf: unwrapInboundIn(data).readableBytesView)
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if outbound.count < Self.longest {
            outbound.append(contentsOf: unwrapOutboundIn(data).readableBytesView)
        }
        context.write(data, promise: promise)
    }

    /// As if these octets came from the wire now.
    func feed(_ octets: [UInt8]) {
        guard let context else { return }
        channelRead(context: context, data: NIOAny(ByteBuffer(bytes: octets)))
        context.fireChannelReadComplete()
    }

    /// Reads what was seen and steps out of the way.
    func finish() {
        for octets in [inbound, outbound] { read(TLSHello(records: octets)) }
        inbound = []
        outbound = []
        if let context { context.pipeline.syncOperations.removeHandler(self, promise: nil) }
        context = nil
    }

    private func read(_ hello: TLSHello?) {
        switch hello {
        case .client(let name): serverName = name
        case .server(let suite): cipher = TLSHello.name(ofCipherSuite: suite)
        case nil: break
        }
    }
}
