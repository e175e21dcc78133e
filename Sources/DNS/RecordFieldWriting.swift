// SPDX-License-Identifier: Apache-2.0

import Bytes

extension RecordField {
    /// Takes this field's wire form and appends its presentation form.
    func write(_ reader: inout WireReader, into words: inout [String]) throws(SyntaxError) {
        switch self {
        case .compressedName, .oldName, .name:
            words.append(try reader.name(compression: false).absolute)
        case .octet: words.append(String(try reader.octet()))
        case .short: words.append(String(try reader.short()))
        case .long, .duration: words.append(String(try reader.long()))
        case .time: words.append(CompactTime.text(try reader.long()))
        case .ipv4: words.append(Self.address(try reader.take(4)))
        case .ipv6: words.append(Self.address(try reader.take(16)))
        case .string: words.append(Self.quoted(try reader.string()))
        case .optionalString: if !reader.isAtEnd { words.append(Self.quoted(try reader.string())) }
        case .strings:
            while !reader.isAtEnd { words.append(Self.quoted(try reader.string())) }
        case .text, .optionalText: words.append(Self.quoted(reader.takeRest()))
        case .tag: words.append(String(lossy: try reader.string()))
        case .hex: words.append(Hexadecimal.encode(reader.takeRest()))
        case .base64: words.append(Base64.encode(reader.takeRest()))
        case .optionalBase64: if !reader.isAtEnd { words.append(Base64.encode(reader.takeRest())) }
        case .base64OrDash:
            words.append(reader.isAtEnd ? "-" : Base64.encode(reader.takeRest()))
        case .prefixedHex: words.append("0x" + Hexadecimal.encode(reader.takeRest()))
        case .salt:
            let salt = try reader.string()
            words.append(salt.isEmpty ? "-" : Hexadecimal.encode(salt))
        case .base32: words.append(Base32Hex.encode(try reader.string()))
        case .types: words += try Self.types(&reader)
        case .oldTypes: words += Self.typeNames(reader.takeRest(), window: 0)
        case .type: words.append("\(RecordType(rawValue: try reader.short()))")
        case .algorithm: words.append(Mnemonics.algorithms.text(UInt16(try reader.octet())))
        case .scheme: words.append(Mnemonics.schemes.text(UInt16(try reader.octet())))
        case .certificateType:
            words.append(Mnemonics.certificateTypes.text(try reader.short()))
        case .services: words += try WellKnownServices.words(&reader)
        case .location: words += try Location.words(&reader)
        case .prefixes: while !reader.isAtEnd { words.append(try Self.prefix(&reader)) }
        case .gateway:
            words.append(try Self.host(type: reader.octets[1], &reader))
            if !reader.isAtEnd { words.append(Base64.encode(reader.takeRest())) }
        case .relay:
            let type = try reader.octet()
            words += [String(type >> 7), String(type & 0x7F)]
            words.append(try Self.host(type: type & 0x7F, &reader))
        case .hostIdentity: words += try Self.hostIdentity(&reader)
        case .locator:
            let groups = try (0..<4).map { _ throws(SyntaxError) in try reader.short() }
            words.append(groups.map(Self.fourDigits).joined(separator: ":"))
        case .hardware(let count):
            let octets = try reader.take(count)
            words.append(octets.map { Hexadecimal.encode([$0]) }.joined(separator: "-"))
        case .serviceParameters: words += try ServiceParameters.words(&reader)
        }
    }

    /// In quotes, with the escapes of RFC 1035 §5.1.
    static func quoted(_ octets: some Sequence<UInt8>) -> String {
        var text: [UInt8] = [0x22]
        for octet in octets {
            switch octet {
            case 0x22, 0x5C: text += [0x5C, octet]
            case 0x20...0x7E: text.append(octet)
            default:
                let digits = String(octet)
                text.append(0x5C)
                text += String(repeating: "0", count: 3 - digits.utf8.count).utf8
                text += digits.utf8
            }
        }
        text.append(0x22)
        return String(lossy: text)
    }

    private static func address(_ octets: ArraySlice<UInt8>) -> String {
        IPAddress(octets: Array(octets))?.description ?? ""
    }

    private static func fourDigits(_ value: UInt16) -> String {
        Hexadecimal.encode([UInt8(value >> 8), UInt8(truncatingIfNeeded: value)])
    }

    private static func types(_ reader: inout WireReader) throws(SyntaxError) -> [String] {
        var names: [String] = []
        while !reader.isAtEnd {
            let window = try reader.octet()
            names += typeNames(try reader.string(), window: window)
        }
        return names
    }

    private static func typeNames(_ bitmap: ArraySlice<UInt8>, window: UInt8) -> [String] {
        var names: [String] = []
        for (index, octet) in bitmap.enumerated() {
            for bit in 0..<8 where octet & (0x80 >> UInt8(bit)) != 0 {
                let value = UInt16(window) << 8 | UInt16(index * 8 + bit)
                names.append("\(RecordType(rawValue: value))")
            }
        }
        return names
    }

    private static func prefix(_ reader: inout WireReader) throws(SyntaxError) -> String {
        let family = try reader.short()
        let prefix = try reader.octet()
        let length = try reader.octet()
        let part = Array(try reader.take(Int(length & 0x7F)))
        let size = family == 1 ? 4 : 16
        guard family == 1 || family == 2, part.count <= size else {
            throw reader.error("an address of family 1 or 2")
        }
        let address = part + [UInt8](repeating: 0, count: size - part.count)
        return (length & 0x80 != 0 ? "!" : "") + "\(family):\(Self.address(address[...]))/\(prefix)"
    }

    private static func host(
        type: UInt8, _ reader: inout WireReader
    ) throws(SyntaxError) -> String {
        switch type {
        case 0: "."
        case 1: address(try reader.take(4))
        case 2: address(try reader.take(16))
        default: try reader.name(compression: false).absolute
        }
    }

    private static func hostIdentity(_ reader: inout WireReader) throws(SyntaxError) -> [String] {
        let tagLength = Int(try reader.octet())
        var words = [String(try reader.octet())]
        let keyLength = Int(try reader.short())
        words.append(Hexadecimal.encode(try reader.take(tagLength)))
        words.append(Base64.encode(try reader.take(keyLength)))
        while !reader.isAtEnd { words.append(try reader.name(compression: false).absolute) }
        return words
    }
}
