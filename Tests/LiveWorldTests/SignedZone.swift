// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto
import DNS
import LiveWorld
import World

/// Signed answers for the one name `example.org` (RFC 4034), for a validator to believe or not.
struct SignedZone: Sendable {
    private let key = P256.Signing.PrivateKey()
    private let owner: [UInt8]
    /// What the MX record is changed to after signing, if it is.
    private let forged: Bool

    init(forged: Bool) throws {
        owner = try Name("example.org").wire
        self.forged = forged
    }

    /// DNSKEY RDATA (RFC 4034 §2.1): zone and entry point, protocol 3, ECDSAP256SHA256.
    private var keyData: [UInt8] { [1, 1, 3, 13] + key.publicKey.rawRepresentation }

    var anchor: String {
        let text = Base64.encode(key.publicKey.rawRepresentation)
        return "example.org. DNSKEY 257 3 13 \(text)"
    }

    /// The reply to a query for the DNSKEY or MX records; nil for others.
    func reply(to query: [UInt8]) -> [UInt8]? {
        let question = query.dropFirst(12).prefix(owner.count + 4)
        let type = question.suffix(4).prefix(2).reduce(0) { $0 << 8 | UInt16($1) }
        let exchange = (try? Name("mx.example.org").wire) ?? []
        var data: [UInt8]
        switch type {
        case 48: data = keyData
        case 15: data = [0, 10] + exchange
        default: return nil
        }
        let signature = signature(type, data)
        if forged, type == 15 { data[1] = 20 }
        return query.prefix(2) + [0x85, 0x80, 0, 1, 0, 2, 0, 0, 0, 1] + question
            + record(type, data) + record(46, signature)
            + [0, 0, 41, 0x04, 0xD0, 0, 0, 0x80, 0, 0, 0]
    }

    private func record(_ type: UInt16, _ data: [UInt8]) -> [UInt8] {
        owner + octets(type) + [0, 1] + [0, 0, 1, 44] + octets(UInt16(data.count)) + data
    }

    /// RRSIG RDATA (RFC 4034 §3.1) over a set of one record.
    private func signature(_ type: UInt16, _ data: [UInt8]) -> [UInt8] {
        let now = UInt32(time.timestamp.seconds)
        let head =
            octets(type) + [13, 2] + [0, 0, 1, 44] + octets(now + 86400) + octets(now - 86400)
            + octets(tag) + owner
        let signed = try? key.signature(for: head + record(type, data))
        return head + (signed.map { Array($0.rawRepresentation) } ?? [])
    }

    /// RFC 4034 appendix B.
    private var tag: UInt16 {
        var sum = 0
        for (index, octet) in keyData.enumerated() { sum += Int(octet) << (index % 2 == 0 ? 8 : 0) }
        return UInt16(truncatingIfNeeded: sum + sum >> 16)
    }

    private func octets<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}
