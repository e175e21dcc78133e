// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import World
import ZoneStore
import ZoneTransfer

/// Asks other name servers about zones: their SOA record, a transfer, an update.
struct TransferClient: Sendable {
    /// Why a server did not do what it was asked.
    enum Failure: Error, Sendable, CustomStringConvertible {
        case network(NetworkFailure)
        case reception(TransferReception.Failure)
        case signature(ResponseVerification.Failure)
        /// The key that is set for the peer is not known any more.
        case unknownKey(Name)
        case malformed(String)

        var description: String {
            switch self {
            case .network(let failure): failure.description
            case .reception(let failure): failure.description
            case .signature(let failure): failure.description
            case .unknownKey(let name): "there is no key \(name)"
            case .malformed(let reason): reason
            }
        }
    }

    let world: Surroundings
    let hash: any KeyedHash
    /// Where to come from, if possible: what others know us by.
    let sources: [IPAddress]

    /// For a connection to come about.
    private static let connecting: Duration = .seconds(10)
    /// From one message of a transfer to the next.
    private static let patience: Duration = .seconds(30)
    /// For a whole transfer, however steadily it drips.
    private static let longest: Duration = .hours(1)
    /// How often a datagram is sent, each time waiting for `datagramPatience`.
    private static let datagramTries = 2
    private static let datagramPatience: Duration = .seconds(2)
    /// Datagrams that are no answer to what was asked, and still no reason to give up.
    private static let maximumStrays = 100

    private var seconds: UInt64 { UInt64(max(0, world.time.timestamp.seconds)) }

    private var id: UInt16 { UInt16(truncatingIfNeeded: world.entropy.next()) }

    /// The address to come from on the way to another: of its family, and not this machine's own.
    func source(to address: IPAddress) -> IPAddress? {
        sources.first {
            $0.isIPv4 == address.isIPv4 && !$0.isUnspecified
                && $0.isLoopback == address.isLoopback
        }
    }

    // MARK: - Transfers

    /// Transfers a zone: what has changed since `start`, or everything.
    func fetch(
        _ origin: Name, from start: ResourceRecord?, of peer: ZonePeer, _ book: PeerBook
    ) async throws(Failure) -> TransferReception.Outcome {
        let id = id
        var query = TransferQuery.octets(origin: origin, id: id, from: start)
        var verification = try sign(&query, peer, book)
        var reception = TransferReception(origin: origin, id: id, from: start?.serial)
        let connection = try await connect(peer.address)
        let end = world.time.now + Self.longest
        var frames = MessageFrames()
        connection.write(MessageFrames.frame(query))
        do {
            while true {
                let deadline = min(end, world.time.now + Self.patience)
                guard let octets = try await connection.receive(deadline: deadline) else {
                    throw Failure.network(.disconnected)
                }
                frames.append(octets)
                while let message = frames.next() {
                    let plain =
                        try verification?.receive(message, atSeconds: seconds) ?? message
                    guard let outcome = try reception.receive(plain) else { continue }
                    guard verification?.isComplete ?? true else {
                        throw Failure.malformed("the end of the transfer is not signed")
                    }
                    await connection.close()
                    return outcome
                }
            }
        } catch {
            await connection.close()
            throw Self.failure(error)
        }
    }

    private static func failure(_ error: any Error) -> Failure {
        switch error {
        case let failure as Failure: failure
        case let failure as NetworkFailure: .network(failure)
        case let failure as TransferReception.Failure: .reception(failure)
        case let failure as ResponseVerification.Failure: .signature(failure)
        default: .malformed("\(error)")
        }
    }

    /// The SOA record that a server has of a zone.
    func start(of origin: Name, at peer: ZonePeer, _ book: PeerBook) async throws(Failure)
        -> ResourceRecord
    {
        let id = id
        let query = TransferQuery.startOctets(origin: origin, id: id)
        let octets = try await ask(query, peer, book)
        guard let message = try? Message(parsing: octets), message.header.id == id,
            message.header.isResponse, message.questions.first?.name == origin
        else { throw .malformed("the response makes no sense") }
        guard message.responseCode == .noError else {
            throw .reception(.refused(message.responseCode))
        }
        guard message.header.isAuthoritative,
            let start = message.answers.first(where: { $0.owner == origin && $0.type == .soa })
        else { throw .malformed("the server has no authority for \(origin)") }
        return start
    }

    /// The records of one set, as the server that keeps its zone answers for it.
    func records(
        of owner: Name, _ type: RecordType, at peer: ZonePeer, _ book: PeerBook
    ) async throws(Failure) -> [ResourceRecord] {
        var writer = MessageWriter()
        writer.begin(Header(id: id), limit: Message.maximumOctets)
        _ = writer.write(Question(name: owner, type: type))
        let octets = try await ask(writer.octets, peer, book)
        guard let message = try? Message(parsing: octets), message.header.isResponse,
            message.questions.first?.name == owner
        else { throw .malformed("the response makes no sense") }
        guard [.noError, .nameError].contains(message.responseCode) else {
            throw .reception(.refused(message.responseCode))
        }
        return message.answers.filter {
            $0.owner == owner && $0.type == type && $0.class == .internet
        }
    }

    // MARK: - One message there, one back

    /// Asks by datagram; by stream when the response does not fit.
    func ask(
        _ query: [UInt8], _ peer: ZonePeer, _ book: PeerBook
    ) async throws(Failure) -> [UInt8] {
        for attempt in 1...Self.datagramTries {
            do throws(Failure) {
                let octets = try await askByDatagram(
                    query, peer, book, wait: Self.datagramPatience)
                // TC: the same by TCP.
                guard octets.count > 2, octets[2] & 0x02 != 0 else { return octets }
                break
            } catch {
                guard case .network(.deadlinePassed) = error, attempt < Self.datagramTries else {
                    // A server that is asked by datagram in vain may listen by stream.
                    if case .network = error { break }
                    throw error
                }
            }
        }
        return try await askByStream(query, peer, book)
    }

    /// Sends one datagram and waits for the response to it, whose signature is judged and taken off.
    func askByDatagram(
        _ query: [UInt8], _ peer: ZonePeer, _ book: PeerBook, wait: Duration
    ) async throws(Failure) -> [UInt8] {
        var signed = query
        let verification = try sign(&signed, peer, book)
        let anywhere: IPAddress =
            peer.address.host.isIPv4
            ? .v4(IPv4Address(rawValue: 0)) : .v6(IPv6Address(high: 0, low: 0))
        let deadline = world.time.now + wait
        let socket: any DatagramSocket
        do throws(NetworkFailure) {
            socket = try await world.network.bind(
                to: SocketAddress(source(to: peer.address.host) ?? anywhere, port: 0))
        } catch {
            throw .network(error)
        }
        socket.send([Datagram(peer: peer.address, octets: signed)])
        do {
            var strays = 0
            while strays < Self.maximumStrays {
                for datagram in try await socket.receive(limit: 16, deadline: deadline) {
                    strays += 1
                    guard datagram.peer == peer.address, datagram.octets.count >= 12,
                        datagram.octets[0] == query[0], datagram.octets[1] == query[1],
                        datagram.octets[2] & 0x80 != 0
                    else { continue }
                    var verification = verification
                    let plain = try verification?.receive(datagram.octets, atSeconds: seconds)
                    await socket.close()
                    return plain ?? datagram.octets
                }
            }
            throw Failure.network(.deadlinePassed)
        } catch {
            await socket.close()
            throw Self.failure(error)
        }
    }

    /// The same over a connection.
    func askByStream(
        _ query: [UInt8], _ peer: ZonePeer, _ book: PeerBook
    ) async throws(Failure) -> [UInt8] {
        var signed = query
        var verification = try sign(&signed, peer, book)
        let connection = try await connect(peer.address)
        var frames = MessageFrames()
        connection.write(MessageFrames.frame(signed))
        let deadline = world.time.now + Self.patience
        do {
            while true {
                guard let octets = try await connection.receive(deadline: deadline) else {
                    throw Failure.network(.disconnected)
                }
                frames.append(octets)
                guard let message = frames.next() else { continue }
                guard message.count >= 12, message[0] == query[0], message[1] == query[1] else {
                    throw Failure.malformed("it is no response to what was asked")
                }
                let plain = try verification?.receive(message, atSeconds: seconds) ?? message
                await connection.close()
                return plain
            }
        } catch {
            await connection.close()
            throw Self.failure(error)
        }
    }

    private func connect(_ address: SocketAddress) async throws(Failure) -> any Connection {
        do throws(NetworkFailure) {
            return try await world.network.connect(
                to: address, from: source(to: address.host),
                deadline: world.time.now + Self.connecting)
        } catch {
            throw .network(error)
        }
    }

    /// Signs a query with the peer's key, if there is one, and says how the response is judged.
    private func sign(
        _ query: inout [UInt8], _ peer: ZonePeer, _ book: PeerBook
    ) throws(Failure) -> ResponseVerification? {
        guard let name = peer.key else { return nil }
        guard let key = book.keys[name] else { throw .unknownKey(name) }
        var signer = MessageSigner(key, hash)
        query = signer.sign(query, atSeconds: seconds)
        return ResponseVerification(key, hash, request: signer.code)
    }
}
