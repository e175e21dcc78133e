// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Logging
import World
import ZoneCheck
import ZoneStore
import ZoneTransfer

/// Answers what is more than a query: transfers, notifications, updates, and whatever is signed.
///
/// It stands beside the answering, which hands such requests over and goes on.
package struct TransactionDesk: Sendable {
    /// Takes a message of the response; throws when the asker is gone or too slow.
    typealias Sender = @Sendable ([UInt8]) async throws(NetworkFailure) -> Void

    /// A request as it came in.
    struct Request: Sendable {
        var octets: [UInt8]
        var peer: IPAddress
        var isStream: Bool
    }

    private let box: ZoneBox
    private let zones: Zones
    private let peers: ZonePeers
    private let hash: any KeyedHash
    private let secondaries: SecondaryZones
    private let time: any Time
    private let log: Logger
    private let updates = RecentUpdates()
    private let turnstile = Turnstile(
        limit: maximumTransfers, perNetwork: maximumTransfersPerNetwork)

    /// Zones that are on their way out at a time; each costs a message and a share of the processor.
    static let maximumTransfers = 32
    /// Of these, to one network.
    static let maximumTransfersPerNetwork = 16

    init(
        box: ZoneBox, zones: Zones, peers: ZonePeers, hash: any KeyedHash,
        secondaries: SecondaryZones, time: any Time, log: Logger
    ) {
        self.box = box
        self.zones = zones
        self.peers = peers
        self.hash = hash
        self.secondaries = secondaries
        self.time = time
        self.log = log
    }

    private var seconds: UInt64 { UInt64(max(0, time.timestamp.seconds)) }

    /// Who asks, once the signature is judged.
    private struct Asked {
        /// Without the signature.
        var octets: [UInt8]
        var peer: IPAddress
        var isStream: Bool
        var key: TransactionKey?
        /// The code of the request.
        var code: [UInt8] = []
        var signer: MessageSigner?
    }

    /// Answers a request of at least twelve octets; what is no request gets no answer.
    func answer(_ request: Request, _ send: Sender) async throws(NetworkFailure) {
        guard request.octets.count >= Header.octets, request.octets[2] & 0x80 == 0 else { return }
        let book = peers.book
        let verdict = RequestVerdict.judge(request.octets, hash, atSeconds: seconds) {
            book.keys[$0]
        }
        var asked = Asked(
            octets: request.octets, peer: request.peer, isStream: request.isStream, key: nil,
            signer: nil)
        switch verdict {
        case .unsigned: break
        case .malformed(let reason):
            log.debug("malformed TSIG from \(request.peer): \(reason)")
            return try await send(refusal(of: request.octets, .formatError))
        case .refused(let refused):
            log.notice(
                """
                a request from \(request.peer) is signed wrongly: \(refused.fault.mnemonic), key \
                \(refused.signature.key)
                """)
            return try await send(refused.response(to: request.octets))
        case .signed(let signed):
            asked.octets = signed.message
            asked.key = signed.key
            asked.code = signed.code
            asked.signer = signed.signer(hash)
        }
        let header = Header(
            id: 0, flags: UInt16(asked.octets[2]) << 8 | UInt16(asked.octets[3]))
        switch header.opcode {
        case Header.notify: try await answerNotice(&asked, book, send)
        case Header.update: try await answerUpdate(&asked, book, send)
        case 0:
            switch Question(firstOf: asked.octets)?.type {
            case .axfr?, .ixfr?: try await answerTransfer(&asked, book, send)
            default: try await answerQuery(&asked, send)
            }
        default: try await say(refusal(of: asked.octets, .notImplemented), &asked, send)
        }
    }

    private func say(
        _ message: [UInt8], _ asked: inout Asked, _ send: Sender
    ) async throws(NetworkFailure) {
        try await send(asked.signer?.sign(message, atSeconds: seconds) ?? message)
    }

    // MARK: - Signed queries

    /// RFC 8945 §5.3: answered as others are, and signed.
    private func answerQuery(
        _ asked: inout Asked, _ send: Sender
    ) async throws(NetworkFailure) {
        var responder = Responder()
        let asker = Responder.Asker(
            isStream: asked.isStream, now: time.now,
            seconds: UInt32(truncatingIfNeeded: seconds))
        guard
            let response = responder.respond(to: asked.octets, from: box.snapshot, for: asker)
        else { return }
        let room =
            asked.isStream
            ? Message.maximumOctets
            : max(512, min(Responder.datagramOctets, Self.payloadOctets(asked.octets)))
        let added = asked.key.map { TransactionSignature.octets($0) } ?? 0
        guard response.count + added <= room else {
            var truncated = refusal(of: asked.octets, .noError)
            truncated[2] |= 0x02
            return try await say(truncated, &asked, send)
        }
        try await say(response, &asked, send)
    }

    /// How large a datagram the asker takes.
    private static func payloadOctets(_ query: [UInt8]) -> Int {
        (try? Message(parsing: query))?.edns.map { Int($0.payloadOctets) } ?? 512
    }

    // MARK: - Transfers

    private func answerTransfer(
        _ asked: inout Asked, _ book: PeerBook, _ send: Sender
    ) async throws(NetworkFailure) {
        let query: TransferQuery
        do throws(TransferQuery.Refused) {
            query = try TransferQuery(parsing: asked.octets)
        } catch {
            return try await say(refusal(of: asked.octets, error.code), &asked, send)
        }
        let peering = book.peering(of: query.origin)
        let (peer, key) = (asked.peer, asked.key?.name)
        guard peering.access.contains(where: { $0.admits(peer, key: key) }) else {
            log.notice(
                "the transfer of \(query.origin) to \(peer) is refused",
                metadata: ["key": "\(key.map(\.description) ?? "none")"])
            return try await say(refusal(of: asked.octets, .refused), &asked, send)
        }
        guard let zone = box.zones[query.origin] else {
            // RFC 5936 §2.2.1.
            return try await say(refusal(of: asked.octets, .notAuthoritative), &asked, send)
        }
        guard !zone.isExpired else {
            return try await say(refusal(of: asked.octets, .serverFailure), &asked, send)
        }
        let content = await content(query, zone)
        guard asked.isStream else {
            // RFC 5936 §4.2: AXFR goes by TCP alone.
            guard query.serial != nil else {
                return try await say(refusal(of: asked.octets, .formatError), &asked, send)
            }
            let room = max(512, min(Responder.datagramOctets, Int(query.payloadOctets ?? 512)))
            let added = asked.key.map { TransactionSignature.octets($0) } ?? 0
            return try await say(
                TransferResponse.datagram(
                    content, start: zone.start, to: query.header, query.question,
                    hasEDNS: query.payloadOctets != nil, limit: room - added), &asked, send)
        }
        guard let pass = turnstile.enter(peer, at: time.now) else {
            log.notice("too many transfers at a time: that of \(query.origin) to \(peer) must wait")
            return try await say(refusal(of: asked.octets, .serverFailure), &asked, send)
        }
        defer { turnstile.leave(pass) }
        var response = TransferResponse(
            content, start: zone.start, to: query.header, query.question,
            hasEDNS: query.payloadOctets != nil)
        while let message = response.next() { try await say(message, &asked, send) }
        log.info(
            "transferred \(query.origin) to \(peer)",
            metadata: [
                "serial": "\(zone.soa.serial)", "kind": "\(content.kind)",
                "key": "\(key.map(\.description) ?? "none")",
            ])
    }

    private func content(_ query: TransferQuery, _ zone: Zone) async -> TransferResponse.Content {
        guard let serial = query.serial else { return .whole(zone.records) }
        var chain: [DifferenceSequence] = []
        do {
            chain = try await (zones.differences(of: zone.origin, from: serial) ?? [])
                .compactMap { DifferenceSequence($0) }
        } catch {
            // RFC 1995 §4: all of it may always be sent instead.
            log.warning("the changes of \(zone.origin) cannot be read, all of it goes: \(error)")
        }
        return TransferResponse.content(from: serial, of: zone, chain: chain)
    }

    // MARK: - Notifications

    private func answerNotice(
        _ asked: inout Asked, _ book: PeerBook, _ send: Sender
    ) async throws(NetworkFailure) {
        let notice: ZoneNotice
        do throws(TransferQuery.Refused) {
            notice = try ZoneNotice(parsing: asked.octets)
        } catch {
            return try await say(refusal(of: asked.octets, error.code), &asked, send)
        }
        let (peer, key) = (asked.peer, asked.key?.name)
        let primaries = book.peering(of: notice.origin).primaries
        guard !primaries.isEmpty else {
            return try await say(notice.response(.notAuthoritative), &asked, send)
        }
        // RFC 1996 §3.10: from nobody but a primary; one that signs must sign, and is known by that
        // whichever of its addresses it comes from.
        guard
            let primary = primaries.first(where: {
                $0.key.map { $0 == key } ?? ($0.address.host.unmapped == peer.unmapped)
            })
        else {
            log.notice(
                "a notification of \(notice.origin) from \(peer) is ignored: it is no primary")
            return try await say(notice.response(.refused), &asked, send)
        }
        try await say(notice.response(), &asked, send)
        await secondaries.notified(of: notice.origin, by: primary, serial: notice.hint)
    }

    // MARK: - Updates

    private func answerUpdate(
        _ asked: inout Asked, _ book: PeerBook, _ send: Sender
    ) async throws(NetworkFailure) {
        let request: UpdateRequest
        do throws(TransferQuery.Refused) {
            request = try UpdateRequest(parsing: asked.octets)
        } catch {
            return try await say(refusal(of: asked.octets, error.code), &asked, send)
        }
        // Unsigned ones are refused without looking at anything.
        guard !asked.code.isEmpty else {
            let code = await perform(request, from: asked.peer, nil, book)
            return try await say(request.response(code), &asked, send)
        }
        switch updates.begin(asked.code, at: time.now) {
        case .underWay: return
        case .done(let code): try await say(request.response(code), &asked, send)
        case .new:
            let code = await perform(request, from: asked.peer, asked.key?.name, book)
            updates.finish(asked.code, with: code)
            try await say(request.response(code), &asked, send)
        }
    }

    private func perform(
        _ request: UpdateRequest, from peer: IPAddress, _ key: Name?, _ book: PeerBook
    ) async -> ResponseCode {
        let origin = request.origin
        let grants = book.peering(of: origin).grants
        guard let key, grants.contains(where: { $0.key == key }) else {
            // Nobody without a key changes anything, or learns whether the zone is ours.
            log.notice("an update of \(origin) from \(peer) is refused")
            return .refused
        }
        do throws(ZoneFailure) {
            let plan = try await zones.change(
                origin, by: "key \(key)", "dynamic update from \(peer)"
            ) { _, records throws(ZoneFailure) in
                do throws(TransferQuery.Refused) {
                    let done = try UpdateResult(request, on: records) { name, type in
                        grants.contains { $0.permits(name, type, for: key) }
                    }
                    return ZoneChange(removed: done.removed, added: done.added)
                } catch {
                    throw .updateRefused(error.code)
                }
            }
            log.info(
                "updated \(origin)",
                metadata: [
                    "key": "\(key)", "removed": "\(plan.change.removed.count)",
                    "added": "\(plan.change.added.count)",
                ])
            return .noError
        } catch {
            return code(error, origin, peer)
        }
    }

    private func code(_ failure: ZoneFailure, _ origin: Name, _ peer: IPAddress) -> ResponseCode {
        switch failure {
        case .updateRefused(let code): return code
        case .unknownZone: return .notAuthoritative
        // RFC 2136 §3.1: it is for the primary; nothing is forwarded.
        case .isSecondary: return .notAuthoritative
        case .invalid, .refused, .tooLong, .unreadable:
            log.notice("an update of \(origin) from \(peer) would break the zone: \(failure)")
            return .refused
        default:
            log.error("an update of \(origin) from \(peer) failed: \(failure)")
            return .serverFailure
        }
    }
}

extension TransactionSignature.Fault {
    /// As the RFC calls it (RFC 8945 §3).
    fileprivate var mnemonic: String {
        switch self {
        case .badSignature: "BADSIG"
        case .badKey: "BADKEY"
        case .badTime: "BADTIME"
        case .badTruncation: "BADTRUNC"
        }
    }
}

extension TransferResponse.Content {
    fileprivate var kind: String {
        switch self {
        case .whole: "whole"
        case .differences: "differences"
        case .current: "current"
        }
    }
}

extension DifferenceSequence {
    /// A difference as it is kept; nil if its SOA records are missing.
    init?(_ kept: ZoneDifference) {
        guard let from = kept.removed.first(where: { $0.type == .soa }),
            let to = kept.added.first(where: { $0.type == .soa })
        else { return nil }
        self.init(
            from: from, to: to, removed: kept.removed.filter { $0.type != .soa },
            added: kept.added.filter { $0.type != .soa })
    }

    /// The difference as it is kept.
    func kept(of origin: Name) -> ZoneDifference {
        ZoneDifference(
            origin: origin, oldSerial: from.serial ?? 0, newSerial: to.serial ?? 0,
            removed: [from] + removed, added: [to] + added)
    }
}
