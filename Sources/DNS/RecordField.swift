// SPDX-License-Identifier: Apache-2.0

import Bytes

/// One field of RDATA, by the form it has on the wire and in text.
enum RecordField: Sendable {
    /// A name that may be compressed both ways (RFC 3597 §4: only the types of RFC 1035).
    case compressedName
    /// A name that is written whole, but was compressed by older software.
    case oldName
    /// A name that is never compressed.
    case name
    case octet
    case short
    case long
    /// 32 bits of seconds, units allowed in text.
    case duration
    /// 32 bits, in text `YYYYMMDDHHmmSS` (RFC 4034 §3.2).
    case time
    case ipv4
    case ipv6
    case string
    case optionalString
    /// One `<character-string>` and more.
    case strings
    /// The rest as one string without a length; `text` is not empty.
    case text
    case optionalText
    /// CAA's property: letters and digits (RFC 8659 §4.1).
    case tag
    /// The rest in hexadecimal, Base64, or Base64 with `-` for nothing.
    case hex
    case base64
    case optionalBase64
    case base64OrDash
    /// `0x` and digits, dots between them (RFC 1706 §6).
    case prefixedHex
    /// Octets with a length: hexadecimal, or `-` for none (RFC 5155 §3.3).
    case salt
    /// Octets with a length, in base 32 (RFC 5155 §3.3).
    case base32
    /// The set of types at a name (RFC 4034 §4.1.2), and its older form (RFC 2535 §5.2).
    case types
    case oldTypes
    case type
    /// A DNSSEC algorithm, a certificate type, a scheme of notification: numbers that have names too.
    case algorithm
    case certificateType
    case scheme
    /// A protocol and its ports (RFC 1035 §3.4.2).
    case services
    case location
    case prefixes
    case gateway
    case relay
    case hostIdentity
    /// Four groups of hexadecimal digits (RFC 6742 §2.1).
    case locator
    /// Pairs of hexadecimal digits with dashes (RFC 7043 §3.2).
    case hardware(Int)
    case serviceParameters
}

extension RecordField {
    /// Checks this field on the wire and appends it, names uncompressed.
    func read(_ reader: inout WireReader, into wire: inout [UInt8]) throws(SyntaxError) {
        switch self {
        case .compressedName, .oldName: wire += try reader.name().wire
        case .name: wire += try reader.name(compression: false).wire
        case .octet, .algorithm, .scheme: wire.append(try reader.octet())
        case .short, .type, .certificateType: wire += try reader.take(2)
        case .long, .duration, .time, .ipv4: wire += try reader.take(4)
        case .ipv6: wire += try reader.take(16)
        case .locator: wire += try reader.take(8)
        case .hardware(let count): wire += try reader.take(count)
        case .string, .salt, .base32: Self.append(try reader.string(), to: &wire)
        case .tag:
            let tag = try reader.string()
            guard !tag.isEmpty, tag.allSatisfy(\.isAlphanumeric) else {
                throw reader.error("a property of letters and digits")
            }
            Self.append(tag, to: &wire)
        case .optionalString:
            if !reader.isAtEnd { Self.append(try reader.string(), to: &wire) }
        case .strings:
            repeat { Self.append(try reader.string(), to: &wire) } while !reader.isAtEnd
        case .text, .hex, .base64, .prefixedHex:
            guard !reader.isAtEnd else { throw reader.error("at least one octet") }
            wire += reader.takeRest()
        case .optionalText, .optionalBase64, .base64OrDash, .oldTypes:
            wire += reader.takeRest()
        case .services:
            wire.append(try reader.octet())
            guard reader.remaining <= 8192 else { throw reader.error("at most 65536 ports") }
            wire += reader.takeRest()
        case .types: try Self.readTypes(&reader, into: &wire)
        case .location:
            wire += try reader.take(16)
            guard wire[0] == 0 else { throw reader.error("version 0 of LOC") }
        case .prefixes: try Self.readPrefixes(&reader, into: &wire)
        case .gateway:
            try Self.readHost(type: wire[1], &reader, into: &wire)
            wire += reader.takeRest()
        case .relay:
            let type = try reader.octet()
            wire.append(type)
            try Self.readHost(type: type & 0x7F, &reader, into: &wire)
        case .hostIdentity: try Self.readHostIdentity(&reader, into: &wire)
        case .serviceParameters: try ServiceParameters.read(&reader, into: &wire)
        }
    }

    static func append(_ string: some Collection<UInt8>, to wire: inout [UInt8]) {
        wire.append(UInt8(string.count))
        wire += string
    }

    /// Windows in rising order, 1 to 32 octets each (RFC 4034 §4.1.2).
    private static func readTypes(
        _ reader: inout WireReader, into wire: inout [UInt8]
    ) throws(SyntaxError) {
        var previous = -1
        while !reader.isAtEnd {
            let window = try reader.octet()
            let bits = try reader.string()
            guard Int(window) > previous, (1...32).contains(bits.count) else {
                throw reader.error("windows of types in rising order")
            }
            previous = Int(window)
            wire.append(window)
            append(bits, to: &wire)
        }
    }

    /// `ADDRESSFAMILY PREFIX N|AFDLENGTH AFDPART` (RFC 3123 §4).
    private static func readPrefixes(
        _ reader: inout WireReader, into wire: inout [UInt8]
    ) throws(SyntaxError) {
        while !reader.isAtEnd {
            wire += try reader.take(3)
            let length = try reader.octet()
            wire.append(length)
            wire += try reader.take(Int(length & 0x7F))
        }
    }

    /// Nothing, an IPv4 address, an IPv6 address or a name (RFC 4025 §2.5, RFC 8777 §4.2.3).
    private static func readHost(
        type: UInt8, _ reader: inout WireReader, into wire: inout [UInt8]
    ) throws(SyntaxError) {
        switch type {
        case 0: break
        case 1: wire += try reader.take(4)
        case 2: wire += try reader.take(16)
        case 3: wire += try reader.name(compression: false).wire
        default: throw reader.error("a host of type 0 to 3")
        }
    }

    /// RFC 8005 §5.
    private static func readHostIdentity(
        _ reader: inout WireReader, into wire: inout [UInt8]
    ) throws(SyntaxError) {
        let head = Array(try reader.take(4))
        wire += head
        wire += try reader.take(Int(head[0]))
        wire += try reader.take(Int(head[2]) << 8 | Int(head[3]))
        while !reader.isAtEnd { wire += try reader.name(compression: false).wire }
    }
}
