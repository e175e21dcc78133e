// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// A `Resolver` over a closed world written as one JSON object, format `dns-fixture-1`.
///
/// Names are without a final dot and case-insensitive. What it does not hold does not exist: a
/// name with records but none of the type asked answers NODATA, so does one that only has
/// descendants (RFC 8020), and any other NXDOMAIN. It never touches the network.
package struct Fixture: Resolver {
    /// Why a JSON text is no fixture.
    package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        package var reason: String
        package var description: String { "DNS fixture: \(reason)" }
    }

    private var catalog = RecordCatalog()
    private var secure: Set<Name> = []
    private var failures: [Name: [(type: RecordType?, failure: Answer.Failure)]] = [:]

    /// Reads the JSON text of a fixture.
    package init(parsing octets: some Collection<UInt8>) throws(Fault) {
        let json: JSON
        do {
            json = try JSON(parsing: octets)
        } catch {
            throw Fault(reason: "this is not JSON: \(error)")
        }
        try self.init(json: json)
    }

    /// Takes a decoded fixture: `format`, `records`, `secure`, `timeout`, `servfail`.
    package init(json: JSON) throws(Fault) {
        guard json["format"]?.string == "dns-fixture-1" else {
            throw Fault(reason: "\"format\" must be \"dns-fixture-1\"")
        }
        for (owner, list) in try Self.members(json["records"], "records") {
            let name = try Self.name(owner)
            guard let records = list.array else {
                throw Fault(reason: "the records of \(owner) must be an array")
            }
            // A name with an empty list exists, without records.
            catalog.add(name)
            for record in records { catalog.add(try Self.record(record, owner: name)) }
        }
        for name in try Self.elements(json["secure"], "secure") {
            guard let text = name.string else { throw Fault(reason: "\"secure\" holds names") }
            secure.insert(try Self.name(text))
        }
        try readFailures(json["timeout"], "timeout", .timeout)
        try readFailures(json["servfail"], "servfail", .serverFailure)
    }

    package func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        catalog.resolve(name, type, isSecure: secure.contains) { name in
            guard let listed = failures[name] else { return nil }
            if let exact = listed.first(where: { $0.type == type }) { return exact.failure }
            // "*" stands for every type not otherwise listed: records of the type are an answer.
            guard catalog.records(of: name, type).isEmpty else { return nil }
            return listed.first { $0.type == nil }?.failure
        }
    }

    private mutating func readFailures(
        _ json: JSON?, _ key: String, _ failure: Answer.Failure
    ) throws(Fault) {
        for element in try Self.elements(json, key) {
            guard let name = element["name"]?.string, let type = element["type"]?.string else {
                throw Fault(reason: "\"\(key)\" holds objects with \"name\" and \"type\"")
            }
            failures[try Self.name(name), default: []]
                .append((type == "*" ? nil : try Self.type(type), failure))
        }
    }

    private static func members(_ json: JSON?, _ key: String) throws(Fault) -> [(String, JSON)] {
        guard let json, json != .null else { return [] }
        guard let members = json.object else { throw Fault(reason: "\"\(key)\" is no object") }
        return members
    }

    private static func elements(_ json: JSON?, _ key: String) throws(Fault) -> [JSON] {
        guard let json, json != .null else { return [] }
        guard let elements = json.array else { throw Fault(reason: "\"\(key)\" is no array") }
        return elements
    }

    private static func name(_ text: String) throws(Fault) -> Name {
        do {
            return try Name(text)
        } catch {
            throw Fault(reason: "\"\(text)\" is no domain name: \(error)")
        }
    }

    private static func type(_ text: String) throws(Fault) -> RecordType {
        guard let type = RecordType(mnemonic: Array(text.utf8)) else {
            throw Fault(reason: "\"\(text)\" is no record type")
        }
        return type
    }

    private static func record(_ json: JSON, owner: Name) throws(Fault) -> ResourceRecord {
        guard let mnemonic = json["type"]?.string, let data = json["data"] else {
            throw Fault(reason: "a record of \(owner) lacks \"type\" or \"data\"")
        }
        let type = try type(mnemonic)
        let ttl = json["ttl"]?.integer ?? 300
        guard let ttl = UInt32(exactly: ttl) else {
            throw Fault(reason: "the TTL \(ttl) of \(owner) \(mnemonic) is out of range")
        }
        do {
            return ResourceRecord(
                owner: owner, type: type, ttl: ttl, data: try Self.data(type, data))
        } catch {
            throw Fault(reason: "\(owner) \(mnemonic): \(error)")
        }
    }

    /// A text as in a master file, or a list of character-strings; a list of none is an empty text.
    private static func data(
        _ type: RecordType, _ json: JSON
    ) throws(MasterFile.Fault) -> RecordData {
        if let text = json.string { return try data(type, text) }
        guard let elements = json.array else {
            throw fault("a text or a list of character-strings")
        }
        var strings: [ArraySlice<UInt8>] = elements.isEmpty ? [[]] : []
        for element in elements {
            guard let text = element.string, text.unicodeScalars.allSatisfy({ $0.value < 256 })
            else { throw fault("character-strings of U+0000 to U+00FF") }
            var octets = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }[...]
            // Keys are longer than a character-string can be (RFC 1035 §3.3): they are cut as
            // whoever publishes them would cut them.
            while octets.count > 255 {
                strings.append(octets.prefix(255))
                octets = octets.dropFirst(255)
            }
            strings.append(octets)
        }
        let wire = strings.flatMap { [UInt8($0.count)] + $0 }
        var reader = WireReader(wire)
        do {
            return try RecordData(type, &reader)
        } catch {
            throw fault(error.expected)
        }
    }

    /// Names are without a final dot, so that the root has none at all: the last name may be empty.
    private static func data(
        _ type: RecordType, _ text: String
    ) throws(MasterFile.Fault) -> RecordData {
        let fields = text.split(separator: " ")
        switch type {
        case .mx where fields.count == 1: return try RecordData(type, text: fields[0] + " .")
        case .cname where fields.isEmpty, .ptr where fields.isEmpty, .ns where fields.isEmpty:
            return try RecordData(type, text: ".")
        default: return try RecordData(type, text: text)
        }
    }

    private static func fault(_ expected: String) -> MasterFile.Fault {
        MasterFile.Fault(line: 1, column: 1, token: "", expected: expected)
    }
}
