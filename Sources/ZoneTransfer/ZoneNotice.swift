// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
import World

/// NOTIFY: a zone has changed (RFC 1996).
package struct ZoneNotice: Hashable, Sendable {
    package var header: Header
    package var question: Question
    /// A hint at what is new; nothing is done on its word alone (RFC 1996 §3.8).
    package var hint: UInt32?

    package var origin: Name { question.name }

    /// Reads a request without its signature.
    package init(parsing octets: [UInt8]) throws(TransferQuery.Refused) {
        // RFC 1996 §3.9: what stands in the other sections is ignored.
        guard octets.count >= Header.octets, let question = Question(firstOf: octets),
            octets[4] == 0, octets[5] == 1
        else { throw TransferQuery.Refused(code: .formatError) }
        header = Header(
            id: UInt16(octets[0]) << 8 | UInt16(octets[1]),
            flags: UInt16(octets[2]) << 8 | UInt16(octets[3]))
        self.question = question
        hint =
            (try? Message(parsing: octets))?.answers.first {
                $0.type == .soa && $0.owner == question.name
            }?.serial
        guard question.class == .internet else {
            throw TransferQuery.Refused(code: .notAuthoritative)
        }
        // RFC 1996 §3.11: nothing else has a meaning.
        guard question.type == .soa else { throw TransferQuery.Refused(code: .notImplemented) }
    }

    /// The response (RFC 1996 §4.7).
    package func response(_ code: ResponseCode = .noError) -> [UInt8] {
        var header = Header(id: header.id)
        header.opcode = Header.notify
        header.isResponse = true
        header.isAuthoritative = true
        header.responseCode = code
        var writer = MessageWriter()
        writer.begin(header, limit: Message.maximumOctets)
        _ = writer.write(question)
        return writer.octets
    }

    /// The request (RFC 1996 §4.5), with the new SOA record as a hint.
    package static func octets(start: ResourceRecord, id: UInt16) -> [UInt8] {
        var header = Header(id: id)
        header.opcode = Header.notify
        header.isAuthoritative = true
        var writer = MessageWriter()
        writer.begin(header, limit: Message.maximumOctets)
        _ = writer.write(Question(name: start.owner, type: .soa))
        _ = writer.write(start, in: .answer)
        return writer.octets
    }

    /// Whether a datagram from the notified server is its response (RFC 1996 §3.6).
    ///
    /// Whatever code it has: NOTIMP, too, ends the matter (RFC 1996 §3.12).
    package static func isResponse(_ octets: [UInt8], to origin: Name, id: UInt16) -> Bool {
        guard octets.count >= Header.octets, UInt16(octets[0]) << 8 | UInt16(octets[1]) == id,
            octets[2] & 0x80 != 0
        else { return false }
        let header = Header(id: id, flags: UInt16(octets[2]) << 8 | UInt16(octets[3]))
        guard header.opcode == Header.notify else { return false }
        // RFC 1996 §3.12: a server without NOTIFY may leave the question out.
        guard let question = Question(firstOf: octets) else { return true }
        return question.name == origin
    }

    /// The pauses between one request and the next to one server.
    ///
    /// RFC 1996 §3.6 has five further copies at most; the first ones follow quickly, since
    /// datagrams that get lost should not delay a change by a minute.
    package static let pauses: [Duration] = [
        .seconds(2), .seconds(4), .seconds(8), .seconds(16), .seconds(32), .seconds(60),
    ]
}
