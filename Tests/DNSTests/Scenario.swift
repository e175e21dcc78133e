// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Testing

/// The zones of the server C.ISI.EDU (RFC 1034 §6.1), and questions to it.
enum Scenario {
    static let root = """
        .       IN      SOA     SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. (
                                870611          ;serial
                                1800            ;refresh every 30 min
                                300             ;retry every 5 min
                                604800          ;expire after a week
                                86400)          ;minimum of a day
                        NS      A.ISI.EDU.
                        NS      C.ISI.EDU.
                        NS      SRI-NIC.ARPA.
        MIL.    86400   NS      SRI-NIC.ARPA.
                86400   NS      A.ISI.EDU.
        EDU.    86400   NS      SRI-NIC.ARPA.
                86400   NS      C.ISI.EDU.
        SRI-NIC.ARPA.   A       26.0.0.73
                        A       10.0.0.51
                        MX      0 SRI-NIC.ARPA.
                        HINFO   DEC-2060 TOPS20
        ACC.ARPA.       A       26.6.0.65
                        HINFO   PDP-11/70 UNIX
                        MX      10 ACC.ARPA.
        USC-ISIC.ARPA.  CNAME   C.ISI.EDU.
        73.0.0.26.IN-ADDR.ARPA.  PTR    SRI-NIC.ARPA.
        A.ISI.EDU. 86400 A      26.3.0.103
        C.ISI.EDU. 86400 A      10.0.0.52
        """

    static let edu = """
        EDU.  IN SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. (
                                870729 ;serial
                                1800 ;refresh every 30 minutes
                                300 ;retry every 5 minutes
                                604800 ;expire after a week
                                86400 ;minimum of a day
                                )
                        NS SRI-NIC.ARPA.
                        NS C.ISI.EDU.
        UCI 172800 NS ICS.UCI
                        172800 NS ROME.UCI
        ICS.UCI 172800 A 192.5.19.1
        ROME.UCI 172800 A 192.5.19.31
        ISI 172800 NS VAXA.ISI
                        172800 NS A.ISI
                        172800 NS VENERA.ISI.EDU.
        VAXA.ISI 172800 A 10.2.0.27
                        172800 A 128.9.0.33
        VENERA.ISI.EDU. 172800 A 10.1.0.52
                        172800 A 128.9.0.32
        A.ISI 172800 A 26.3.0.103
        """

    static func zone(_ origin: String, _ text: String) throws -> Zone {
        let name = try Name(origin)
        let file = MasterFile.parse(Array(text.utf8), origin: name)
        try #require(file.faults == [])
        return try Zone(origin: name, records: file.records)
    }

    static func zones() throws -> ZoneSet { ZoneSet([try zone(".", root), try zone("EDU", edu)]) }

    static func query(
        _ name: String, _ type: RecordType, id: UInt16 = 0x1234, edns: ExtendedDNS? = nil,
        flags: UInt16 = 0
    ) throws -> [UInt8] {
        var writer = MessageWriter()
        writer.begin(Header(id: id, flags: flags), limit: 65535)
        var isWhole = writer.write(Question(name: try Name(name), type: type))
        if let edns { isWhole = writer.write(edns) && isWhole }
        #expect(isWhole)
        return writer.octets
    }

    static func ask(
        _ name: String, _ type: RecordType, _ zones: ZoneSet, edns: ExtendedDNS? = nil,
        isStream: Bool = false
    ) throws -> Message {
        let response = try #require(
            answer(
                try query(name, type, edns: edns), ZoneSnapshot(zones),
                .init(isStream: isStream)))
        let message = try Message(parsing: response)
        #expect(message.header.id == 0x1234)
        #expect(message.header.isResponse)
        #expect(try message.questions == [Question(name: Name(name), type: type)])
        return message
    }
}

extension Message {
    /// One word for the header, then a line for each record: `answer: owner ttl type data`.
    var told: [String] {
        var head = "\(responseCode.rawValue)"
        if header.isAuthoritative { head += " AA" }
        if header.isTruncated { head += " TC" }
        let line = { (section: String, record: ResourceRecord) in
            "\(section) \(record.owner) \(record.ttl) \(record.type) "
                + record.data.text(as: record.type)
        }
        return [head] + answers.map { line("an", $0) } + authorities.map { line("ns", $0) }
            + additionals.map { line("ar", $0) }
    }
}
