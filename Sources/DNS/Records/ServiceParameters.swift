// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The parameters of SVCB and HTTPS (RFC 9460 §2.1, §2.2).
enum ServiceParameters {
    private static let keys: [(String, UInt16)] = [
        ("mandatory", 0), ("alpn", 1), ("no-default-alpn", 2), ("port", 3), ("ipv4hint", 4),
        ("ech", 5), ("ipv6hint", 6), ("dohpath", 7), ("ohttp", 8), ("tls-supported-groups", 9),
        ("docpath", 10),
    ]

    /// Keys whose values hold no escapes: numbers, addresses, Base64 and names of keys.
    private static let unescaped: Set<UInt16> = [0, 3, 4, 5, 6]

    private static func key(_ text: ArraySlice<UInt8>) -> UInt16? {
        if let known = keys.first(where: { $0.0.utf8.elementsEqual(text) }) { return known.1 }
        let digits = text.dropFirst(3)
        guard text.starts(with: "key".utf8), digits.count == 1 || digits.first != 0x30,
            let number = UInt16(decimal: digits), number != 65535
        else { return nil }
        return number
    }

    private static func name(_ key: UInt16) -> String {
        keys.first { $0.1 == key }?.0 ?? "key\(key)"
    }

    static func parse(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        var parameters: [UInt16: [UInt8]] = [:]
        while let token = tokens.peek {
            _ = try tokens.next("a service parameter")
            let split = token.raw.firstIndex(of: UInt8(ascii: "="))
            let word = token.raw[..<(split ?? token.raw.endIndex)]
            guard !token.isQuoted, let key = key(word) else {
                throw tokens.fault("a service parameter: alpn=…, port=…, keyNNNNN=…")
            }
            var part = token
            part.raw = split.map { token.raw[($0 + 1)...] } ?? []
            if split != nil, part.raw.isEmpty, let quoted = tokens.peek, quoted.isQuoted,
                quoted.adjoins
            {
                part = try tokens.next("a value")
            }
            // Appendix A: a <char-string> has at least one octet, or quotes.
            guard split == nil || part.isQuoted || !part.raw.isEmpty else {
                throw tokens.fault("a value behind the equals sign, or no equals sign")
            }
            let content = try tokens.content(of: part)
            var value = content
            // RFC 9460 §2.1: the value of keyNNNNN is its wire form, whatever the key.
            if !word.starts(with: "key".utf8) {
                // §7.2, §7.3: no escapes, so that a value is simple to read.
                guard !unescaped.contains(key) || !part.raw.contains(UInt8(ascii: "\\")) else {
                    throw tokens.fault("a value of \(name(key)) without escapes")
                }
                value = try self.value(key, content, tokens)
            }
            guard isValid(key, value), value.count <= 65535 else {
                throw tokens.fault("a valid wire form for \(name(key)) (RFC 9460 §2.1)")
            }
            guard parameters.updateValue(value, forKey: key) == nil else {
                throw tokens.fault("each service parameter once")
            }
        }
        if let problem = inconsistency(of: parameters) { throw tokens.fault(problem) }
        var wire: [UInt8] = []
        for (key, value) in parameters.sorted(by: { $0.key < $1.key }) {
            wire.appendShort(key)
            wire.appendShort(UInt16(value.count))
            wire += value
        }
        return wire
    }

    /// RFC 9460 §8 and §7.1.1: what one parameter asks of the others.
    private static func inconsistency(of parameters: [UInt16: [UInt8]]) -> String? {
        if parameters[2] != nil, parameters[1] == nil {
            return "alpn beside no-default-alpn (RFC 9460 §7.1.1)"
        }
        var mandatory = (parameters[0] ?? [])[...]
        while mandatory.count >= 2 {
            let key = UInt16(mandatory.removeFirst()) << 8 | UInt16(mandatory.removeFirst())
            if parameters[key] == nil { return "\(name(key)), which is said to be mandatory" }
        }
        return nil
    }

    private static func value(
        _ key: UInt16, _ text: [UInt8], _ tokens: TokenReader
    ) throws(MasterFile.Fault) -> [UInt8] {
        let wire: [UInt8]?
        switch key {
        case 0: wire = mandatory(text)
        case 1: wire = protocols(text)
        case 2, 8: wire = text.isEmpty ? [] : nil
        case 3: wire = shorts([text[...]])
        case 4: wire = addresses(text, isIPv4: true)
        case 5: wire = text.isEmpty ? nil : Base64.decode(text)
        case 6: wire = addresses(text, isIPv4: false)
        case 7: wire = text.isEmpty ? nil : text
        case 9: wire = shorts(commaList(text))
        case 10: wire = text.isEmpty ? [] : protocols(text)
        default: wire = text
        }
        guard let wire, wire.count <= 65535 else {
            throw tokens.fault("a valid value for \(name(key)) (RFC 9460 §7)")
        }
        return wire
    }

    /// Whether the octets can be the wire form of a key's value.
    private static func isValid(_ key: UInt16, _ value: [UInt8]) -> Bool {
        switch key {
        case 0: isMandatory(value)
        case 1: !value.isEmpty && isList(value)
        case 2, 8: value.isEmpty
        case 3: value.count == 2
        case 4: !value.isEmpty && value.count.isMultiple(of: 4)
        case 5, 7: !value.isEmpty
        case 6: !value.isEmpty && value.count.isMultiple(of: 16)
        case 9: !value.isEmpty && value.count.isMultiple(of: 2)
        case 10: isList(value)
        default: true
        }
    }

    /// RFC 9460 §8: keys in strictly rising order, without `mandatory` itself.
    private static func isMandatory(_ value: [UInt8]) -> Bool {
        guard !value.isEmpty, value.count.isMultiple(of: 2) else { return false }
        let keys = stride(from: 0, to: value.count, by: 2).map {
            UInt16(value[$0]) << 8 | UInt16(value[$0 + 1])
        }
        return keys[0] != 0 && zip(keys, keys.dropFirst()).allSatisfy(<)
    }

    /// Whether the octets are strings with their lengths, none of them empty.
    private static func isList(_ value: [UInt8]) -> Bool {
        var rest = value[...]
        while let length = rest.popFirst() {
            guard length > 0, rest.count >= Int(length) else { return false }
            rest = rest.dropFirst(Int(length))
        }
        return true
    }

    private static func commaList(_ text: [UInt8]) -> [ArraySlice<UInt8>] {
        text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    }

    private static func shorts(_ texts: [ArraySlice<UInt8>]) -> [UInt8]? {
        var wire: [UInt8] = []
        for text in texts {
            guard let number = UInt16(decimal: text) else { return nil }
            wire.appendShort(number)
        }
        return wire
    }

    /// RFC 9460 §8: keys in rising order, each once, `mandatory` itself not among them.
    private static func mandatory(_ text: [UInt8]) -> [UInt8]? {
        var numbers: [UInt16] = []
        for word in commaList(text) {
            guard let number = key(word), number != 0, !numbers.contains(number) else { return nil }
            numbers.append(number)
        }
        var wire: [UInt8] = []
        for number in numbers.sorted() { wire.appendShort(number) }
        return wire
    }

    /// `alpn` and `docpath`; RFC 9460 appendix A.1: commas separate, `\,` and `\\` are octets of the value.
    private static func protocols(_ text: [UInt8]) -> [UInt8]? {
        var values: [[UInt8]] = [[]]
        var isEscaped = false
        for octet in text {
            if isEscaped {
                guard octet == UInt8(ascii: ",") || octet == UInt8(ascii: "\\") else { return nil }
                values[values.count - 1].append(octet)
                isEscaped = false
            } else if octet == UInt8(ascii: "\\") {
                isEscaped = true
            } else if octet == UInt8(ascii: ",") {
                values.append([])
            } else {
                values[values.count - 1].append(octet)
            }
        }
        guard !isEscaped, values.allSatisfy({ (1...255).contains($0.count) }) else { return nil }
        return values.flatMap { [UInt8($0.count)] + $0 }
    }

    private static func addresses(_ text: [UInt8], isIPv4: Bool) -> [UInt8]? {
        var wire: [UInt8] = []
        for word in commaList(text) {
            guard let address = IPAddress(String(lossy: word)), address.isIPv4 == isIPv4 else {
                return nil
            }
            wire += address.octets
        }
        return wire
    }

    static func read(_ reader: inout WireReader, into wire: inout [UInt8]) throws(SyntaxError) {
        var previous = -1
        var parameters: [UInt16: [UInt8]] = [:]
        while !reader.isAtEnd {
            let key = try reader.short()
            let length = try reader.short()
            guard Int(key) > previous else { throw reader.error("parameters in rising order") }
            previous = Int(key)
            wire.appendShort(key)
            wire.appendShort(length)
            let value = Array(try reader.take(Int(length)))
            guard isValid(key, value) else { throw reader.error("a valid value for \(name(key))") }
            wire += value
            parameters[key] = value
        }
        if let problem = inconsistency(of: parameters) { throw reader.error(problem) }
    }

    static func words(_ reader: inout WireReader) throws(SyntaxError) -> [String] {
        var words: [String] = []
        while !reader.isAtEnd {
            let key = try reader.short()
            let value = Array(try reader.take(Int(try reader.short())))
            let text = value.isEmpty ? nil : try text(key, value)
            words.append(name(key) + (text.map { "=\($0)" } ?? ""))
        }
        return words
    }

    private static func text(_ key: UInt16, _ value: [UInt8]) throws(SyntaxError) -> String {
        var reader = WireReader(value)
        var parts: [String] = []
        switch key {
        case 0, 3, 9:
            while !reader.isAtEnd {
                let number = try reader.short()
                parts.append(key == 0 ? name(number) : String(number))
            }
        case 1, 10:
            var list: [UInt8] = []
            while !reader.isAtEnd {
                if !list.isEmpty { list.append(UInt8(ascii: ",")) }
                for octet in try reader.string() {
                    if octet == UInt8(ascii: ",") || octet == 0x5C { list.append(0x5C) }
                    list.append(octet)
                }
            }
            return RecordField.quoted(list)
        case 4, 6:
            while !reader.isAtEnd {
                let octets = Array(try reader.take(key == 4 ? 4 : 16))
                parts.append(IPAddress(octets: octets)?.description ?? "")
            }
        case 5: return Base64.encode(value)
        default: return RecordField.quoted(value)
        }
        return parts.joined(separator: ",")
    }
}
