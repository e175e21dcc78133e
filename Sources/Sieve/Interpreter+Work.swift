// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail

// What a run may look at: a command is cheap, but may name thousands of fields of a long header.
extension Interpreter {
    /// What things cost, in octets compared: about two nanoseconds each.
    enum Cost {
        /// A string of the script, a variable in it, or a field passed over.
        static let item = 16
        /// The header of a part.
        static let header = 1024
        /// An address whose part is taken.
        static let address = 128
        /// To decode an octet of a field, or to take addresses from it.
        static let fieldOctet = 16
        /// To decode an octet of the body.
        static let bodyOctet = 4
        /// To read an octet of a script that is included.
        static let scriptOctet = 64
        /// An octet of flags: each is sought among the others.
        static let flagOctet = 64
        /// A question to the account's store.
        static let question = 4096
    }

    /// Takes something from what the run may read and compare in all.
    mutating func work(_ octets: Int, at line: Int) throws(Interruption) {
        do throws(Matcher.Exhausted) {
            try matcher.spend(octets)
        } catch {
            throw failure(line, "the script's tests compare too much text")
        }
    }

    /// As much as it takes to look through the whole header.
    mutating func workThroughHeader(at line: Int) throws(Interruption) {
        try work((bodyStart - incoming.message.startIndex) * Cost.fieldOctet, at: line)
    }

    /// The decoded values of the fields of a name, one for each.
    mutating func decodedValues(
        _ name: String, at line: Int
    ) throws(Interruption) -> [ArraySlice<UInt8>] {
        let key = name.asciiLowercased
        if let known = known.values[key] {
            try work(known.count * Cost.item, at: line)
            return known
        }
        let found = try selected(key, in: fields, at: line).map {
            Array($0.decoded.trimmed.utf8)[...]
        }
        known.values[key] = found
        return found
    }

    /// The addresses in the fields of a name, a list for each field.
    mutating func participants(
        _ name: String, at line: Int
    ) throws(Interruption) -> [[Participant]] {
        let key = name.asciiLowercased
        if let known = known.participants[key] { return known }
        let found = Self.participants(in: try selected(key, in: fields, at: line))
        known.participants[key] = found
        return found
    }

    static func participants(in fields: [HeaderField]) -> [[Participant]] {
        fields.map { field in
            var defects = DefectList()
            return field.addresses(defects: &defects).participants
        }
    }

    /// The fields of a name, paid for as if they were decoded.
    mutating func selected(
        _ name: String, in header: [HeaderField], at line: Int
    ) throws(Interruption) -> [HeaderField] {
        let found = header.filter { $0.isNamed(name) }
        let octets = found.reduce(0) { $0 + $1.value.count }
        try work(header.count * Cost.item + octets * Cost.fieldOctet, at: line)
        return found
    }

    /// All of a list, or the one that `:index` names (RFC 5260 §6).
    ///
    /// The list is of the fields of all names, which are counted together.
    static func indexed<Value>(_ list: [Value], _ arguments: Arguments) -> [Value] {
        guard let index = arguments.number("index") else { return list }
        guard index >= 1, index <= Int64(list.count) else { return [] }
        let place = Int(index) - 1
        return [list[arguments.has("last") ? list.count - 1 - place : place]]
    }

    /// The flags in strings.
    mutating func flags(
        in strings: [String], at line: Int
    ) throws(Interruption) -> [String] {
        try work(
            strings.reduce(0) { $0 + $1.utf8.count } * Cost.flagOctet, at: line)
        return FlagList.split(strings)
    }
}

/// What was found out about the header, as long as it stays as it is; by names in lower case.
struct KnownFields {
    var values: [String: [ArraySlice<UInt8>]] = [:]
    var participants: [String: [[Participant]]] = [:]
}
