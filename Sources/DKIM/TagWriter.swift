// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Writes tags into lines of a comfortable length (RFC 6376 §3.5).
package struct TagWriter {
    /// What is written so far, without a final CRLF.
    package private(set) var octets: [UInt8]
    private var column: Int
    private static let width = 76

    /// Begins with the field's name.
    package init(_ start: String) {
        octets = Array(start.utf8)
        octets.reserveCapacity(1024)
        column = octets.count
    }

    private mutating func fold(before count: Int) {
        if column + 1 + count > Self.width {
            octets += [.carriageReturn, .lineFeed, .tab]
            column = 8
        } else {
            octets.append(.space)
            column += 1
        }
    }

    /// Adds a tag behind a space, or on a new line.
    package mutating func add(_ tag: String) {
        fold(before: tag.utf8.count)
        octets += tag.utf8
        column += tag.utf8.count
    }

    /// Adds a text; lines may end at its spaces.
    package mutating func add(words text: String) {
        var text = text
        text.withUTF8 { text in
            for word in text.split(separator: .space) {
                fold(before: word.count)
                octets += word
                column += word.count
            }
        }
    }

    /// Adds a tag of two parts that stay together, with what ends it.
    package mutating func add(_ name: StaticString, _ value: String, end: StaticString = "") {
        fold(before: name.utf8CodeUnitCount + value.utf8.count + end.utf8CodeUnitCount)
        append(name, value)
        end.withUTF8Buffer { octets += $0 }
        column += end.utf8CodeUnitCount
    }

    /// Ends the field, and begins one behind it with its name.
    package mutating func begin(_ start: String) {
        octets += [.carriageReturn, .lineFeed]
        octets += start.utf8
        column = start.utf8.count
    }

    /// Ends the line with a semicolon, and begins the next with a tag of two parts.
    package mutating func addLine(_ name: StaticString, _ value: String) {
        octets += [UInt8(ascii: ";"), .carriageReturn, .lineFeed, .tab]
        column = 1
        append(name, value)
    }

    private mutating func append(_ name: StaticString, _ value: String) {
        name.withUTF8Buffer { octets += $0 }
        octets += value.utf8
        column += name.utf8CodeUnitCount + value.utf8.count
    }

    /// Adds a tag whose value is a list of names with colons between them; lines may end before
    /// each colon.
    package mutating func add(names: [ArraySlice<UInt8>], tag: StaticString) {
        fold(before: tag.utf8CodeUnitCount + (names.first?.count ?? 0) + 1)
        tag.withUTF8Buffer { octets += $0 }
        column += tag.utf8CodeUnitCount
        for (index, name) in names.enumerated() {
            let isLast = index == names.count - 1
            if index > 0, column + name.count + (isLast ? 2 : 1) > Self.width {
                octets += [.carriageReturn, .lineFeed, .tab]
                column = 8
            }
            if index > 0 { octets.append(UInt8(ascii: ":")) }
            octets += name
            column += name.count + (index > 0 ? 1 : 0)
        }
        octets.append(UInt8(ascii: ";"))
        column += 1
    }

    /// Goes on right behind the last tag; lines may end anywhere.
    package mutating func add(data: String) {
        var data = data
        data.withUTF8 { data in
            var start = 0
            while start < data.count {
                if column >= Self.width {
                    octets += [.carriageReturn, .lineFeed, .tab]
                    column = 8
                }
                let end = min(data.count, start + Self.width - column)
                octets += data[start..<end]
                column += end - start
                start = end
            }
        }
    }
}
