// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// The TSIG record at the end of a message (RFC 8945 §4.2).
package struct TransactionSignature: Hashable, Sendable {
    /// What was wrong with a signature (RFC 8945 §3), as its Error field says.
    package enum Fault: UInt16, Hashable, Sendable {
        case badSignature = 16
        case badKey = 17
        case badTime = 18
        case badTruncation = 22
    }

    /// Why a message with a signature cannot be read at all.
    package struct Malformed: Error, Hashable, Sendable {
        package let reason: String
    }

    package var key: Name
    package var algorithm: Name
    /// Seconds since 1970; 48 bits travel.
    package var signedSeconds: UInt64
    package var fudgeSeconds: UInt16
    package var code: [UInt8]
    package var originalID: UInt16
    /// The extended response code of the signature alone; 0: none.
    package var error: UInt16
    package var otherData: [UInt8]

    /// How far clocks may differ (RFC 8945 §10).
    package static let usualFudgeSeconds: UInt16 = 300
    private static let maximumSeconds: UInt64 = 1 << 48 - 1

    package init(
        key: Name, algorithm: Name, signedSeconds: UInt64,
        fudgeSeconds: UInt16 = usualFudgeSeconds, code: [UInt8] = [], originalID: UInt16,
        error: UInt16 = 0, otherData: [UInt8] = []
    ) {
        self.key = key
        self.algorithm = algorithm
        self.signedSeconds = signedSeconds & Self.maximumSeconds
        self.fudgeSeconds = fudgeSeconds
        self.code = code
        self.originalID = originalID
        self.error = error
        self.otherData = otherData
    }

    package var fault: Fault? { Fault(rawValue: error) }

    /// Reads the data of the record up to the reader's end.
    init(key: Name, data reader: inout WireReader) throws(SyntaxError) {
        self.key = key
        algorithm = try reader.name(compression: false)
        signedSeconds = UInt64(try reader.short()) << 32 | UInt64(try reader.long())
        fudgeSeconds = try reader.short()
        code = Array(try reader.take(Int(try reader.short())))
        originalID = try reader.short()
        error = try reader.short()
        otherData = Array(try reader.take(Int(try reader.short())))
        guard reader.isAtEnd else { throw SyntaxError(at: reader.offset, expected: "its end") }
    }

    // MARK: - Messages

    /// The octets that a signature of this key adds to a message, the fault's time included.
    package static func octets(_ key: TransactionKey) -> Int {
        key.name.wire.count + 10 + key.algorithm.name.wire.count + 16 + key.algorithm.octetCount + 6
    }

    /// Takes the signature off a message: what was signed, with the identifier that it then had.
    ///
    /// RFC 8945 §5.2: it is one, the last record of the additional section, of class ANY, with a
    /// TTL of 0; anything else is malformed, and so is what cannot be read as a message.
    package static func separate(
        _ message: [UInt8]
    ) throws(Malformed) -> (message: [UInt8], signature: TransactionSignature?) {
        var reader = WireReader(message)
        do throws(SyntaxError) {
            _ = try reader.take(4)
            let counts = [
                Int(try reader.short()), Int(try reader.short()), Int(try reader.short()),
                Int(try reader.short()),
            ]
            for _ in 0..<counts[0] {
                try reader.skipName()
                _ = try reader.take(4)
            }
            let total = counts[1] + counts[2] + counts[3]
            for place in 0..<total {
                let start = reader.offset
                let owner = reader
                try reader.skipName()
                let type = RecordType(rawValue: try reader.short())
                let `class` = RecordClass(rawValue: try reader.short())
                let ttl = try reader.long()
                var data = try reader.part(Int(try reader.short()))
                guard type == .tsig else { continue }
                guard place == total - 1, counts[3] > 0, reader.isAtEnd, `class` == .any, ttl == 0
                else {
                    throw SyntaxError(at: start, expected: "one TSIG record, and as the last one")
                }
                var nameReader = owner
                let signature = try Self(key: try nameReader.name(), data: &data)
                var stripped = Array(message[..<start])
                stripped.put(signature.originalID, at: 0)
                stripped.put(UInt16(counts[3] - 1), at: 10)
                return (stripped, signature)
            }
        } catch {
            throw Malformed(reason: error.description)
        }
        return (message, nil)
    }

    /// The message with the record at its end.
    func attached(to message: [UInt8]) -> [UInt8] {
        var octets = message
        let additionals = UInt16(octets[10]) << 8 | UInt16(octets[11])
        octets.put(additionals &+ 1, at: 10)
        octets += key.wire
        octets.appendShort(RecordType.tsig.rawValue)
        octets.appendShort(RecordClass.any.rawValue)
        octets.appendLong(0)
        let start = octets.count
        octets.appendShort(0)
        octets += algorithm.wire
        octets.appendSeconds(signedSeconds)
        octets.appendShort(fudgeSeconds)
        octets.appendShort(UInt16(code.count))
        octets += code
        octets.appendShort(originalID)
        octets.appendShort(error)
        octets.appendShort(UInt16(otherData.count))
        octets += otherData
        octets.put(UInt16(octets.count - start - 2), at: start)
        return octets
    }

    /// What the code is computed from (RFC 8945 §4.3): the code before with its length, the
    /// messages, and of the record all variables, or the two times alone.
    func digested(prior: [UInt8]?, messages: [UInt8], timesOnly: Bool) -> [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(messages.count + 400)
        if let prior {
            octets.appendShort(UInt16(prior.count))
            octets += prior
        }
        octets += messages
        if timesOnly {
            octets.appendSeconds(signedSeconds)
            octets.appendShort(fudgeSeconds)
            return octets
        }
        octets += key.lowercased.wire
        octets.appendShort(RecordClass.any.rawValue)
        octets.appendLong(0)
        octets += algorithm.lowercased.wire
        octets.appendSeconds(signedSeconds)
        octets.appendShort(fudgeSeconds)
        octets.appendShort(error)
        octets.appendShort(UInt16(otherData.count))
        return octets + otherData
    }

    /// Whether a clock is within the interval (RFC 8945 §5.2.3).
    func isCurrent(atSeconds now: UInt64) -> Bool {
        let distance = now > signedSeconds ? now - signedSeconds : signedSeconds - now
        return distance <= UInt64(fudgeSeconds)
    }
}

extension [UInt8] {
    mutating func put(_ value: UInt16, at place: Int) {
        self[place] = UInt8(value >> 8)
        self[place + 1] = UInt8(truncatingIfNeeded: value)
    }

    /// 48 bits in network order.
    mutating func appendSeconds(_ seconds: UInt64) {
        appendShort(UInt16(truncatingIfNeeded: seconds >> 32))
        appendLong(UInt32(truncatingIfNeeded: seconds))
    }
}

extension WireReader {
    /// Passes a name without following its pointers.
    mutating func skipName() throws(SyntaxError) {
        while true {
            let label = try octet()
            switch label {
            case 0: return
            case 1...UInt8(Name.maximumLabelOctets): _ = try take(Int(label))
            case 0xC0...:
                _ = try octet()
                return
            default: throw SyntaxError(at: offset, expected: "a label or a pointer")
            }
        }
    }
}
