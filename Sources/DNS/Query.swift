// SPDX-License-Identifier: Apache-2.0

/// A question as a server receives it, or what is wrong with it (RFC 1035 §4.1, RFC 6891).
package struct Query: Sendable {
    package var header: Header
    /// Nil when it could not be read.
    package var question: Question?
    package var edns: ExtendedDNS?
    /// Other than `noError` when there is nothing to look up.
    package var verdict: ResponseCode

    /// Reads a query; nil for what gets no reply at all, so that servers never answer each other.
    package init?(parsing octets: [UInt8]) {
        var reader = WireReader(octets)
        guard let id = try? reader.short(), let flags = try? reader.short() else { return nil }
        header = Header(id: id, flags: flags)
        guard !header.isResponse, octets.count >= Header.octets else { return nil }
        verdict = .noError
        guard header.opcode == Header.query else {
            verdict = .notImplemented
            return
        }
        guard (try? read(&reader)) != nil else {
            verdict = .formatError
            return
        }
        if let edns, edns.version > 0 {
            verdict = .badVersion
        } else if let type = question?.type, type == .opt || type.rawValue == 0 {
            verdict = .formatError
        } else if question?.type == .axfr || question?.type == .ixfr {
            verdict = .refused
        }
    }

    private struct Malformed: Error {}

    private mutating func read(_ reader: inout WireReader) throws {
        let questions = try reader.short()
        let others = [try reader.short(), try reader.short()]
        let additionals = try reader.short()
        // RFC 9619: a query asks exactly one question.
        guard questions == 1, others == [0, 0] else { throw Malformed() }
        question = try Question(&reader)
        for _ in 0..<additionals {
            let owner = try reader.name()
            let type = RecordType(rawValue: try reader.short())
            let `class` = try reader.short()
            let ttl = try reader.long()
            let data = try reader.take(Int(try reader.short()))
            guard type == .opt else { continue }
            // RFC 6891 §6.1.1: more than one OPT, or one that is not the root's.
            guard edns == nil, owner.isRoot else { throw Malformed() }
            edns = ExtendedDNS(
                payloadOctets: `class`, version: UInt8(truncatingIfNeeded: ttl >> 16),
                wantsSignatures: ttl & 0x8000 != 0, options: Array(data))
        }
    }
}
