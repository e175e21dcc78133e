// SPDX-License-Identifier: Apache-2.0

import Bytes

/// How the RDATA of one type is built: its fields, in the order of the wire.
///
/// One description serves four ways: octets are checked and their names decompressed, octets are
/// written as text, text is read, and (with `RecordData`) names are compressed where RFC 3597 §4
/// allows it. Each type's description stands in a file of its own in `Records`.
struct RecordFormat: Sendable {
    let type: RecordType
    let mnemonic: String
    let fields: [RecordField]
    /// What the fields taken together may not say; nil when all is well.
    let problem: @Sendable ([UInt8]) -> String?

    /// The longest RDATA (RFC 1035 §3.2.1: RDLENGTH has 16 bits).
    static let maximumOctets = 65535

    init(
        _ mnemonic: String, _ type: UInt16, _ fields: [RecordField],
        problem: @escaping @Sendable ([UInt8]) -> String? = { _ in nil }
    ) {
        self.problem = problem
        self.type = RecordType(rawValue: type)
        self.mnemonic = mnemonic
        self.fields = fields
    }

    static let all: [RecordFormat] = [
        .a, .ns, .md, .mf, .cname, .soa, .mb, .mg, .mr, .wks, .ptr, .hinfo, .minfo, .mx, .txt,
        .rp, .afsdb, .x25, .isdn, .rt, .nsap, .nsapPtr, .sig, .key, .px, .gpos, .aaaa, .loc,
        .nxt, .eid, .nimloc, .srv, .naptr, .kx, .cert, .dname, .apl, .ds, .sshfp, .ipseckey, .rrsig,
        .nsec,
        .dnskey, .dhcid, .nsec3, .nsec3param, .tlsa, .smimea, .hip, .ninfo, .rkey, .talink,
        .cds, .cdnskey, .openpgpkey, .csync, .zonemd, .svcb, .https, .dsync, .spf, .nid, .l32,
        .l64, .lp, .eui48, .eui64, .uri, .caa, .avc, .doa, .amtrelay, .resinfo, .wallet, .ta,
        .dlv,
    ]

    static let byType = Dictionary(uniqueKeysWithValues: all.map { ($0.type.rawValue, $0) })
    /// By `packed` mnemonic: names of more than eight letters are not in it.
    static let byPackedMnemonic = Dictionary(
        uniqueKeysWithValues: all.compactMap { format in
            packed(format.mnemonic.utf8).map { ($0, format.type) }
        })
    static let byMnemonic = Dictionary(uniqueKeysWithValues: all.map { ($0.mnemonic, $0) })

    /// Up to eight letters in one word, in upper case.
    static func packed(_ mnemonic: some Collection<UInt8>) -> UInt64? {
        guard mnemonic.count <= 8 else { return nil }
        var word: UInt64 = 0
        for octet in mnemonic { word = word << 8 | UInt64(octet.uppercased) }
        return word
    }

    /// Checks the octets up to the reader's end and returns them with their names uncompressed.
    func read(_ reader: inout WireReader) throws(SyntaxError) -> [UInt8] {
        var wire: [UInt8] = []
        for field in fields { try field.read(&reader, into: &wire) }
        guard reader.isAtEnd else { throw reader.error("the end of the \(mnemonic) data") }
        return wire
    }

    /// Reads presentation form up to the end of the entry.
    func parse(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        var wire: [UInt8] = []
        for field in fields { try field.parse(&tokens, into: &wire) }
        return wire
    }

    /// Presentation form on one line, names absolute with their final dot.
    func text(of wire: [UInt8]) throws(SyntaxError) -> String {
        var reader = WireReader(wire)
        var words: [String] = []
        for field in fields { try field.write(&reader, into: &words) }
        return words.joined(separator: " ")
    }
}
