// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// One end of a simulated stream.
final class SimulatedConnection: Connection, @unchecked Sendable {
    /// What `close` gives the peer to take what was written.
    private static let closingPause = Duration.seconds(1)

    let localAddress: SocketAddress
    let remoteAddress: SocketAddress
    private(set) var tls: TLSFacts?
    private(set) var isClosed = false

    private let stack: NetworkStack
    private var number = 0
    private let wire: Wire
    private let inbound: Pipe
    private let outbound: Pipe
    private var written: [UInt8] = []
    private var returned: [UInt8] = []
    private var isInterrupted = false
    /// The connection is gone; what had arrived may still be taken.
    private var failure: NetworkFailure?

    var host: SimulatedHost { stack.host }
    private var world: SimulatedNetwork { stack.host.world }
    private var simulation: Simulation { stack.host.world.simulation }

    init(
        _ stack: NetworkStack, _ localAddress: SocketAddress, _ remoteAddress: SocketAddress,
        _ wire: Wire, inbound: Pipe, outbound: Pipe
    ) {
        self.stack = stack
        self.localAddress = localAddress
        self.remoteAddress = remoteAddress
        self.wire = wire
        self.inbound = inbound
        self.outbound = outbound
        number = stack.enter(self)
    }
}

// MARK: - Octets

extension SimulatedConnection {
    func receive(
        deadline: Instant, heedingCancellation: Bool
    ) async throws(NetworkFailure) -> [UInt8]? {
        if !isClosed { send() }
        if !returned.isEmpty {
            defer { returned = [] }
            return returned
        }
        simulation.turn()
        while true {
            if isClosed { throw .disconnected }
            switch inbound.take() {
            case .octets(let octets): return octets
            case .handshake(let handshake): return handshake.octets
            case .end: return nil
            case .nothing: if let failure { throw failure }
            }
            if isInterrupted {
                isInterrupted = false
                throw .interrupted
            }
            try await awaitArrival(deadline, heedingCancellation)
        }
    }

    func interrupt() {
        isInterrupted = true
        inbound.reader?.wake()
    }

    /// A handshake is no octets here: it still waits behind what was taken.
    func putBack(_ octets: consuming [UInt8], beginsHandshake: Bool) {
        returned = octets + returned
    }

    func write(_ octets: consuming [UInt8]) {
        guard failure == nil, !isClosed, !octets.isEmpty else { return }
        if written.isEmpty { written = octets } else { written += octets }
    }

    func flush(deadline: Instant) async throws(NetworkFailure) {
        if !isClosed { send() }
        while true {
            if isClosed { throw .disconnected }
            if let failure { throw failure }
            if outbound.isFlushed { return }
            try await awaitRoom(deadline)
        }
    }

    private func send() {
        if failure == nil, !written.isEmpty {
            outbound.push(.octets(written))
            outbound.pump()
        }
        written = []
    }

    private func awaitArrival(
        _ deadline: Instant, _ heedingCancellation: Bool = true
    ) async throws(NetworkFailure) {
        try await simulation.wait(
            "receives from", .path(localAddress, remoteAddress), until: deadline,
            heedingCancellation: heedingCancellation
        ) { inbound.reader = $0 }
    }

    private func awaitRoom(_ deadline: Instant) async throws(NetworkFailure) {
        try await simulation.wait(
            "sends to", .path(localAddress, remoteAddress), until: deadline
        ) { outbound.writer = $0 }
    }
}

// MARK: - TLS

extension SimulatedConnection {
    func startTLS(_ role: TLSRole, deadline: Instant) async throws(NetworkFailure) {
        guard tls == nil else { throw .tls("this connection is protected already") }
        try await flush(deadline: deadline)
        returned = []
        inbound.dropPlainText()
        switch role {
        case .server(let identity, _): try await greetClient(identity, deadline)
        case .client(let name, let verify, let keepsCertificate):
            let identity = try await greetServer(name, verify, deadline)
            if keepsCertificate { tls?.chain = [identity.certificate] }
        }
    }

    private func greetClient(
        _ identity: any TLSIdentity, _ deadline: Instant
    ) async throws(NetworkFailure) {
        guard let identity = identity.current as? DeclaredIdentity else {
            throw .tls("the identity was not made by this network")
        }
        guard case .client(let serverName) = try await handshake(deadline) else {
            throw fail("not a client's greeting")
        }
        if simulation.faults.happens(world.faults.handshakeFailureProbability) {
            throw fail("handshake failure")
        }
        say(.server(identity))
        tls = Self.facts(serverName)
    }

    private func greetServer(
        _ serverName: String, _ verify: Bool, _ deadline: Instant
    ) async throws(NetworkFailure) -> DeclaredIdentity {
        say(.client(serverName: serverName))
        guard case .server(let identity) = try await handshake(deadline) else {
            throw fail("not a server's greeting")
        }
        if verify, !identity.isValid(for: serverName) {
            throw fail("the certificate is not valid for \(serverName)")
        }
        tls = Self.facts(serverName)
        return identity
    }

    private static func facts(_ serverName: String) -> TLSFacts {
        TLSFacts(
            version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256",
            serverName: serverName.isEmpty ? nil : serverName)
    }

    private func say(_ handshake: Handshake) {
        outbound.push(.handshake(handshake))
        outbound.pump()
    }

    private func handshake(_ deadline: Instant) async throws(NetworkFailure) -> Handshake {
        while true {
            if isClosed { throw .disconnected }
            switch inbound.take() {
            case .handshake(.alert(let reason)):
                abandon()
                throw .tls("the other side says: \(reason)")
            case .handshake(let handshake): return handshake
            case .octets: throw fail("plain text instead of a handshake")
            case .end: throw .disconnected
            case .nothing: if let failure { throw failure }
            }
            try await awaitArrival(deadline)
        }
    }

    /// Tells the other side why, and gives the connection up.
    private func fail(_ reason: String) -> NetworkFailure {
        say(.alert(reason))
        outbound.push(.end)
        outbound.pump()
        abandon()
        return .tls(reason)
    }

    private func abandon() {
        failure = .disconnected
        written = []
    }
}

// MARK: - The end

extension SimulatedConnection {
    func close() async {
        guard !isClosed else { return }
        if failure == nil {
            send()
            outbound.push(.end)
            outbound.pump()
            await drain()
            // A system that closes with octets unread, or unsent, resets the connection.
            if failure == nil, inbound.hasUnread || !outbound.isFlushed {
                wire.resetPeer(of: self)
            }
        }
        finish()
    }

    /// Waits a moment for what was written to leave, also in a task that was cancelled.
    private func drain() async {
        let end = simulation.now + Self.closingPause
        while failure == nil, !outbound.isFlushed {
            do {
                try await simulation.wait(
                    "closes to", .path(localAddress, remoteAddress), until: end,
                    heedingCancellation: false
                ) { outbound.writer = $0 }
            } catch {
                return
            }
        }
    }

    /// The program that held this end is gone.
    func die(_ ending: Ending) {
        guard !isClosed else { return }
        switch ending {
        case .reset: wire.resetPeer(of: self)
        case .vanish: wire.vanish()
        }
        failure = .disconnected
        outbound.dropUnsent()
        finish()
    }

    /// The peer, or someone between, has given the connection up.
    func hearReset() {
        guard !isClosed, failure == nil else { return }
        simulation.note(.ending, UInt64(localAddress.port))
        failure = .disconnected
        // Whether octets that came before the reset can still be read depends on the system.
        if simulation.faults.happens(0.5) { inbound.dropArrived() }
        outbound.drop()
        inbound.wake()
        outbound.wake()
    }

    private func finish() {
        guard !isClosed else { return }
        isClosed = true
        written = []
        inbound.dropArrived()
        inbound.wake()
        outbound.wake()
        stack.leave(number)
        wire.forget(self)
    }
}
