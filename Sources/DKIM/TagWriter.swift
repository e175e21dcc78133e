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

    /// Adds a tag whose value is a list; lines may end before each separator.
    package mutating func add(words: [String], tag: String, separator: String) {
        for (index, word) in words.enumerated() {
            let text = (index == 0 ? tag : separator) + word + (index == words.count - 1 ? ";" : "")
            if index == 0 {
                add(text)
            } else {
                if column + text.utf8.count > Self.width {
                    octets += [.carriageReturn, .lineFeed, .tab]
                    column = 8
                }
                octets += text.utf8
                column += text.utf8.count
            }
        }
    }

    /// Goes on right behind the last tag; lines may end anywhere.
    package mutating func add(data: String) {
        var rest = data.utf8[...]
        while !rest.isEmpty {
            if column >= Self.width {
                octets += [.carriageReturn, .lineFeed, .tab]
                column = 8
            }
            let part = rest.prefix(Self.width - column)
            octets += part
            column += part.count
            rest = rest.dropFirst(part.count)
        }
    }
}
