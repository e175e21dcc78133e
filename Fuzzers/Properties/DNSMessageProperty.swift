// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

extension Property {
    /// DNS messages: what has been read can be written and is then read as the same, as octets
    /// and as text; and whatever is asked, the answer is a message within its limit.
    package static let dnsMessage = Property("DNSMessage") { input throws(Broken) in
        if let message = try? Message(parsing: input) {
            try expectStable(message)
            for record in (message.answers + message.authorities + message.additionals).prefix(50)
            where record.class == .internet {
                try expectStableText(record)
            }
        }
        for isStream in [false, true] {
            try expectAnswer(to: input, Responder.Policy(), isStream)
            try expectAnswer(to: input, policy, isStream)
        }
    }

    private static func expectStable(_ message: Message) throws(Broken) {
        guard let octets = write(message) else { return }
        guard let again = try? Message(parsing: octets) else {
            throw Broken("what is written cannot be read: \(message)")
        }
        try expect(again == message, "written, it is another: \(message) \(again)")
    }

    /// Nil if it does not fit: compressed otherwise than it came it may be longer.
    private static func write(_ message: Message) -> [UInt8]? {
        var writer = MessageWriter()
        writer.begin(message.header, limit: Message.maximumOctets)
        var fits = true
        for question in message.questions { fits = fits && writer.write(question) }
        for (section, records) in [
            (MessageWriter.Section.answer, message.answers),
            (.authority, message.authorities), (.additional, message.additionals),
        ] {
            for record in records { fits = fits && writer.write(record, in: section) }
        }
        if let edns = message.edns {
            fits = fits && writer.write(edns, message.responseCode)
        }
        return fits ? writer.octets : nil
    }

    /// As a line of a master file (RFC 1035 §5, RFC 3597 §5).
    private static func expectStableText(_ record: ResourceRecord) throws(Broken) {
        // What is only asked for, and what only travels, stands in no zone (RFC 6895 §3.1).
        guard !(128...255).contains(record.type.rawValue), record.type != .opt,
            record.type.rawValue != 0
        else { return }
        let text = MasterFile.text(of: [record])
        let file = MasterFile.parse(Array(text.utf8), origin: .root)
        // Some data travels that a zone should not hold, and is refused there.
        if !file.faults.isEmpty, text.contains("\\# ") { return }
        try expect(
            file.records == [record], "as text it is another: \(text) \(record) \(file.faults)")
    }

    private static let zones: ZoneSnapshot = {
        let text = """
            $TTL 300
            @ SOA ns host 1 2 3 4 5
            @ NS ns
            ns A 192.0.2.1
            @ MX 10 mx
            mx A 192.0.2.2
            mx AAAA 2001:db8::2
            *.wild TXT "a" "b"
            alias CNAME mx
            loop CNAME loop
            sub NS ns.sub
            ns.sub A 192.0.2.3
            old DNAME wild
            long DNAME \(String(repeating: "l", count: 63)).\(String(repeating: "m", count: 63)).example.
            grow DNAME grow.grow
            *.star CNAME x.old
            sub DS 1 13 2 aabb
            deep.sub A 192.0.2.4
            _smtp._tcp SRV 0 1 25 mx.sub

            """
        guard let origin = try? Name("example"),
            let zone = try? Zone(
                origin: origin, records: MasterFile.parse(Array(text.utf8), origin: origin).records)
        else { preconditionFailure("the zone is sound") }
        return ZoneSnapshot(ZoneSet([zone]))
    }()

    /// Everything that a server may grant.
    private static let policy: Responder.Policy = {
        var policy = Responder.Policy()
        policy.identity = Array("ns.example".utf8)
        policy.cookies = ServerCookies(secret: [UInt8](repeating: 1, count: 16))
        policy.limit = ResponseRateLimit()
        return policy
    }()

    private static func expectAnswer(
        to query: [UInt8], _ policy: Responder.Policy, _ isStream: Bool
    ) throws(Broken) {
        let asker = Responder.Asker(address: IPAddress("192.0.2.9"), isStream: isStream)
        guard let response = answer(query, zones, asker, policy) else { return }
        let limit = isStream ? Message.maximumOctets : Int(ExtendedDNS.safePayloadOctets)
        try expect(response.count <= limit, "an answer of \(response.count) octets")
        guard let message = try? Message(parsing: response) else {
            throw Broken("the answer is no message: \(response)")
        }
        try expect(message.header.isResponse, "the answer is a question")
        try expect(response.prefix(2) == query.prefix(2), "the answer is to another question")
    }
}
