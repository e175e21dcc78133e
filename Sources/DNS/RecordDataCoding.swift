// SPDX-License-Identifier: Apache-2.0

package import Bytes

extension RecordData {
    /// Reads RDATA up to the reader's end, checked by its type's format.
    ///
    /// Octets of a type without a format are taken as they are (RFC 3597 §3).
    package init(_ type: RecordType, _ reader: inout WireReader) throws(SyntaxError) {
        if let format = RecordFormat.byType[type.rawValue] {
            try self.init(type, checked: try format.read(&reader))
        } else {
            self = .unknown(Array(reader.takeRest()))
        }
    }

    /// Octets that the type's format has passed.
    init(_ type: RecordType, checked wire: [UInt8]) throws(SyntaxError) {
        var reader = WireReader(wire)
        switch type {
        case .a: self = .a(IPv4Address(rawValue: try reader.long()))
        case .aaaa: self = .aaaa(IPv6Address(octets: Array(try reader.take(16))))
        case .cname: self = .cname(try reader.name())
        case .dname: self = .dname(try reader.name())
        case .ns: self = .ns(try reader.name())
        case .ptr: self = .ptr(try reader.name())
        case .mx: self = .mx(MX(preference: try reader.short(), exchange: try reader.name()))
        case .soa:
            self = .soa(
                SOA(
                    primary: try reader.name(), responsible: try reader.name(),
                    serial: try reader.long(), refresh: try reader.long(),
                    retry: try reader.long(), expire: try reader.long(),
                    minimum: try reader.long()))
        case .srv:
            self = .srv(
                SRV(
                    priority: try reader.short(), weight: try reader.short(),
                    port: try reader.short(), target: try reader.name()))
        case .tlsa:
            self = .tlsa(
                TLSA(
                    usage: try reader.octet(), selector: try reader.octet(),
                    matchingType: try reader.octet(), association: Array(reader.takeRest())))
        case .txt:
            var strings: [[UInt8]] = []
            while !reader.isAtEnd { strings.append(Array(try reader.string())) }
            self = .txt(strings)
        default: self = .unknown(wire)
        }
    }

    /// Wire form with names uncompressed and their letter case kept.
    package var wire: [UInt8] {
        var wire: [UInt8] = []
        switch self {
        case .a(let address): wire.appendLong(address.rawValue)
        case .aaaa(let address): wire = address.octets
        case .cname(let name), .dname(let name), .ns(let name), .ptr(let name): wire = name.wire
        case .mx(let mx):
            wire.appendShort(mx.preference)
            wire += mx.exchange.wire
        case .soa(let soa):
            wire = soa.primary.wire + soa.responsible.wire
            for value in [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum] {
                wire.appendLong(value)
            }
        case .srv(let srv):
            for value in [srv.priority, srv.weight, srv.port] { wire.appendShort(value) }
            wire += srv.target.wire
        case .tlsa(let tlsa):
            wire = [tlsa.usage, tlsa.selector, tlsa.matchingType] + tlsa.association
        case .txt(let strings):
            for string in strings { RecordField.append(string.prefix(255), to: &wire) }
        case .unknown(let octets): wire = octets
        }
        return wire
    }

    /// Presentation form on one line; `\# n hex` (RFC 3597 §5) for a type without a format, and
    /// for data that the format cannot express, such as a place beyond the poles.
    package func text(as type: RecordType) -> String {
        let wire = wire
        if let format = RecordFormat.byType[type.rawValue], let text = try? format.text(of: wire),
            isRead(from: text, as: type)
        {
            return text
        }
        return wire.isEmpty ? "\\# 0" : "\\# \(wire.count) \(Hexadecimal.encode(wire))"
    }

    /// Whether the text stands for this data and no other; wire forms may say the same in many
    /// ways, of which text knows one.
    private func isRead(from text: String, as type: RecordType) -> Bool {
        guard case .unknown = self else { return true }
        return (try? RecordData(type, text: text)) == self
    }

    /// Reads presentation form as a master file has it, names without a final dot below `origin`.
    ///
    /// With `takesDottedNamesWhole` only names without any dot stand there: what a person types on
    /// a command line as `mail.example.org` is meant so.
    package init(
        _ type: RecordType, text: some StringProtocol, origin: Name = .root,
        takesDottedNamesWhole: Bool = false
    ) throws(MasterFile.Fault) {
        var scanner = MasterFileScanner(Array(text.utf8))
        let entry = try scanner.next()
        if try scanner.next() != nil {
            throw MasterFile.Fault(line: 2, column: 1, token: "", expected: "data on one line")
        }
        var tokens = TokenReader(
            entry: entry
                ?? MasterFileEntry(beginsBlank: false, tokens: [], endLine: 1, endColumn: 1),
            origin: origin, takesDottedNamesWhole: takesDottedNamesWhole)
        try self.init(type, &tokens)
    }

    /// The rest of an entry as RDATA: in its type's own form or, for any type, as `\# n hex`.
    init(_ type: RecordType, _ tokens: inout TokenReader) throws(MasterFile.Fault) {
        let wire: [UInt8]
        let first = tokens.peek
        if let first, first.raw.count == 2, !first.isQuoted, first.raw.elementsEqual("\\#".utf8) {
            wire = try Self.generic(type, &tokens)
        } else {
            if let data = try Self.common(type, &tokens) {
                try tokens.end()
                self = data
                return
            }
            guard let format = RecordFormat.byType[type.rawValue] else {
                throw tokens.fault(
                    "\\# with a length and hexadecimal digits, as \(type) has no form of its own",
                    at: first)
            }
            wire = try format.parse(&tokens)
        }
        try tokens.end()
        guard wire.count <= RecordFormat.maximumOctets else {
            throw tokens.fault("data of at most 65535 octets")
        }
        if let problem = RecordFormat.byType[type.rawValue]?.problem(wire) {
            throw tokens.fault(problem, at: first)
        }
        do {
            try self.init(type, checked: wire)
        } catch {
            throw tokens.fault(error.expected)
        }
    }

    /// The types that make up most zones, without the way over the wire form; nil for others.
    private static func common(
        _ type: RecordType, _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> RecordData? {
        switch type {
        case .a: return .a(try RecordField.ipv4Address(&tokens))
        case .aaaa: return .aaaa(try RecordField.ipv6Address(&tokens))
        case .ns: return .ns(try tokens.name())
        case .cname: return .cname(try tokens.name())
        case .ptr: return .ptr(try tokens.name())
        case .mx:
            let preference: UInt16 = try tokens.number("a number from 0 to 65535")
            return .mx(MX(preference: preference, exchange: try tokens.name()))
        default: return nil
        }
    }

    /// `\# length hexadecimal` (RFC 3597 §5); octets of a known type must be valid for it.
    private static func generic(
        _ type: RecordType, _ tokens: inout TokenReader
    ) throws(MasterFile.Fault) -> [UInt8] {
        let marker = try tokens.next("\\#")
        let length: UInt16 = try tokens.number("the length of the data in octets")
        let digits = tokens.isAtEnd ? [] : try tokens.rest("hexadecimal digits")
        guard let octets = Hexadecimal.decode(digits), octets.count == length else {
            throw tokens.fault("\(length) pairs of hexadecimal digits")
        }
        guard let format = RecordFormat.byType[type.rawValue] else { return octets }
        var reader = WireReader(octets)
        let wire: [UInt8]
        do {
            wire = try format.read(&reader)
        } catch {
            throw tokens.fault(
                "valid \(type) data: \(error.expected) at octet \(error.offset + 1)", at: marker)
        }
        // RFC 3597 §5: names are written whole; a pointer would point into nothing.
        guard wire == octets else {
            throw tokens.fault("\(type) data without compressed names", at: marker)
        }
        return wire
    }
}
