// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The type of a resource record (RFC 1035 §3.2.2 and the registry since).
package struct RecordType: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let a = Self(rawValue: 1)
    package static let ns = Self(rawValue: 2)
    package static let cname = Self(rawValue: 5)
    package static let soa = Self(rawValue: 6)
    package static let ptr = Self(rawValue: 12)
    package static let mx = Self(rawValue: 15)
    package static let txt = Self(rawValue: 16)
    package static let aaaa = Self(rawValue: 28)
    package static let tlsa = Self(rawValue: 52)
    package static let hinfo = Self(rawValue: 13)
    package static let loc = Self(rawValue: 29)
    package static let srv = Self(rawValue: 33)
    package static let naptr = Self(rawValue: 35)
    package static let dname = Self(rawValue: 39)
    package static let ds = Self(rawValue: 43)
    package static let sshfp = Self(rawValue: 44)
    package static let rrsig = Self(rawValue: 46)
    package static let nsec = Self(rawValue: 47)
    package static let dnskey = Self(rawValue: 48)
    package static let nsec3 = Self(rawValue: 50)
    package static let nsec3param = Self(rawValue: 51)
    package static let smimea = Self(rawValue: 53)
    package static let cds = Self(rawValue: 59)
    package static let cdnskey = Self(rawValue: 60)
    package static let openpgpkey = Self(rawValue: 61)
    package static let csync = Self(rawValue: 62)
    package static let zonemd = Self(rawValue: 63)
    package static let svcb = Self(rawValue: 64)
    package static let https = Self(rawValue: 65)
    package static let spf = Self(rawValue: 99)
    package static let uri = Self(rawValue: 256)
    package static let caa = Self(rawValue: 257)
    /// The pseudo record of EDNS (RFC 6891 §6.1).
    package static let opt = Self(rawValue: 41)
    package static let tsig = Self(rawValue: 250)
    /// Questions only: incremental transfer, whole transfer, everything (RFC 8482).
    package static let ixfr = Self(rawValue: 251)
    package static let axfr = Self(rawValue: 252)
    package static let any = Self(rawValue: 255)

    /// Types that have a mnemonic but never stand in a zone (RFC 6895 §3.1).
    private static let questionTypes: [(String, UInt16)] = [
        ("NULL", 10), ("OPT", 41), ("TKEY", 249), ("TSIG", 250), ("IXFR", 251), ("AXFR", 252),
        ("MAILB", 253), ("MAILA", 254), ("ANY", 255),
    ]

    /// A mnemonic in any letter case, or `TYPEnnn` (RFC 3597 §5); nil for anything else.
    package init?(mnemonic: some Collection<UInt8>) {
        if let word = RecordFormat.packed(mnemonic),
            let type = RecordFormat.byPackedMnemonic[word]
        {
            self = type
            return
        }
        let text = String(lossy: mnemonic.map(\.uppercased))
        if let format = RecordFormat.byMnemonic[text] {
            self = format.type
        } else if let known = Self.questionTypes.first(where: { $0.0 == text }) {
            self.init(rawValue: known.1)
        } else if let number = genericNumber(text, prefix: "TYPE") {
            self.init(rawValue: number)
        } else {
            return nil
        }
    }
}

extension RecordType: CustomStringConvertible {
    /// The mnemonic, or `TYPEnnn` for a type without one (RFC 3597 §5).
    package var description: String {
        if let format = RecordFormat.byType[rawValue] { return format.mnemonic }
        let known = Self.questionTypes.first { $0.1 == rawValue }
        return known?.0 ?? "TYPE\(rawValue)"
    }
}

/// The class of a resource record (RFC 1035 §3.2.4).
package struct RecordClass: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let internet = Self(rawValue: 1)
    package static let chaos = Self(rawValue: 3)
    /// Questions only: no class in particular (RFC 2136 §1.3).
    package static let none = Self(rawValue: 254)
    package static let any = Self(rawValue: 255)

    private static let mnemonics: [(String, UInt16)] = [
        ("IN", 1), ("CS", 2), ("CH", 3), ("HS", 4),
    ]

    /// A mnemonic in any letter case, or `CLASSnnn` (RFC 3597 §5); nil for anything else.
    package init?(mnemonic: some Collection<UInt8>) {
        // Asked of every word that may be a type instead.
        guard let first = mnemonic.first?.uppercased,
            first == UInt8(ascii: "I") || first == UInt8(ascii: "C") || first == UInt8(ascii: "H")
        else { return nil }
        let text = String(lossy: mnemonic.map(\.uppercased))
        if let known = Self.mnemonics.first(where: { $0.0 == text }) {
            self.init(rawValue: known.1)
        } else if let number = genericNumber(text, prefix: "CLASS") {
            self.init(rawValue: number)
        } else {
            return nil
        }
    }
}

extension RecordClass: CustomStringConvertible {
    package var description: String {
        Self.mnemonics.first { $0.1 == rawValue }?.0 ?? "CLASS\(rawValue)"
    }
}

/// `TYPE` or `CLASS` followed by a decimal number without sign (RFC 3597 §5).
private func genericNumber(_ text: String, prefix: String) -> UInt16? {
    let digits = text.utf8.dropFirst(prefix.utf8.count)
    guard text.hasPrefix(prefix), (1...5).contains(digits.count), digits.allSatisfy(\.isDigit)
    else { return nil }
    return UInt16(String(lossy: digits))
}

extension UInt8 {
    /// The same letter in upper case; any other octet unchanged.
    var uppercased: UInt8 { (0x61...0x7A).contains(self) ? self & 0xDF : self }
}
