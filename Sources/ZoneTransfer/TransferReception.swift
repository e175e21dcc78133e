// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// Takes a zone in, message after message (RFC 5936 §2.2, RFC 1995 §4), and believes nothing.
package struct TransferReception: Sendable {
    /// What came.
    package enum Outcome: Hashable, Sendable {
        /// What one has is as new as what the primary has, or newer.
        case current(ResourceRecord)
        /// Everything, the SOA record first and once.
        case whole([ResourceRecord])
        /// From the serial asked for to the primary's.
        case differences([DifferenceSequence])
        /// There is something new that did not fit into a datagram (RFC 1995 §2).
        case truncated(ResourceRecord)
    }

    /// Why nothing came.
    package enum Failure: Error, Hashable, Sendable {
        /// The primary said no.
        case refused(ResponseCode)
        /// What came makes no sense.
        case malformed(String)
        /// More than is taken.
        case tooLarge
    }

    /// How much is taken of one zone.
    package struct Limits: Hashable, Sendable {
        /// As many as a master file may have.
        package var records = MasterFile.maximumRecords
        /// Of messages: a record costs about as much memory as it has octets, and 200 more.
        package var octets = 1 << 30

        package init() {}
    }

    private enum State: Sendable {
        /// Nothing yet.
        case begin
        /// One SOA record, of the primary's version.
        case started
        /// Records of everything.
        case whole
        /// Records of a difference that go.
        case removing(from: ResourceRecord)
        /// Records of a difference that come.
        case adding(from: ResourceRecord, to: ResourceRecord)
        case finished
    }

    private let origin: Name
    private let id: UInt16
    /// What one has, for IXFR.
    private let serial: UInt32?
    private let isStream: Bool
    private let limits: Limits
    private var state = State.begin
    private var start: ResourceRecord?
    private var records: [ResourceRecord] = []
    private var removed: [ResourceRecord] = []
    private var differences: [DifferenceSequence] = []
    private var recordCount = 0
    private var octetCount = 0
    private var isFirstMessage = true

    /// `serial`: what one has, if IXFR was asked for.
    package init(
        origin: Name, id: UInt16, from serial: UInt32?, isStream: Bool = true,
        limits: Limits = Limits()
    ) {
        self.origin = origin
        self.id = id
        self.serial = serial
        self.isStream = isStream
        self.limits = limits
    }

    /// Takes a message, without its signature; nil while more are to come.
    package mutating func receive(_ octets: [UInt8]) throws(Failure) -> Outcome? {
        octetCount += octets.count
        guard octetCount <= limits.octets else { throw .tooLarge }
        let message: Message
        do {
            message = try Message(parsing: octets)
        } catch {
            throw .malformed(error.description)
        }
        try check(message)
        isFirstMessage = false
        recordCount += message.answers.count
        guard recordCount <= limits.records else { throw .tooLarge }
        for record in message.answers { try take(record) }
        return try outcome(message)
    }

    private func check(_ message: Message) throws(Failure) {
        guard message.header.id == id, message.header.isResponse, message.header.opcode == 0 else {
            throw .malformed("it is no response to what was asked")
        }
        guard message.responseCode == .noError else { throw .refused(message.responseCode) }
        // RFC 5936 §2.2.2: in the first message, and perhaps in others.
        let type: RecordType = serial == nil ? .axfr : .ixfr
        let isAnswer = message.questions.allSatisfy {
            $0.name == origin && $0.type == type && $0.class == .internet
        }
        guard isAnswer, message.questions.count <= 1 else {
            throw .malformed("it answers another question")
        }
        if case .finished = state { throw .malformed("something comes behind the end") }
        if isStream {
            guard !message.header.isTruncated else { throw .malformed("TC in a stream") }
            guard !message.answers.isEmpty else { throw .malformed("a message without records") }
        }
    }

    private mutating func outcome(_ message: Message) throws(Failure) -> Outcome? {
        switch state {
        case .finished:
            guard let start else { throw .malformed("there is no SOA record") }
            if !differences.isEmpty { return .differences(differences) }
            return .whole([start] + records)
        case .started:
            guard let start, let own = serial, let theirs = start.serial else {
                if !isStream { throw .malformed("the SOA record alone") }
                return nil
            }
            // RFC 1995 §2: alone it says that there is nothing newer, or by UDP: ask by TCP.
            if !SerialNumber.isNewer(theirs, than: own) {
                state = .finished
                return .current(start)
            }
            return isStream ? nil : .truncated(start)
        case .begin where message.header.isTruncated && !isStream:
            throw .malformed("nothing but TC")
        case .begin, .whole, .removing, .adding:
            guard isStream else { throw .malformed("it ends in the middle") }
            return nil
        }
    }

    private mutating func take(_ record: ResourceRecord) throws(Failure) {
        guard record.class == .internet else { throw .malformed("a record of another class") }
        let isStart = record.type == .soa && record.owner == origin
        switch state {
        case .begin:
            guard isStart else { throw .malformed("it does not begin with the zone's SOA record") }
            start = record
            state = .started
        case .started: try takeSecond(record, isStart)
        case .whole:
            guard isStart else { return keep(record) }
            try finish(with: record)
        case .removing(let from):
            if isStart {
                state = .adding(from: from, to: record)
                removed = records
                records = []
            } else {
                keep(record)
            }
        case .adding(let from, let to):
            guard isStart else { return keep(record) }
            differences.append(
                DifferenceSequence(from: from, to: to, removed: removed, added: records))
            removed = []
            records = []
            if to.serial == start?.serial {
                try finish(with: record)
            } else if record.serial == to.serial, isProgress(to) {
                state = .removing(from: record)
            } else {
                throw .malformed("the differences are no chain")
            }
        case .finished: throw .malformed("something comes behind the end")
        }
    }

    /// Serials of a chain grow up to the primary's (RFC 1995 §4, "oldest first newest last").
    private func isProgress(_ to: ResourceRecord) -> Bool {
        guard let from = differences.last?.fromSerial, let serial = to.serial,
            let end = start?.serial
        else { return false }
        return SerialNumber.isNewer(serial, than: from) && SerialNumber.isNewer(end, than: serial)
    }

    /// RFC 1995 §4: a second SOA record tells differences from everything.
    private mutating func takeSecond(_ record: ResourceRecord, _ isStart: Bool) throws(Failure) {
        guard isStart else {
            state = .whole
            return keep(record)
        }
        guard let own = serial, record.serial == own, record.serial != start?.serial else {
            // A zone of nothing but its SOA record; it is no zone, but that is said elsewhere.
            return try finish(with: record)
        }
        state = .removing(from: record)
    }

    /// What does not belong to the zone is left out, as others do; so are SOA records within.
    private mutating func keep(_ record: ResourceRecord) {
        guard record.owner.isEqualOrBelow(origin), record.type != .soa else { return }
        records.append(record)
    }

    /// RFC 5936 §2.2: the same SOA record at the end as at the beginning.
    private mutating func finish(with record: ResourceRecord) throws(Failure) {
        guard record.data == start?.data else {
            throw .malformed("it ends with another SOA record than it began with")
        }
        state = .finished
    }
}

extension TransferReception.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .refused(let code): "the primary refuses (\(code))"
        case .malformed(let reason): "the transfer makes no sense: \(reason)"
        case .tooLarge: "the zone is larger than what is taken"
        }
    }
}

extension ResponseCode: CustomStringConvertible {
    /// The mnemonic (RFC 6895 §2.3), or the number.
    package var description: String {
        switch rawValue {
        case 0: "NOERROR"
        case 1: "FORMERR"
        case 2: "SERVFAIL"
        case 3: "NXDOMAIN"
        case 4: "NOTIMP"
        case 5: "REFUSED"
        case 6: "YXDOMAIN"
        case 7: "YXRRSET"
        case 8: "NXRRSET"
        case 9: "NOTAUTH"
        case 10: "NOTZONE"
        case 16: "BADVERS"
        case 23: "BADCOOKIE"
        default: "RCODE\(rawValue)"
        }
    }
}
