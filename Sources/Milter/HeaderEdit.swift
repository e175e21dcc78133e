// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The header of a message, as a filter sees and changes it: fields in order, their octets kept.
package struct HeaderEdit: Sendable {
    private var fields: [Field] = []
    /// The empty line, if there was one.
    private var end: [UInt8] = []

    fileprivate struct Field {
        var name: [UInt8]
        /// The whole field, with its line ends.
        var octets: [UInt8]
    }

    /// Takes a header apart; lines that are no field stay where they are.
    package init(_ header: [UInt8]) {
        var start = 0
        var index = 0
        while index < header.count {
            let lineStart = index
            while index < header.count, header[index] != .lineFeed { index += 1 }
            index = min(index + 1, header.count)
            let line = header[lineStart..<index]
            if line.elementsEqual([.carriageReturn, .lineFeed]) {
                end = Array(header[lineStart...])
                return
            }
            let isContinued = index < header.count && header[index].isWhitespace
            guard !isContinued else { continue }
            fields.append(Field(Array(header[start..<index])))
            start = index
        }
    }

    /// Name and value of each, for `Event.field`; what is no field is left out.
    package var events: [Event] {
        fields.compactMap { field in
            guard !field.name.isEmpty else { return nil }
            var value = field.octets.dropFirst(
                field.octets.firstIndex(of: .colon).map { $0 + 1 } ?? 0)
            while value.last == .lineFeed || value.last == .carriageReturn { value.removeLast() }
            return .field(name: field.name, value: Array(value))
        }
    }

    /// Applies what concerns the header, in order.
    package mutating func apply(_ modifications: [Modification]) {
        for modification in modifications {
            switch modification {
            case .addField(let name, let value):
                fields.append(Field(name, value))
            case .insertField(let index, let name, let value):
                fields.insert(Field(name, value), at: min(max(index, 0), fields.count))
            case .changeField(let occurrence, let name, let value):
                change(occurrence, name, value)
            default: break
            }
        }
    }

    /// As libmilter says: what is not there is added, an empty value deletes.
    private mutating func change(_ occurrence: Int, _ name: String, _ value: [UInt8]) {
        let places = fields.indices.filter { fields[$0].name.equalsIgnoringCase(name.utf8) }
        if occurrence <= places.count {
            let place = places[occurrence - 1]
            if value.isEmpty {
                fields.remove(at: place)
            } else {
                fields[place] = Field(name, value)
            }
        } else if !value.isEmpty {
            fields.append(Field(name, value))
        }
    }

    /// The octets of the whole header.
    package var octets: [UInt8] { fields.flatMap(\.octets) + end }
}

extension HeaderEdit.Field {
    /// One that is there already.
    fileprivate init(_ octets: [UInt8]) {
        let colon = octets.firstIndex(of: .colon) ?? 0
        var name = octets[..<colon]
        while let last = name.last, last.isWhitespace { name.removeLast() }
        let isName = name.allSatisfy { (0x21...0x7E).contains($0) }
        self.init(name: isName ? Array(name) : [], octets: octets)
    }

    /// A new one: whatever line ends the filter writes, the field stays one field.
    fileprivate init(_ name: String, _ value: [UInt8]) {
        var octets = Array(name.utf8) + [.colon]
        if value.first.map({ !$0.isWhitespace }) ?? true { octets.append(.space) }
        let lines = value.filter { $0 != .carriageReturn && $0 != 0 }.split(separator: .lineFeed)
        for (index, line) in lines.enumerated() {
            if index > 0 {
                octets += [.carriageReturn, .lineFeed]
                if !line[line.startIndex].isWhitespace { octets.append(.tab) }
            }
            octets += line
        }
        self.init(name: Array(name.utf8), octets: octets + [.carriageReturn, .lineFeed])
    }
}

extension UInt8 {
    fileprivate static var colon: UInt8 { UInt8(ascii: ":") }
}
