// SPDX-License-Identifier: Apache-2.0

import Bytes

extension RecordField {
    /// Reads this field's presentation form and appends its wire form.
    func parse(
        _ tokens: inout TokenReader, into wire: inout [UInt8]
    ) throws(MasterFile.Fault) {
        switch self {
        case .compressedName, .oldName, .name: wire += try tokens.name().wire
        case .octet: wire.append(try tokens.number("a number from 0 to 255"))
        case .short: wire.appendShort(try tokens.number("a number from 0 to 65535"))
        case .long: wire.appendLong(try tokens.number("a number from 0 to 4294967295"))
        case .duration: wire.appendLong(try tokens.duration())
        case .time: wire.appendLong(try Self.time(&tokens))
        case .ipv4: wire += try Self.ipv4(&tokens)
        case .ipv6: wire += try Self.ipv6(&tokens)
        case .string: wire += try tokens.string()
        case .optionalString: if !tokens.isAtEnd { wire += try tokens.string() }
        case .strings: repeat { wire += try tokens.string() } while !tokens.isAtEnd
        case .text, .optionalText: try parseText(&tokens, into: &wire)
        case .tag: wire += try Self.tag(&tokens)
        case .hex: wire += try Self.hexadecimal(&tokens)
        case .base64: wire += try Self.base64(&tokens)
        case .optionalBase64: if !tokens.isAtEnd { wire += try Self.base64(&tokens) }
        case .base64OrDash:
            if tokens.peek?.raw.elementsEqual([UInt8(ascii: "-")]) == true {
                _ = try tokens.next("-")
            } else {
                wire += try Self.base64(&tokens)
            }
        case .prefixedHex: wire += try Self.prefixedHexadecimal(&tokens)
        case .salt: Self.append(try Self.salt(&tokens), to: &wire)
        case .base32: Self.append(try Self.base32(&tokens), to: &wire)
        case .types: wire += Self.bitmaps(try Self.types(&tokens))
        case .oldTypes: wire += try Self.oldBitmap(&tokens)
        case .type: wire.appendShort(try Self.type(&tokens).rawValue)
        case .algorithm:
            wire.append(UInt8(try Mnemonics.algorithms.parse(&tokens, limit: 255)))
        case .scheme: wire.append(UInt8(try Mnemonics.schemes.parse(&tokens, limit: 255)))
        case .certificateType:
            wire.appendShort(try Mnemonics.certificateTypes.parse(&tokens, limit: 65535))
        case .services: wire += try WellKnownServices.parse(&tokens)
        case .location: wire += try Location.parse(&tokens)
        case .prefixes: while !tokens.isAtEnd { wire += try Self.prefix(&tokens) }
        case .gateway: try Self.parseGateway(&tokens, into: &wire)
        case .relay: try Self.parseRelay(&tokens, into: &wire)
        case .hostIdentity: wire += try Self.hostIdentity(&tokens)
        case .locator: wire += try Self.locator(&tokens)
        case .hardware(let count): wire += try Self.hardware(&tokens, count: count)
        case .serviceParameters: wire += try ServiceParameters.parse(&tokens)
        }
    }

    private func parseText(
        _ tokens: inout TokenReader, into wire: inout [UInt8]
    ) throws(MasterFile.Fault) {
        let content = try tokens.content(of: try tokens.next("a text"))
        if case .text = self, content.isEmpty { throw tokens.fault("a text that is not empty") }
        wire += content
    }

    private static func ipv4(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        try ipv4Address(&tokens).octets
    }

    static func ipv4Address(
        _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> IPv4Address {
        let expected = "an IPv4 address"
        guard let address = IPv4Address(ascii: try tokens.next(expected).raw) else {
            throw tokens.fault(expected)
        }
        return address
    }

    private static func ipv6(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        try ipv6Address(&tokens).octets
    }

    static func ipv6Address(
        _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> IPv6Address {
        let expected = "an IPv6 address"
        guard let address = IPv6Address(ascii: try tokens.next(expected).raw) else {
            throw tokens.fault(expected)
        }
        return address
    }

    private static func tag(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        let expected = "a property of letters and digits"
        let tag = try tokens.next(expected).raw
        guard (1...255).contains(tag.count), tag.allSatisfy(\.isAlphanumeric) else {
            throw tokens.fault(expected)
        }
        return [UInt8(tag.count)] + tag
    }

    private static func hexadecimal(
        _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> [UInt8] {
        let expected = "pairs of hexadecimal digits"
        guard let octets = Hexadecimal.decode(try tokens.rest(expected)), !octets.isEmpty else {
            throw tokens.fault(expected)
        }
        return octets
    }

    private static func base64(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        guard let octets = Base64.decode(try tokens.rest("Base64")) else {
            throw tokens.fault("Base64 with its padding")
        }
        return octets
    }

    /// `0x` and hexadecimal digits; dots are for the reader's eye (RFC 1706 §6).
    private static func prefixedHexadecimal(
        _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> [UInt8] {
        let expected = "0x and pairs of hexadecimal digits"
        let text = try tokens.next(expected).raw
        let digits = text.dropFirst(2).filter { $0 != .dot }
        guard text.prefix(2).equalsIgnoringCase("0x".utf8), !digits.isEmpty,
            let octets = Hexadecimal.decode(digits)
        else { throw tokens.fault(expected) }
        return octets
    }

    private static func salt(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        let expected = "at most 255 octets in hexadecimal, or - for none"
        let text = try tokens.next(expected).raw
        if text.elementsEqual([UInt8(ascii: "-")]) { return [] }
        guard let salt = Hexadecimal.decode(text), (1...255).contains(salt.count) else {
            throw tokens.fault(expected)
        }
        return salt
    }

    private static func base32(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        let expected = "at most 255 octets in base 32 with extended hex alphabet"
        let text = try tokens.next(expected).raw
        guard let hash = Base32Hex.decode(text), (1...255).contains(hash.count) else {
            throw tokens.fault(expected)
        }
        return hash
    }

    private static func type(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> RecordType {
        let expected = "a record type"
        guard let type = RecordType(mnemonic: try tokens.next(expected).raw) else {
            throw tokens.fault(expected)
        }
        return type
    }

    private static func types(
        _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> Set<UInt16> {
        var types: Set<UInt16> = []
        while !tokens.isAtEnd { types.insert(try type(&tokens).rawValue) }
        return types
    }

    /// RFC 4034 §4.1.2.
    static func bitmaps(_ types: Set<UInt16>) -> [UInt8] {
        var wire: [UInt8] = []
        var bitmap: [UInt8] = []
        var window: UInt8 = 0
        func flush() {
            guard !bitmap.isEmpty else { return }
            wire.append(window)
            append(bitmap, to: &wire)
            bitmap = []
        }
        for type in types.sorted() {
            if UInt8(type >> 8) != window { flush() }
            window = UInt8(type >> 8)
            let octet = Int(type & 0xFF) / 8
            while bitmap.count <= octet { bitmap.append(0) }
            bitmap[octet] |= 0x80 >> UInt8(type & 7)
        }
        flush()
        return wire
    }

    /// RFC 2535 §5.2: one bitmap for the types below 128.
    private static func oldBitmap(
        _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> [UInt8] {
        var bitmap: [UInt8] = []
        while !tokens.isAtEnd {
            let type = try type(&tokens).rawValue
            guard (1...127).contains(type) else { throw tokens.fault("a type from 1 to 127") }
            while bitmap.count <= Int(type) / 8 { bitmap.append(0) }
            bitmap[Int(type) / 8] |= 0x80 >> UInt8(type & 7)
        }
        return bitmap
    }

    /// `YYYYMMDDHHmmSS`, or seconds since 1970 (RFC 4034 §3.2).
    private static func time(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> UInt32 {
        let expected = "a time as YYYYMMDDHHmmSS or in seconds since 1970"
        let text = try tokens.next(expected).raw
        if text.count != 14 {
            guard let seconds = UInt32(decimal: text) else { throw tokens.fault(expected) }
            return seconds
        }
        guard let seconds = CompactTime.seconds(text) else { throw tokens.fault(expected) }
        return seconds
    }

    /// `[!]afi:address/prefix` (RFC 3123 §5).
    private static func prefix(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        let expected = "a prefix such as 1:192.0.2.0/24 or !2:2001:db8::/32"
        var text = try tokens.next(expected).raw
        let isNegated = text.first == UInt8(ascii: "!")
        if isNegated { text = text.dropFirst() }
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")),
            let slash = text.lastIndex(of: UInt8(ascii: "/")), colon < slash,
            let family = UInt16(decimal: text[..<colon]),
            let length = UInt8(decimal: text[(slash + 1)...]),
            let address = IPAddress(String(lossy: text[(colon + 1)..<slash])),
            address.isIPv4 ? family == 1 : family == 2, length <= address.octets.count * 8
        else { throw tokens.fault(expected) }
        // RFC 3123 §4: trailing zero octets are left out.
        let significant = address.octets.reversed().drop { $0 == 0 }.reversed()
        var wire: [UInt8] = []
        wire.appendShort(family)
        return wire + [length, UInt8(significant.count) | (isNegated ? 0x80 : 0)] + significant
    }

    /// RFC 4025 §3: the gateway, then the key, absent only for algorithm 0 (§2.4).
    private static func parseGateway(
        _ tokens: inout TokenReader, into wire: inout [UInt8]
    ) throws(MasterFile.Fault) {
        try parseHost(type: wire[1], &tokens, into: &wire)
        if !tokens.isAtEnd || wire[2] != 0 { wire += try base64(&tokens) }
    }

    /// RFC 8777 §4.3.1: the discovery bit and the type share an octet.
    private static func parseRelay(
        _ tokens: inout TokenReader, into wire: inout [UInt8]
    ) throws(MasterFile.Fault) {
        let discovery = try tokens.number("0 or 1", as: UInt8.self)
        guard discovery <= 1 else { throw tokens.fault("0 or 1") }
        let type = try tokens.number("a relay type from 0 to 3", as: UInt8.self)
        guard type <= 3 else { throw tokens.fault("a relay type from 0 to 3") }
        wire.append(discovery << 7 | type)
        try parseHost(type: type, &tokens, into: &wire)
    }

    private static func parseHost(
        type: UInt8, _ tokens: inout TokenReader, into wire: inout [UInt8]
    ) throws(MasterFile.Fault) {
        switch type {
        case 0:
            guard try tokens.next("a dot for no host").raw.elementsEqual([.dot]) else {
                throw tokens.fault("a dot for no host")
            }
        case 1: wire += try ipv4(&tokens)
        case 2: wire += try ipv6(&tokens)
        case 3: wire += try tokens.name().wire
        default: throw tokens.fault("a host type from 0 to 3")
        }
    }

    /// `pk-algorithm base16-hit base64-key rendezvous-servers` (RFC 8005 §6).
    private static func hostIdentity(
        _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> [UInt8] {
        let algorithm: UInt8 = try tokens.number("a number from 0 to 255")
        guard let tag = Hexadecimal.decode(try tokens.next("a host identity tag").raw),
            (1...255).contains(tag.count)
        else { throw tokens.fault("a host identity tag in hexadecimal") }
        guard let key = Base64.decode(try tokens.next("a public key").raw), key.count <= 65535
        else { throw tokens.fault("a public key in Base64") }
        var wire = [UInt8(tag.count), algorithm]
        wire.appendShort(UInt16(key.count))
        wire += tag + key
        while !tokens.isAtEnd { wire += try tokens.name().wire }
        return wire
    }

    private static func locator(
        _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> [UInt8] {
        let expected = "four groups of hexadecimal digits with colons"
        let groups = try tokens.next(expected).raw
            .split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var wire: [UInt8] = []
        for group in groups {
            guard groups.count == 4, (1...4).contains(group.count),
                let value = UInt16(String(lossy: group), radix: 16),
                group.allSatisfy({ $0.hexadecimalValue != nil })
            else { throw tokens.fault(expected) }
            wire.appendShort(value)
        }
        return wire
    }

    private static func hardware(
        _ tokens: inout TokenReader, count: Int
    ) throws(MasterFile.Fault) -> [UInt8] {
        let expected = "\(count) pairs of hexadecimal digits with dashes"
        let pairs = try tokens.next(expected).raw
            .split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard pairs.count == count, pairs.allSatisfy({ $0.count == 2 }),
            let octets = Hexadecimal.decode(pairs.joined())
        else { throw tokens.fault(expected) }
        return octets
    }
}

extension [UInt8] {
    /// Two octets in network order.
    package mutating func appendShort(_ value: UInt16) {
        append(UInt8(value >> 8))
        append(UInt8(truncatingIfNeeded: value))
    }

    /// Four octets in network order.
    package mutating func appendLong(_ value: UInt32) {
        appendShort(UInt16(value >> 16))
        appendShort(UInt16(truncatingIfNeeded: value))
    }
}
