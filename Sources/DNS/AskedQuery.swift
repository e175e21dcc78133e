// SPDX-License-Identifier: Apache-2.0

/// A query as a server receives it (RFC 1035 §4.1, RFC 6891), read where it lies.
///
/// Pointers lead into the query; all octets are hostile.
struct AskedQuery {
    let flags: UInt16
    /// Nil when there is none, or none that can be read.
    private(set) var question: UnsafeRawPointer?
    private(set) var questionOctets = 0
    private(set) var type: UInt16 = 0
    private(set) var `class`: UInt16 = 0
    /// Other than `noError` when there is nothing to look up.
    private(set) var verdict: UInt16 = 0
    /// A notification, an update, a transfer, or anything with a signature.
    private(set) var isTransaction = false

    private(set) var hasEDNS = false
    private(set) var payloadOctets: UInt16 = 0
    private(set) var wantsSignatures = false
    private(set) var wantsIdentity = false
    private(set) var wantsIdleTime = false
    private(set) var cookie: UnsafeRawPointer?
    private(set) var cookieOctets = 0

    private struct Malformed: Error {}

    /// Reads a query of at least twelve octets.
    init(_ query: UnsafeRawBufferPointer) {
        flags = UInt16(query[2]) << 8 | UInt16(query[3])
        guard flags >> 11 & 15 == 0 else {
            verdict = ResponseCode.notImplemented.rawValue
            let opcode = flags >> 11 & 15
            isTransaction = opcode == Header.notify || opcode == Header.update
            return
        }
        var reader = Reader(octets: query, offset: 4)
        do throws(Malformed) {
            try read(&reader)
        } catch {
            verdict = ResponseCode.formatError.rawValue
            cookie = nil
        }
    }

    private mutating func read(_ reader: inout Reader) throws(Malformed) {
        let questions = try reader.short()
        let answers = try reader.short()
        let authorities = try reader.short()
        let additionals = try reader.short()
        // RFC 9619: a query asks one question, or none (RFC 7873 §5.4).
        guard questions <= 1 else { throw Malformed() }
        if questions == 1 { try readQuestion(&reader) }
        // An incremental transfer says there what it has (RFC 1995 §3).
        let isTransfer = type == RecordType.ixfr.rawValue && authorities == 1
        guard answers == 0, authorities == 0 || isTransfer else { throw Malformed() }
        if isTransfer { try reader.skipRecord() }
        for _ in 0..<additionals { try readAdditional(&reader) }
        if questions == 0, cookie == nil { throw Malformed() }
        guard verdict == 0, questions == 1 else { return }
        switch RecordType(rawValue: type) {
        case .axfr, .ixfr:
            verdict = ResponseCode.refused.rawValue
            isTransaction = true
        case .opt, RecordType(rawValue: 0): throw Malformed()
        default: break
        }
    }

    private mutating func readQuestion(_ reader: inout Reader) throws(Malformed) {
        let start = reader.offset
        // RFC 1035 §4.1.4: before the first name there is nothing to point to.
        guard try reader.skipName(allowsPointer: false) <= Name.maximumOctets else {
            throw Malformed()
        }
        let type = try reader.short()
        let `class` = try reader.short()
        question = reader.octets.baseAddress.map { $0 + start }
        questionOctets = reader.offset - start
        self.type = type
        self.class = `class`
    }

    private mutating func readAdditional(_ reader: inout Reader) throws(Malformed) {
        let start = reader.offset
        let nameOctets = try reader.skipName(allowsPointer: true)
        let type = try reader.short()
        guard type == RecordType.opt.rawValue else {
            if type == RecordType.tsig.rawValue { isTransaction = true }
            reader.offset = start
            return try reader.skipRecord()
        }
        // RFC 6891 §6.1.1: more than one OPT, or one that is not the root's.
        guard !hasEDNS, nameOctets == 1 else { throw Malformed() }
        payloadOctets = try reader.short()
        let extended = try reader.short()
        wantsSignatures = try reader.short() & 0x8000 != 0
        let end = Int(try reader.short()) + reader.offset
        guard end <= reader.octets.count else { throw Malformed() }
        hasEDNS = true
        if extended & 0xFF != 0 {
            verdict = ResponseCode.badVersion.rawValue
            reader.offset = end
            return
        }
        while reader.offset < end { try readOption(&reader, end) }
    }

    private mutating func readOption(_ reader: inout Reader, _ end: Int) throws(Malformed) {
        guard end - reader.offset >= 4 else { throw Malformed() }
        let code = try reader.short()
        let length = Int(try reader.short())
        guard length <= end - reader.offset else { throw Malformed() }
        switch code {
        case 3: wantsIdentity = true
        case 10:
            // RFC 7873 §5.2.2: a client's part alone, or with a server's of 8 to 32 octets.
            guard length == 8 || (16...40).contains(length) else { throw Malformed() }
            // RFC 7873 §5.2: of several the first counts.
            if cookie == nil {
                cookie = reader.octets.baseAddress.map { $0 + reader.offset }
                cookieOctets = length
            }
        case 11:
            // RFC 7828 §3.2.1: a client says no time.
            guard length == 0 else { throw Malformed() }
            wantsIdleTime = true
        default: break
        }
        reader.offset += length
    }

    private struct Reader {
        let octets: UnsafeRawBufferPointer
        var offset: Int

        mutating func short() throws(Malformed) -> UInt16 {
            guard octets.count - offset >= 2 else { throw Malformed() }
            defer { offset += 2 }
            return UInt16(octets[offset]) << 8 | UInt16(octets[offset + 1])
        }

        /// Passes a name and returns how many octets it takes here; where a pointer leads is not
        /// looked at.
        mutating func skipName(allowsPointer: Bool) throws(Malformed) -> Int {
            let start = offset
            while offset < octets.count {
                let label = Int(octets[offset])
                switch label {
                case 0:
                    offset += 1
                    return offset - start
                case 1...Name.maximumLabelOctets: offset += 1 + label
                case 0xC0... where allowsPointer:
                    offset += 2
                    guard offset <= octets.count else { throw Malformed() }
                    return offset - start
                default: throw Malformed()
                }
            }
            throw Malformed()
        }

        mutating func skipRecord() throws(Malformed) {
            _ = try skipName(allowsPointer: true)
            offset += 8
            let length = Int(try short())
            guard octets.count - offset >= length else { throw Malformed() }
            offset += length
        }
    }
}
