// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import ZoneCheck

/// Names, types and data as people type them for the commands `zone.…`.
enum ZoneArguments {
    /// In one change set: a page of a customer centre has fewer, a script may ask again.
    static let maximumEdits = 5000

    /// A name in full; letters beyond ASCII become A-labels (RFC 5891).
    static func name(_ text: String) throws(ControlFailure) -> Name {
        do throws(SyntaxError) {
            let ascii = text.isASCII ? text : try InternationalDomain.toASCII(text)
            guard !ascii.isEmpty else { throw SyntaxError(at: 0, expected: "a name") }
            return try Name(ascii)
        } catch {
            throw .data("`\(text)` is no domain name: \(error)")
        }
    }

    /// A name that may leave out the zone's: one without any dot stands below it, `@` is it.
    static func name(_ text: String, below origin: Name) throws(ControlFailure) -> Name {
        if text == "@" { return origin }
        let name = try name(text)
        guard name.labelCount == 1, !text.hasSuffix("."), !text.contains("\\.") else {
            return name
        }
        guard let full = Name(labels: (name.labels + origin.labels).map(Array.init)) else {
            throw .data("`\(text)` makes too long a name")
        }
        return full
    }

    static func type(_ text: String) throws(ControlFailure) -> RecordType {
        guard let type = RecordType(mnemonic: text.utf8),
            ![.opt, .tsig, .ixfr, .axfr, .any].contains(type)
        else { throw .data("`\(text)` is no type of record, such as A, MX or TXT") }
        return type
    }

    /// Data as in a master file, but for two things that people mean otherwise: a name with a dot
    /// in it is whole, and text without quotes is all one text.
    static func data(
        _ type: RecordType, _ text: String, below origin: Name
    ) throws(ControlFailure) -> RecordData {
        if type == .txt, !text.isEmpty, !text.hasPrefix("\""), !text.hasPrefix("\\#") {
            return .txt(ManagedRecord.cut(Array(text.utf8)))
        }
        do {
            return try RecordData(type, text: text, origin: origin, takesDottedNamesWhole: true)
        } catch {
            let found = error.token.isEmpty ? "" : ", found \"\(error.token)\""
            throw .data("`\(text)` is no \(type) data: expected \(error.expected)\(found)")
        }
    }

    static func ttl(_ json: JSON) throws(ControlFailure) -> UInt32? {
        guard let value = json["ttl"], value != .null else { return nil }
        // RFC 2181 §8: 31 bits.
        guard let number = value.integer, (0...0x7FFF_FFFF).contains(number) else {
            throw .data("a TTL is a number of seconds up to 2147483647")
        }
        return UInt32(number)
    }

    static func preference(_ json: JSON) throws(ControlFailure) -> UInt16? {
        guard let value = json["preference"], value != .null else { return nil }
        guard let number = value.integer, let preference = UInt16(exactly: number) else {
            throw .data("a preference is a number from 0 to 65535; the lowest is tried first")
        }
        return preference
    }
}

/// One edit as it was asked for, before its zone is known.
struct AskedEdit {
    private let json: JSON
    /// Whose records are meant; the nearest zone above it is edited.
    let name: String
    private let verb: String

    init(_ json: JSON) throws(ControlFailure) {
        self.json = json
        guard let verb = json["edit"]?.string else { throw .usage("an edit lacks `edit`") }
        guard let name = json["name"]?.string else {
            throw .usage("the edit `\(verb)` lacks `name`")
        }
        self.verb = verb
        self.name = name
    }

    /// What the zone's history says of it.
    var summary: String {
        let words = ["type", "host"].compactMap { json[$0]?.string }
        let data = json["data"]?.string ?? json["data"]?.array?.first?.string
        let number = json["preference"]?.integer.map { "\($0)" }
        let text = ([verb, name] + words + [number, data].compactMap { $0 })
            .joined(separator: " ")
        return text.count > 100 ? text.prefix(100) + "…" : text
    }

    /// The edits of the zone with these records.
    func edits(
        in origin: Name, _ records: [ResourceRecord]
    ) throws(ControlFailure) -> [ZoneEdit] {
        let name = try ZoneArguments.name(name, below: origin)
        let ttl = try ZoneArguments.ttl(json)
        switch verb {
        case "add":
            let type = try type()
            let data = try data(type, origin)
            guard !data.isEmpty else { throw .usage("the edit `add` lacks `data`") }
            // A set has one TTL (RFC 2181 §5.2): that of what is there already.
            let usual = records.first { $0.type == type && $0.owner == name }?.ttl
            return data.map {
                .addRecord(
                    ResourceRecord(
                        owner: name, type: type, ttl: ttl ?? usual ?? ZoneChange.defaultTTL,
                        data: $0))
            }
        case "set":
            let type = try type()
            let data = try data(type, origin)
            guard !data.isEmpty else { throw .usage("the edit `set` lacks `data`") }
            return [.setRecords(name, type, data, ttl: ttl)]
        case "remove":
            let type = try type()
            let data = try data(type, origin)
            return data.isEmpty
                ? [.removeRecords(name, type, nil)] : data.map { .removeRecords(name, type, $0) }
        case "mx-add":
            return [
                .addExchange(
                    of: name, host: try host(origin),
                    preference: try ZoneArguments.preference(json), ttl: ttl)
            ]
        case "mx-set":
            let preference = try ZoneArguments.preference(json)
            guard preference != nil || ttl != nil else {
                throw .usage("say what is to be set: a preference, a TTL or both")
            }
            return [
                .setExchange(of: name, host: try host(origin), preference: preference, ttl: ttl)
            ]
        case "mx-remove": return [.removeExchange(of: name, host: try host(origin))]
        case "null-mx": return [.nullMX(name)]
        default:
            throw .usage(
                "`\(verb)` is no edit: add, set, remove, mx-add, mx-set, mx-remove or null-mx")
        }
    }

    private func type() throws(ControlFailure) -> RecordType {
        guard let text = json["type"]?.string else {
            throw .usage("the edit `\(verb)` lacks `type`")
        }
        return try ZoneArguments.type(text)
    }

    /// One text or a list of them.
    private func data(
        _ type: RecordType, _ origin: Name
    ) throws(ControlFailure) -> [RecordData] {
        var texts: [String] = []
        if let text = json["data"]?.string { texts = [text] }
        for text in json["data"]?.array ?? [] {
            guard let text = text.string else { throw .usage("`data` is text") }
            texts.append(text)
        }
        var data: [RecordData] = []
        for text in texts { data.append(try ZoneArguments.data(type, text, below: origin)) }
        return data
    }

    private func host(_ origin: Name) throws(ControlFailure) -> Name {
        guard let text = json["host"]?.string else {
            throw .usage("the edit `\(verb)` lacks `host`")
        }
        return try ZoneArguments.name(text, below: origin)
    }
}
