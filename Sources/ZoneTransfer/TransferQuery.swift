// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// A request for a zone: AXFR (RFC 5936 §2.1), or IXFR from a serial (RFC 1995 §3).
package struct TransferQuery: Hashable, Sendable {
    package var header: Header
    package var question: Question
    /// What the asker has; nil for AXFR.
    package var serial: UInt32?
    /// Nil without EDNS.
    package var payloadOctets: UInt16?

    package var origin: Name { question.name }

    /// Reads a query without its signature; what it is not says the response code.
    package init(parsing octets: [UInt8]) throws(Refused) {
        let message: Message
        do {
            message = try Message(parsing: octets)
        } catch {
            throw Refused(code: .formatError)
        }
        guard message.questions.count == 1, message.answers.isEmpty else {
            throw Refused(code: .formatError)
        }
        header = message.header
        question = message.questions[0]
        payloadOctets = message.edns?.payloadOctets
        guard message.edns?.version ?? 0 == 0 else { throw Refused(code: .badVersion) }
        guard question.class == .internet else { throw Refused(code: .notAuthoritative) }
        switch question.type {
        case .axfr:
            guard message.authorities.isEmpty else { throw Refused(code: .formatError) }
            serial = nil
        case .ixfr:
            guard message.authorities.count == 1, message.authorities[0].owner == question.name,
                let serial = message.authorities[0].serial
            else { throw Refused(code: .formatError) }
            self.serial = serial
        default: throw Refused(code: .notImplemented)
        }
    }

    /// A query that is answered with a code alone.
    package struct Refused: Error, Hashable, Sendable {
        package let code: ResponseCode
        package init(code: ResponseCode) { self.code = code }
    }

    /// The query of a secondary: IXFR when it has a version, given by its SOA record.
    package static func octets(origin: Name, id: UInt16, from start: ResourceRecord?) -> [UInt8] {
        var writer = MessageWriter()
        writer.begin(Header(id: id), limit: Message.maximumOctets)
        _ = writer.write(Question(name: origin, type: start == nil ? .axfr : .ixfr))
        if let start { _ = writer.write(start, in: .authority) }
        return writer.octets
    }

    /// The query for the SOA record alone (RFC 1035 §3.3.13), with which a secondary looks whether
    /// there is something new.
    package static func startOctets(origin: Name, id: UInt16) -> [UInt8] {
        var writer = MessageWriter()
        writer.begin(Header(id: id), limit: Message.maximumOctets)
        _ = writer.write(Question(name: origin, type: .soa))
        return writer.octets
    }
}
