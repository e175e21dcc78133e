// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Numbers that have names in master files.
struct Mnemonics: Sendable {
    let kind: String
    let names: [(String, UInt16)]
    /// Whether numbers are written by their names; RFC 4034 §2.2 writes algorithms as numbers.
    let isWritten: Bool

    /// DNSSEC algorithms (RFC 4034 appendix A.1 and the registry since).
    static let algorithms = Self(
        kind: "an algorithm",
        names: [
            ("RSAMD5", 1), ("DH", 2), ("DSA", 3), ("ECC", 4), ("RSASHA1", 5),
            ("DSA-NSEC3-SHA1", 6), ("NSEC3DSA", 6), ("RSASHA1-NSEC3-SHA1", 7),
            ("NSEC3RSASHA1", 7), ("RSASHA256", 8), ("RSASHA512", 10), ("ECC-GOST", 12),
            ("ECCGOST", 12), ("ECDSAP256SHA256", 13), ("ECDSAP384SHA384", 14), ("ED25519", 15),
            ("ED448", 16), ("INDIRECT", 252), ("PRIVATEDNS", 253), ("PRIVATEOID", 254),
        ], isWritten: false)

    /// Certificate types (RFC 4398 §2.1).
    static let certificateTypes = Self(
        kind: "a certificate type",
        names: [
            ("PKIX", 1), ("SPKI", 2), ("PGP", 3), ("IPKIX", 4), ("ISPKI", 5), ("IPGP", 6),
            ("ACPKIX", 7), ("IACPKIX", 8), ("URI", 253), ("OID", 254),
        ], isWritten: true)

    /// Schemes of generalized notification (RFC 9859 §2.2).
    static let schemes = Self(kind: "a scheme", names: [("NOTIFY", 1)], isWritten: true)

    func parse(
        _ tokens: inout TokenReader, limit: UInt16
    ) throws(MasterFile.Fault) -> UInt16 {
        let expected = "\(kind) by name or number"
        let text = try tokens.next(expected).raw
        if let known = names.first(where: { $0.0.utf8.equalsIgnoringCase(text) }) {
            return known.1
        }
        guard let number = UInt16(decimal: text), number <= limit else {
            throw tokens.fault(expected)
        }
        return number
    }

    func text(_ number: UInt16) -> String {
        guard isWritten, let known = names.first(where: { $0.1 == number }) else {
            return String(number)
        }
        return known.0
    }
}

/// `YYYYMMDDHHmmSS` in UTC, for times that wrap around in 2106 (RFC 4034 §3.1.5).
enum CompactTime {
    static func seconds(_ text: ArraySlice<UInt8>) -> UInt32? {
        let text = Array(text)
        guard text.count == 14, let year = Int(decimal: text[..<4]),
            let month = Int(decimal: text[4..<6]), let day = Int(decimal: text[6..<8]),
            let hour = Int(decimal: text[8..<10]), let minute = Int(decimal: text[10..<12]),
            let second = Int(decimal: text[12...]), year >= 1970, (1...12).contains(month),
            (1...lengths(year)[month - 1]).contains(day), hour < 24, minute < 60, second < 60
        else { return nil }
        let days = daysBefore(year) + lengths(year)[..<(month - 1)].reduce(0, +) + day - 1
        return UInt32(truncatingIfNeeded: ((days * 24 + hour) * 60 + minute) * 60 + second)
    }

    static func text(_ seconds: UInt32) -> String {
        let total = Int(seconds)
        var days = total / 86_400
        var year = 1970 + days / 366
        while daysBefore(year + 1) <= days { year += 1 }
        days -= daysBefore(year)
        var month = 0
        while days >= lengths(year)[month] {
            days -= lengths(year)[month]
            month += 1
        }
        let parts = [month + 1, days + 1, total / 3600 % 24, total / 60 % 60, total % 60]
        return String(year) + parts.map { $0 < 10 ? "0\($0)" : String($0) }.joined()
    }

    private static func lengths(_ year: Int) -> [Int] {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    }

    /// Days from 1970 to the first of January.
    private static func daysBefore(_ year: Int) -> Int {
        let past = year - 1
        return 365 * (year - 1970) + (past / 4 - past / 100 + past / 400) - 477
    }
}

/// Base 32 with extended hex alphabet, without padding (RFC 4648 §7, RFC 5155 §3.3).
package enum Base32Hex {
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var octets: [UInt8] = []
        var bits: UInt64 = 0
        var held = 0
        for letter in text {
            let value: UInt8
            switch letter.lowercased {
            case 0x30...0x39: value = letter - 0x30
            case 0x61...0x76: value = letter.lowercased - 0x61 + 10
            default: return nil
            }
            bits = (bits << 5 | UInt64(value)) & 0xFFF
            held += 5
            if held >= 8 {
                held -= 8
                octets.append(UInt8(truncatingIfNeeded: bits >> UInt64(held)))
            }
        }
        guard held < 5, bits & (1 << UInt64(held) - 1) == 0 else { return nil }
        return octets
    }

    /// Letters in lower case.
    package static func encode(_ octets: some Sequence<UInt8>) -> String {
        let alphabet = Array("0123456789abcdefghijklmnopqrstuv".utf8)
        var text: [UInt8] = []
        var bits: UInt64 = 0
        var held = 0
        for octet in octets {
            bits = (bits << 8 | UInt64(octet)) & 0xFFFF
            held += 8
            while held >= 5 {
                held -= 5
                text.append(alphabet[Int(bits >> UInt64(held) & 31)])
            }
        }
        if held > 0 { text.append(alphabet[Int(bits << UInt64(5 - held) & 31)]) }
        return String(lossy: text)
    }
}
