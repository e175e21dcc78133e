// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// A dynamic update as it is asked for (RFC 2136 §2).
package struct UpdateRequest: Hashable, Sendable {
    /// What must be so for the update to happen (RFC 2136 §2.4).
    package enum Prerequisite: Hashable, Sendable {
        /// At least one record of that name and type.
        case setExists(Name, RecordType)
        /// Exactly these records, TTLs aside; all of one name and type.
        case setIs(Name, RecordType, [RecordData])
        /// No record of that name and type.
        case setMissing(Name, RecordType)
        case nameInUse(Name)
        case nameNotInUse(Name)
    }

    /// What is to be done (RFC 2136 §2.5), in order.
    package enum Change: Hashable, Sendable {
        case add(ResourceRecord)
        case remove(Name, RecordType, RecordData)
        case removeSet(Name, RecordType)
        case removeName(Name)
    }

    package var header: Header
    package var origin: Name
    package var prerequisites: [Prerequisite]
    package var changes: [Change]

    /// More in one request is a transfer, not an update.
    package static let maximumRecords = 4096

    package init(
        header: Header, origin: Name, prerequisites: [Prerequisite] = [], changes: [Change] = []
    ) {
        self.header = header
        self.origin = origin
        self.prerequisites = prerequisites
        self.changes = changes
    }

    /// Reads a request without its signature, and scans it as RFC 2136 §3.1, §3.2 and §3.4.1 say.
    package init(parsing octets: [UInt8]) throws(TransferQuery.Refused) {
        do {
            try self.init(reading: octets)
        } catch let refused as TransferQuery.Refused {
            throw refused
        } catch {
            throw TransferQuery.Refused(code: .formatError)
        }
    }

    private init(reading octets: [UInt8]) throws {
        var reader = WireReader(octets)
        header = Header(id: try reader.short(), flags: try reader.short())
        let counts = [
            Int(try reader.short()), Int(try reader.short()), Int(try reader.short()),
            Int(try reader.short()),
        ]
        // RFC 2136 §2.3, §3.1.1: one zone, its type SOA.
        guard counts[0] == 1, counts[1] + counts[2] <= Self.maximumRecords else {
            throw TransferQuery.Refused(code: .formatError)
        }
        origin = try reader.name()
        guard RecordType(rawValue: try reader.short()) == .soa else {
            throw TransferQuery.Refused(code: .formatError)
        }
        let `class` = RecordClass(rawValue: try reader.short())
        var required: [Raw] = []
        var wanted: [Raw] = []
        for _ in 0..<counts[1] { required.append(try Raw(&reader)) }
        for _ in 0..<counts[2] { wanted.append(try Raw(&reader)) }
        for _ in 0..<counts[3] { _ = try Raw(&reader) }
        guard reader.isAtEnd else { throw TransferQuery.Refused(code: .formatError) }
        guard `class` == .internet else { throw TransferQuery.Refused(code: .notAuthoritative) }
        prerequisites = []
        changes = []
        for raw in required { try add(prerequisite: raw) }
        for raw in wanted { changes.append(try change(raw)) }
    }

    /// A record whose data may be missing (RFC 2136 §2.4, §2.5).
    private struct Raw {
        let owner: Name
        let type: RecordType
        let `class`: RecordClass
        let ttl: UInt32
        let data: WireReader

        init(_ reader: inout WireReader) throws {
            owner = try reader.name()
            type = RecordType(rawValue: try reader.short())
            `class` = RecordClass(rawValue: try reader.short())
            ttl = try reader.long()
            data = try reader.part(Int(try reader.short()))
        }

        var isEmpty: Bool { data.isAtEnd }

        func read() throws -> RecordData {
            var data = data
            return try RecordData(type, &data)
        }
    }

    /// RFC 2136 §3.2: in that order, what is wrong with the form is said.
    private mutating func add(prerequisite raw: Raw) throws {
        guard raw.ttl == 0 else { throw TransferQuery.Refused(code: .formatError) }
        guard raw.owner.isEqualOrBelow(origin) else {
            throw TransferQuery.Refused(code: .notInZone)
        }
        switch (raw.class, raw.type) {
        case (.any, .any) where raw.isEmpty: prerequisites.append(.nameInUse(raw.owner))
        case (.any, let type) where raw.isEmpty && !type.isQuestionOnly:
            prerequisites.append(.setExists(raw.owner, type))
        case (.none, .any) where raw.isEmpty: prerequisites.append(.nameNotInUse(raw.owner))
        case (.none, let type) where raw.isEmpty && !type.isQuestionOnly:
            prerequisites.append(.setMissing(raw.owner, type))
        case (.internet, let type) where !type.isQuestionOnly:
            // RFC 2136 §3.2.3: records of one name and type are one set, wherever they stand.
            let data = try raw.read()
            for (place, known) in prerequisites.enumerated() {
                if case .setIs(let owner, type, let others) = known, owner == raw.owner {
                    let all = others.contains(data) ? others : others + [data]
                    prerequisites[place] = .setIs(owner, type, all)
                    return
                }
            }
            prerequisites.append(.setIs(raw.owner, type, [data]))
        default: throw TransferQuery.Refused(code: .formatError)
        }
    }

    /// RFC 2136 §3.4.1.
    private func change(_ raw: Raw) throws -> Change {
        guard raw.owner.isEqualOrBelow(origin) else {
            throw TransferQuery.Refused(code: .notInZone)
        }
        switch raw.class {
        case .internet where !raw.type.isQuestionOnly:
            return .add(
                ResourceRecord(
                    owner: raw.owner, type: raw.type,
                    // RFC 2181 §8.
                    ttl: raw.ttl > 0x7FFF_FFFF ? 0 : raw.ttl, data: try raw.read()))
        case .any where raw.ttl == 0 && raw.isEmpty && raw.type == .any:
            return .removeName(raw.owner)
        case .any where raw.ttl == 0 && raw.isEmpty && !raw.type.isQuestionOnly:
            return .removeSet(raw.owner, raw.type)
        case .none where raw.ttl == 0 && !raw.type.isQuestionOnly:
            return .remove(raw.owner, raw.type, try raw.read())
        default: throw TransferQuery.Refused(code: .formatError)
        }
    }

    // MARK: - Writing

    /// The request as it travels, without a signature; nil if it does not fit into a message.
    package var octets: [UInt8]? {
        var writer = MessageWriter()
        var header = header
        header.opcode = Header.update
        writer.begin(header, limit: Message.maximumOctets - TransferResponse.reservedOctets)
        var fits = writer.write(Question(name: origin, type: .soa))
        for record in prerequisites.flatMap(\.records) {
            fits = fits && writer.write(record, in: .answer)
        }
        for change in changes { fits = fits && writer.write(change.record, in: .authority) }
        return fits ? writer.octets : nil
    }

    /// The response: header and zone section (RFC 2136 §3.8).
    package func response(_ code: ResponseCode) -> [UInt8] {
        var answer = Header(id: header.id)
        answer.opcode = Header.update
        answer.isResponse = true
        answer.responseCode = code
        var writer = MessageWriter()
        writer.begin(answer, limit: Message.maximumOctets)
        _ = writer.write(Question(name: origin, type: .soa))
        return writer.octets
    }
}

extension UpdateRequest.Prerequisite {
    /// RFC 2136 §2.4.
    fileprivate var records: [ResourceRecord] {
        switch self {
        case .setExists(let name, let type): [.bare(name, type, .any)]
        case .setMissing(let name, let type): [.bare(name, type, .none)]
        case .nameInUse(let name): [.bare(name, .any, .any)]
        case .nameNotInUse(let name): [.bare(name, .any, .none)]
        case .setIs(let name, let type, let data):
            data.map { ResourceRecord(owner: name, type: type, ttl: 0, data: $0) }
        }
    }
}

extension UpdateRequest.Change {
    /// RFC 2136 §2.5.
    fileprivate var record: ResourceRecord {
        switch self {
        case .add(let record): record
        case .remove(let name, let type, let data):
            ResourceRecord(owner: name, type: type, class: .none, ttl: 0, data: data)
        case .removeSet(let name, let type): .bare(name, type, .any)
        case .removeName(let name): .bare(name, .any, .any)
        }
    }

    /// Whose records change.
    package var owner: Name {
        switch self {
        case .add(let record): record.owner
        case .remove(let name, _, _), .removeSet(let name, _), .removeName(let name): name
        }
    }
}

extension ResourceRecord {
    /// A record without data, which stands for many.
    fileprivate static func bare(
        _ owner: Name, _ type: RecordType, _ `class`: RecordClass
    ) -> Self {
        Self(owner: owner, type: type, class: `class`, ttl: 0, data: .unknown([]))
    }
}

extension RecordType {
    /// RFC 6895 §3.1: types of questions and of messages, which no zone holds; 0 is reserved.
    package var isQuestionOnly: Bool {
        rawValue == 0 || self == .opt || (128...255).contains(rawValue)
    }
}
