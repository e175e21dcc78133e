// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import SimulatedWorld
import ZoneTransfer

extension Property {
    /// What other name servers send: a transfer, a signature, an update, a notification.
    ///
    /// The input is a stream of messages behind their lengths. Taken in as a zone it ends, is
    /// refused, or waits; what came can be sent, and comes as the same. A signature that is taken
    /// off and made anew holds. An update does what it says to a zone and leaves it one.
    package static let zoneTransfer = Property("ZoneTransfer") { input throws(Broken) in
        guard let origin = try? Name("example.org") else { return }
        var frames = MessageFrames()
        frames.append(input)
        var messages: [[UInt8]] = []
        while let message = frames.next() { messages.append(message) }
        if messages.isEmpty { messages = [input] }
        for serial in [nil, 1] as [UInt32?] { try take(messages, origin, from: serial) }
        for message in messages {
            try expectSignature(message)
            try expectUpdate(message)
            try expectNotice(message)
        }
    }

    private static func take(
        _ messages: [[UInt8]], _ origin: Name, from serial: UInt32?
    ) throws(Broken) {
        var reception = TransferReception(origin: origin, id: 7, from: serial)
        var outcome: TransferReception.Outcome?
        for message in messages {
            guard outcome == nil else {
                let more = try? reception.receive(message)
                return try expect(more == nil, "something comes behind the end")
            }
            guard let result = try? reception.receive(message) else { return }
            outcome = result
        }
        switch outcome {
        case .whole(let records)?:
            try expect(records.first?.serial != nil, "a zone without its SOA record")
            try expect(
                records.allSatisfy { $0.owner.isEqualOrBelow(origin) }, "a record from outside")
            guard let zone = try? Zone(origin: origin, records: records) else { return }
            try expectTravel(zone)
        case .differences(let chain)?:
            try expect(chain.first?.from.serial == serial, "differences from elsewhere")
            for (one, next) in zip(chain, chain.dropFirst()) {
                try expect(one.to.serial == next.from.serial, "a gap between differences")
            }
            if let net = try? DifferenceSequence.condensed(chain) {
                try expect(net.from == chain.first?.from, "condensed, it begins elsewhere")
            }
        case .current(let start)?:
            try expect(serial != nil && start.serial != nil, "current, and nothing was had")
        case .truncated?: throw Broken("TC in a stream")
        case nil: break
        }
    }

    private static func expectTravel(_ zone: Zone) throws(Broken) {
        var response = TransferResponse(
            .whole(zone.records), start: zone.start, to: Header(id: 7),
            Question(name: zone.origin, type: .axfr), hasEDNS: false)
        var reception = TransferReception(origin: zone.origin, id: 7, from: nil)
        var outcome: TransferReception.Outcome?
        while let message = response.next() {
            do {
                outcome = try reception.receive(message)
            } catch {
                throw Broken("what was sent is refused: \(error)")
            }
        }
        try expect(response.isFinished, "a record does not fit")
        guard case .whole(let records)? = outcome else { throw Broken("it never ends") }
        try expect(Set(records) == Set(zone.records), "another zone comes than went")
    }

    private static func expectSignature(_ message: [UInt8]) throws(Broken) {
        guard message.count >= Header.octets, let name = try? Name("a.key") else { return }
        let (hash, now) = (SimulatedKeyedHash(), UInt64(1_700_000_000))
        let key = TransactionKey(
            name: name, algorithm: .sha256, secret: [UInt8](repeating: 1, count: 32))
        let verdict = RequestVerdict.judge(message, hash, atSeconds: now) { $0 == name ? key : nil }
        switch verdict {
        case .refused(let refused):
            let response = refused.response(to: message)
            try expect(response.count <= Message.maximumOctets, "a refusal is too long")
            try expect(response[2] & 0x80 != 0, "a refusal is no response")
        case .malformed: _ = refusal(of: message, .formatError)
        case .signed, .unsigned: break
        }
        guard let plain = try? TransactionSignature.separate(message).message,
            plain.count < 60_000
        else { return }
        // What can be read without a signature can be signed, if it has none any more.
        guard (try? TransactionSignature.separate(plain))?.signature == nil else { return }
        var signer = MessageSigner(key, hash)
        let signed = signer.sign(plain, atSeconds: now)
        guard
            case .signed(let request) = RequestVerdict.judge(
                signed, hash, atSeconds: now, key: { $0 == name ? key : nil })
        else {
            // Octets behind the last record hide the signature: then nothing is taken for signed.
            return try expect((try? Message(parsing: plain)) == nil || hasRest(plain), "not signed")
        }
        try expect(request.message == plain, "signed, it is another")
    }

    /// Whether octets follow the last record.
    private static func hasRest(_ message: [UInt8]) -> Bool {
        (try? TransactionSignature.separate(message + [0]))?.signature == nil
    }

    private static func expectUpdate(_ message: [UInt8]) throws(Broken) {
        guard let request = try? UpdateRequest(parsing: message) else { return }
        if let octets = request.octets {
            guard let again = try? UpdateRequest(parsing: octets) else {
                throw Broken("an update that was written cannot be read")
            }
            try expect(
                again.changes == request.changes && again.prerequisites == request.prerequisites,
                "written, it is another update")
        }
        let text =
            "$TTL 60\n@ SOA ns x 1 2 3 4 5\n@ NS ns\n@ MX 10 ns\nns A 192.0.2.1\na CNAME ns\n"
        let records = MasterFile.parse(Array(text.utf8), origin: request.origin).records
        guard (try? Zone(origin: request.origin, records: records)) != nil,
            let result = try? UpdateResult(request, on: records)
        else { return }
        let removed = Set(result.removed)
        try expect(removed.isSubset(of: records), "what was not there is removed")
        try expect(removed.isDisjoint(with: result.added), "removed and added")
        let after = records.filter { !removed.contains($0) } + result.added
        try expect(
            after.contains { $0.type == .soa && $0.owner == request.origin }
                && after.contains { $0.type == .ns && $0.owner == request.origin },
            "the zone lost its SOA or its last NS record")
        do {
            _ = try Zone(origin: request.origin, records: after)
        } catch {
            throw Broken("after an update it is no zone: \(error)")
        }
    }

    private static func expectNotice(_ message: [UInt8]) throws(Broken) {
        guard let notice = try? ZoneNotice(parsing: message) else { return }
        try expect(
            ZoneNotice.isResponse(notice.response(), to: notice.origin, id: notice.header.id),
            "the response to a notification is none")
    }
}
