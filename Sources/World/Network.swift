// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// The way to other hosts: streams, datagrams, TLS.
package protocol Network: Sendable {
    /// Takes an address to listen on; port 0 takes any free one. Accepts nothing before `serve`.
    func listen(on address: SocketAddress) async throws(NetworkFailure) -> any Listener

    /// Connects; `source` is the address to come from, nil for the system's choice.
    func connect(
        to address: SocketAddress, from source: IPAddress?, deadline: Instant
    ) async throws(NetworkFailure) -> any Connection

    /// Connects to a Unix socket of this machine, by its whole path.
    func connect(
        toSocket path: String, deadline: Instant
    ) async throws(NetworkFailure) -> any Connection

    /// Where a task that uses outgoing connections runs best: it need not change threads for each
    /// octet. Another one at each call, so that the load spreads; nil if it does not matter.
    var taskExecutor: (any TaskExecutor)? { get }

    /// Takes an address for datagrams; port 0 takes any free one.
    func bind(to address: SocketAddress) async throws(NetworkFailure) -> any DatagramSocket

    /// Takes an address for datagrams that are answered one by one (a server's).
    func openDoor(at address: SocketAddress) async throws(NetworkFailure) -> any DatagramDoor

    /// Reads a certificate chain and its key (PEM) once, for many handshakes.
    func identity(
        certificateChain: [UInt8], privateKey: [UInt8]
    ) throws(NetworkFailure) -> any TLSIdentity
}

extension Network {
    package var taskExecutor: (any TaskExecutor)? { nil }

    /// A door that is an ordinary socket.
    package func openDoor(
        at address: SocketAddress
    ) async throws(NetworkFailure) -> any DatagramDoor {
        SocketDoor(try await bind(to: address))
    }

    /// A network without Unix sockets.
    package func connect(
        toSocket path: String, deadline: Instant
    ) async throws(NetworkFailure) -> any Connection {
        throw .unreachable("there are no Unix sockets here")
    }
}

/// An address on which connections arrive.
package protocol Listener: Sendable {
    /// Where it listens, with the real port.
    var address: SocketAddress { get }

    /// Accepts until the task is cancelled or `close` is called; each connection is handled in a
    /// child task of its own and closed when its handler returns. At most `limit` at a time: the
    /// next ones wait unaccepted. Returns when all handlers have.
    func serve(limit: Int, _ handle: @escaping @Sendable (any Connection) async -> Void) async

    /// Changes the limit of `serve`; connections beyond a lower one go on.
    func changeLimit(to limit: Int)

    /// Stops listening; handlers under way go on.
    func close() async
}

/// A stream to one peer, used by one task at a time.
package protocol Connection: AnyObject, Sendable {
    var localAddress: SocketAddress { get }
    var remoteAddress: SocketAddress { get }
    /// What TLS found, nil in plain text.
    var tls: TLSFacts? { get }

    /// The next octets that have arrived, at least one; nil when the peer has ended its side.
    /// What was written is sent first, and goes on being sent while this waits, so that two
    /// sides that both write much do not block each other. `.deadlinePassed` leaves the
    /// connection usable; so does `.cancelled`, for last words: cancelling ends the waiting.
    /// Without `heedingCancellation` a cancelled task waits all the same: to finish what is under
    /// way when a server stops.
    func receive(
        deadline: Instant, heedingCancellation: Bool
    ) async throws(NetworkFailure) -> [UInt8]?

    /// Ends the waiting of `receive`, this one or, if none waits, the next, with `.interrupted`;
    /// octets that are there come first.
    ///
    /// For whoever has something to say to the task while the peer is silent; from any task, and
    /// returns at once. However often, it ends one waiting.
    func interrupt()

    /// Gives octets back that `receive` handed out: the next `receive` hands them out again.
    ///
    /// `beginsHandshake`: they, and what arrives until `startTLS`, are the beginning of the
    /// peer's handshake, which came behind a proxy's header.
    func putBack(_ octets: consuming [UInt8], beginsHandshake: Bool)

    /// Keeps octets for sending; `flush`, `receive` and `close` send them.
    func write(_ octets: consuming [UInt8])

    /// Sends what was written; returns when the peer's system takes more (back-pressure).
    /// After `.deadlinePassed` the rest still waits to be sent.
    func flush(deadline: Instant) async throws(NetworkFailure)

    /// Flushes, then shakes hands. Octets that had arrived in plain text and were not taken by
    /// `receive` are dropped (RFC 3207 §4.2), never handed out as if they were protected.
    func startTLS(_ role: TLSRole, deadline: Instant) async throws(NetworkFailure)

    /// Flushes as far as possible within a second and closes, also in a cancelled task.
    func close() async
}

extension Connection {
    package func receive(deadline: Instant) async throws(NetworkFailure) -> [UInt8]? {
        try await receive(deadline: deadline, heedingCancellation: true)
    }
}

/// A socket for datagrams.
package protocol DatagramSocket: Sendable {
    var address: SocketAddress { get }
    /// All datagrams waiting (at least one), at most `limit` of them.
    func receive(limit: Int, deadline: Instant) async throws(NetworkFailure) -> [Datagram]
    /// Sends in one go; what the system does not take is dropped, as datagrams are.
    func send(_ datagrams: [Datagram])
    /// Gives the address back; what was sent still goes.
    func close() async
}

/// One datagram with its peer.
package struct Datagram: Sendable {
    package var peer: SocketAddress
    package var octets: [UInt8]

    package init(peer: SocketAddress, octets: [UInt8]) {
        self.peer = peer
        self.octets = octets
    }
}

/// What can go wrong on the way, by the words of those who must explain it.
package enum NetworkFailure: Error, Hashable, Sendable {
    /// The peer's system said no.
    case refused
    /// No way to that address.
    case unreachable(String)
    /// Nothing came before the deadline.
    case deadlinePassed
    /// The connection is gone: reset, or used after its end.
    case disconnected
    /// The handshake failed, with the TLS library's reason.
    case tls(String)
    /// An address to listen on is taken.
    case addressInUse(SocketAddress)
    /// Not allowed (a port below 1024 without privilege).
    case notPermitted(SocketAddress)
    /// The task was cancelled.
    case cancelled
    /// Somebody else wants the task (`Connection.interrupt`).
    case interrupted
    /// Anything else, as the system says it.
    case system(String)
}

extension NetworkFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .refused: "connection refused"
        case .unreachable(let reason): "no route to the host (\(reason))"
        case .deadlinePassed: "no answer in time"
        case .disconnected: "connection lost"
        case .tls(let reason): "TLS handshake failed: \(reason)"
        case .addressInUse(let address): "\(address) is already in use by another program"
        case .notPermitted(let address): "not permitted to listen on \(address)"
        case .cancelled: "cancelled"
        case .interrupted: "interrupted"
        case .system(let reason): reason
        }
    }
}
