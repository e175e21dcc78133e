// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// A question (RFC 1035 §4.1.2).
package struct Question: Hashable, Sendable {
    package var name: Name
    package var type: RecordType
    package var `class`: RecordClass

    package init(name: Name, type: RecordType, class: RecordClass = .internet) {
        self.name = name
        self.type = type
        self.class = `class`
    }

    init(_ reader: inout WireReader) throws(SyntaxError) {
        name = try reader.name()
        type = RecordType(rawValue: try reader.short())
        `class` = RecordClass(rawValue: try reader.short())
    }
}

/// How a server judges a question (RFC 1035 §4.1.1, RFC 6895 §2.3); twelve bits with EDNS.
package struct ResponseCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let noError = Self(rawValue: 0)
    package static let formatError = Self(rawValue: 1)
    package static let serverFailure = Self(rawValue: 2)
    package static let nameError = Self(rawValue: 3)
    package static let notImplemented = Self(rawValue: 4)
    package static let refused = Self(rawValue: 5)
    /// YXDOMAIN: what a DNAME would lead to has no room (RFC 6672 §2.2); a name that should not
    /// exist does (RFC 2136 §2.2).
    package static let nameTooLong = Self(rawValue: 6)
    /// YXRRSET: a set that should not exist does (RFC 2136 §2.2).
    package static let setExists = Self(rawValue: 7)
    /// NXRRSET: a set that should exist does not (RFC 2136 §2.2).
    package static let setMissing = Self(rawValue: 8)
    /// NOTAUTH: no authority for the zone (RFC 2136 §2.2), or no authorization (RFC 8945 §5.2).
    package static let notAuthoritative = Self(rawValue: 9)
    /// NOTZONE: a name outside of the zone (RFC 2136 §2.2).
    package static let notInZone = Self(rawValue: 10)
    /// An EDNS version that is not spoken (RFC 6891 §9).
    package static let badVersion = Self(rawValue: 16)
    /// A server cookie that is not ours, or not any more (RFC 7873 §8).
    package static let badCookie = Self(rawValue: 23)
}

/// The first twelve octets of a message (RFC 1035 §4.1.1), its counts left out.
package struct Header: Hashable, Sendable {
    package var id: UInt16
    /// QR, OPCODE, AA, TC, RD, RA, AD, CD and the lower bits of RCODE, as on the wire.
    package var flags: UInt16

    package static let octets = 12
    static let query: UInt16 = 0
    /// RFC 1996 §3.
    package static let notify: UInt16 = 4
    /// RFC 2136 §1.3.
    package static let update: UInt16 = 5

    package init(id: UInt16, flags: UInt16 = 0) {
        self.id = id
        self.flags = flags
    }

    private func bit(_ position: UInt16) -> Bool { flags & (1 << position) != 0 }
    private mutating func set(_ position: UInt16, _ value: Bool) {
        flags = value ? flags | 1 << position : flags & ~(1 << position)
    }

    /// QR.
    package var isResponse: Bool {
        get { bit(15) }
        set { set(15, newValue) }
    }
    package var opcode: UInt16 {
        get { flags >> 11 & 15 }
        set { flags = flags & ~(15 << 11) | (newValue & 15) << 11 }
    }
    /// AA.
    package var isAuthoritative: Bool {
        get { bit(10) }
        set { set(10, newValue) }
    }
    /// TC.
    package var isTruncated: Bool {
        get { bit(9) }
        set { set(9, newValue) }
    }
    /// RD.
    package var isRecursionDesired: Bool {
        get { bit(8) }
        set { set(8, newValue) }
    }
    /// RA.
    package var isRecursionAvailable: Bool {
        get { bit(7) }
        set { set(7, newValue) }
    }
    /// AD (RFC 4035 §3.2.3).
    package var isAuthenticData: Bool {
        get { bit(5) }
        set { set(5, newValue) }
    }
    /// The four lower bits of the response code.
    package var responseCode: ResponseCode {
        get { ResponseCode(rawValue: flags & 15) }
        set { flags = flags & ~15 | newValue.rawValue & 15 }
    }
}

/// What EDNS adds to a message (RFC 6891 §6.1).
package struct ExtendedDNS: Hashable, Sendable {
    /// How large a datagram the sender takes.
    package var payloadOctets: UInt16
    package var version: UInt8
    /// DO: the sender wants signatures (RFC 3225).
    package var wantsSignatures: Bool
    /// Options as on the wire.
    package var options: [UInt8]

    /// Fits into one unfragmented packet on nearly every path (RFC 9715).
    package static let safePayloadOctets: UInt16 = 1232

    package init(
        payloadOctets: UInt16 = safePayloadOctets, version: UInt8 = 0,
        wantsSignatures: Bool = false, options: [UInt8] = []
    ) {
        self.payloadOctets = payloadOctets
        self.version = version
        self.wantsSignatures = wantsSignatures
        self.options = options
    }
}

/// A whole message (RFC 1035 §4.1), as a client reads a response.
package struct Message: Hashable, Sendable {
    package var header: Header
    package var questions: [Question] = []
    package var answers: [ResourceRecord] = []
    package var authorities: [ResourceRecord] = []
    /// Without the OPT record.
    package var additionals: [ResourceRecord] = []
    package var edns: ExtendedDNS?
    /// All twelve bits.
    package var responseCode: ResponseCode

    package static let maximumOctets = 65535

    /// Reads a message that may say anything: counts are believed only as far as octets follow.
    ///
    /// What follows the last record is ignored.
    package init(parsing octets: [UInt8]) throws(SyntaxError) {
        var reader = WireReader(octets)
        guard octets.count <= Self.maximumOctets else {
            throw SyntaxError(at: Self.maximumOctets, expected: "a message of at most 65535 octets")
        }
        header = Header(id: try reader.short(), flags: try reader.short())
        responseCode = header.responseCode
        let counts = [
            try reader.short(), try reader.short(), try reader.short(), try reader.short(),
        ]
        for _ in 0..<counts[0] { questions.append(try Question(&reader)) }
        for _ in 0..<counts[1] { answers.append(try ResourceRecord(&reader)) }
        for _ in 0..<counts[2] { authorities.append(try ResourceRecord(&reader)) }
        for _ in 0..<counts[3] {
            let record = try ResourceRecord(&reader)
            guard record.type == .opt else {
                additionals.append(record)
                continue
            }
            // RFC 6891 §6.1.1: one at most, owned by the root.
            guard edns == nil, record.owner.isRoot, case .unknown(let options) = record.data else {
                throw reader.error("one OPT record, owned by the root")
            }
            responseCode = ResponseCode(
                rawValue: UInt16(record.ttl >> 24) << 4 | header.responseCode.rawValue)
            edns = ExtendedDNS(
                payloadOctets: record.class.rawValue,
                version: UInt8(truncatingIfNeeded: record.ttl >> 16),
                wantsSignatures: record.ttl & 0x8000 != 0, options: options)
        }
    }
}

extension ResourceRecord {
    /// Reads a record of a message (RFC 1035 §3.2.1).
    init(_ reader: inout WireReader) throws(SyntaxError) {
        let owner = try reader.name()
        let type = RecordType(rawValue: try reader.short())
        let `class` = RecordClass(rawValue: try reader.short())
        let ttl = try reader.long()
        var part = try reader.part(Int(try reader.short()))
        // RFC 2181 §8: a TTL with its highest bit set counts as zero; OPT keeps flags there.
        self.init(
            owner: owner, type: type, class: `class`,
            ttl: ttl > 0x7FFF_FFFF && type != .opt ? 0 : ttl, data: try RecordData(type, &part))
    }
}
