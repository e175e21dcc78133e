// SPDX-License-Identifier: Apache-2.0

package import DNS

/// The response to AXFR (RFC 5936) or IXFR (RFC 1995), made message after message.
///
/// The zone's records are shared with whoever serves them, and no message is made before it is
/// asked for: a slow reader costs one message.
package struct TransferResponse: Sendable {
    /// What is sent.
    package enum Content: Sendable {
        /// Everything; the SOA record stands anywhere in it, or not at all.
        case whole([ResourceRecord])
        /// From the asker's serial to the latest, in order.
        case differences([DifferenceSequence])
        /// The SOA record alone: there is nothing newer (RFC 1995 §2).
        case current
    }

    private let question: Question
    private let header: Header
    private let repliesExtended: Bool
    /// The SOA record, first and last.
    private let start: ResourceRecord
    private let content: Content
    /// The next record to be sent: part of the content, and place in it.
    private var cursor = Cursor()
    private var isFirstMessage = true
    private var writer = MessageWriter()

    private struct Cursor {
        /// Begin, content, end, and nothing more.
        enum Part { case begin, content, end, done }
        var part = Part.begin
        /// The difference, if there are some.
        var difference = 0
        /// Within the records, or the difference with its two SOA records.
        var place = 0
    }

    /// A message ends behind the record that reaches this: what lies beyond 2^14 cannot be pointed
    /// to, so that longer messages compress worse.
    private static let usualOctets = 16_384
    /// Room for a signature, which the caller may add.
    package static let reservedOctets = 1024

    /// `request`: its header, question and whether it has EDNS; `start`: the zone's SOA record.
    package init(
        _ content: Content, start: ResourceRecord, to request: Header, _ question: Question,
        hasEDNS: Bool
    ) {
        self.content = content
        self.start = start
        self.question = question
        var header = Header(id: request.id)
        header.isResponse = true
        header.isAuthoritative = true
        header.isRecursionDesired = request.isRecursionDesired
        self.header = header
        repliesExtended = hasEDNS
    }

    /// What answers IXFR from a serial: nothing new, differences, or everything.
    ///
    /// RFC 1995 §5: differences that are longer than the zone are not worth it. A serial that is
    /// not known, or newer than ours by half a round, gets everything.
    package static func content(
        from serial: UInt32, of zone: Zone, chain: [DifferenceSequence]
    ) -> Content {
        let own = zone.soa.serial
        guard SerialNumber.isNewer(own, than: serial) else { return .current }
        guard let found = DifferenceSequence.chain(chain, from: serial),
            found.last?.toSerial == own,
            found.reduce(0, { $0 + $1.recordCount }) < zone.records.count
        else { return .whole(zone.records) }
        return .differences(found)
    }

    /// The next message; nil behind the last.
    package mutating func next() -> [UInt8]? {
        guard cursor.part != .done else { return nil }
        writer.begin(header, limit: Message.maximumOctets - Self.reservedOctets)
        if isFirstMessage {
            // RFC 5936 §2.2.2, §2.2.5: question and EDNS in the first message.
            _ = writer.write(question)
            if repliesExtended { writer.reserve(MessageWriter.octets(of: ExtendedDNS())) }
        }
        while writer.octets.count < Self.usualOctets, let record = record() {
            guard writer.write(record, in: .answer) else { break }
            advance()
        }
        if isFirstMessage, repliesExtended {
            writer.reserve(-MessageWriter.octets(of: ExtendedDNS()))
            _ = writer.write(ExtendedDNS())
        }
        // A record that fits into no message cannot be in a zone that came in by one.
        if !isFirstMessage, writer.octets.count == Header.octets { return nil }
        isFirstMessage = false
        return writer.octets
    }

    /// Whether everything was handed out; false although `next` says nil: a record does not fit.
    package var isFinished: Bool { cursor.part == .done }

    /// The response in one datagram; the SOA record alone when it does not fit, so that the asker
    /// comes by TCP (RFC 1995 §2).
    package static func datagram(
        _ content: Content, start: ResourceRecord, to request: Header, _ question: Question,
        hasEDNS: Bool, limit: Int
    ) -> [UInt8] {
        var response = Self(content, start: start, to: request, question, hasEDNS: hasEDNS)
        if let message = response.next(), response.isFinished, message.count <= limit {
            return message
        }
        var current = Self(.current, start: start, to: request, question, hasEDNS: hasEDNS)
        return current.next() ?? []
    }

    // MARK: - Records in their order

    private func record() -> ResourceRecord? {
        switch cursor.part {
        case .begin, .end: return start
        case .done: return nil
        case .content: break
        }
        switch content {
        case .current: return nil
        case .whole(let records): return records[cursor.place]
        case .differences(let chain):
            let difference = chain[cursor.difference]
            let removed = difference.removed.count
            switch cursor.place {
            case 0: return difference.from
            case ...removed: return difference.removed[cursor.place - 1]
            case removed + 1: return difference.to
            default: return difference.added[cursor.place - removed - 2]
            }
        }
    }

    private mutating func advance() {
        switch cursor.part {
        case .begin:
            if case .current = content {
                cursor.part = .done
            } else {
                cursor.part = .content
                cursor.place = -1
                advance()
            }
        case .content: advanceWithin()
        case .end: cursor.part = .done
        case .done: break
        }
    }

    private mutating func advanceWithin() {
        cursor.place += 1
        switch content {
        case .current: cursor.part = .end
        case .whole(let records):
            while cursor.place < records.count, records[cursor.place].type == .soa {
                cursor.place += 1
            }
            if cursor.place >= records.count { cursor.part = .end }
        case .differences(let chain):
            if cursor.difference < chain.count,
                cursor.place >= chain[cursor.difference].recordCount
            {
                cursor.difference += 1
                cursor.place = 0
            }
            if cursor.difference >= chain.count { cursor.part = .end }
        }
    }
}
