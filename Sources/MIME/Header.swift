// SPDX-License-Identifier: Apache-2.0

import Bytes

/// One field of a header (RFC 5322 §2.2): a name and a value as they stand in the message.
package struct HeaderField: Sendable {
    /// As written.
    package let name: String
    /// What follows the colon, with its folding, without the last line end.
    package let value: ArraySlice<UInt8>

    package init(name: String, value: ArraySlice<UInt8>) {
        self.name = name
        self.value = value
    }

    /// Whether this is the field's name, whatever the case of its letters.
    package func isNamed(_ other: String) -> Bool {
        name.utf8.count == other.utf8.count && name.utf8.equalsIgnoringCase(other.utf8)
    }

    /// The value without its line ends (RFC 5322 §2.2.3) and the white space around it.
    package var unfolded: ArraySlice<UInt8> {
        let value = self.value.trimmingWhitespace
        guard value.contains(where: { $0 == .lineFeed || $0 == .carriageReturn }) else {
            return value
        }
        return value.filter { $0 != .lineFeed && $0 != .carriageReturn }[...]
    }

    /// The value as a person reads it: unfolded, encoded words decoded (RFC 2047).
    package func decoded(defects: inout DefectList) -> String {
        EncodedWord.decode(unfolded, defects: &defects, at: name)
    }

    package var decoded: String {
        var defects = DefectList()
        return decoded(defects: &defects)
    }

    /// The value as a list of addresses (RFC 5322 §3.4).
    package func addresses(defects: inout DefectList) -> AddressList {
        AddressList(value, defects: &defects, at: name)
    }

    package var identifiers: [MessageIdentifier] { MessageIdentifier.parse(value) }

    /// The value as a date; nil if it is none.
    package func date(defects: inout DefectList) -> DateTime? {
        guard let (date, isStrict) = DateTime.parse(value) else {
            defects.note(.dateInvalid, at: name)
            return nil
        }
        if !isStrict { defects.note(.dateInvalid, at: name) }
        return date
    }
}

/// The fields of a message or a part, in their order.
package struct Header: Sendable {
    /// Far more than any mail has (a mailing list with many hops: about 100).
    package static let maximumFields = 2000
    /// What is larger is no header but an attack.
    package static let maximumOctets = 1 << 20

    package private(set) var fields: [HeaderField] = []

    package init() {}

    /// The first field of this name.
    package func first(_ name: String) -> HeaderField? { fields.first { $0.isNamed(name) } }
    /// All fields of this name, in their order.
    package func all(_ name: String) -> [HeaderField] { fields.filter { $0.isNamed(name) } }

    /// Reads the header at the start of `octets`; `bodyStart` is where the body begins.
    ///
    /// Lines end with CRLF or LF. A line that can be no field ends the header: the body begins
    /// with it, and that is noted.
    package init(
        _ octets: ArraySlice<UInt8>, bodyStart: inout Int, defects: inout DefectList,
        at place: String = ""
    ) {
        var index = octets.startIndex
        var isFirst = true
        while index < octets.endIndex {
            let lineEnd = octets.lineEnd(from: index)
            let line = octets[index..<lineEnd.content]
            if line.isEmpty {
                bodyStart = lineEnd.next
                return
            }
            if line.startIndex < line.endIndex, line[line.startIndex].isWhitespace {
                // Only at the very start: all others were taken with their field.
                defects.note(.firstLineContinued, at: place)
                index = lineEnd.next
                isFirst = false
                continue
            }
            guard let colon = Self.colon(in: line) else {
                guard line.starts(with: "From ".utf8) || line.starts(with: ">From ".utf8) else {
                    defects.note(.headerEndMissing, at: place)
                    bodyStart = index
                    return
                }
                // The separator of an mbox file.
                if !isFirst { defects.note(.envelopeLine, at: place) }
                index = lineEnd.next
                isFirst = false
                continue
            }
            isFirst = false
            let end = octets.endOfField(from: lineEnd)
            if fields.count >= Self.maximumFields
                || end.content - octets.startIndex > Self.maximumOctets
            {
                defects.note(.headerTooLarge, at: place)
            } else if colon == line.startIndex {
                defects.note(.fieldNameMissing, at: place)
            } else {
                // `Subject : x` (RFC 5322 §4.5).
                let name = line[..<colon].trimmingWhitespace
                fields.append(
                    HeaderField(
                        name: String(decoding: name, as: UTF8.self),
                        value: octets[(colon + 1)..<end.content]))
            }
            index = end.next
        }
        bodyStart = octets.endIndex
    }

    /// `field-name = 1*ftext` (RFC 5322 §2.2): printable ASCII, white space only before the colon.
    private static func colon(in line: ArraySlice<UInt8>) -> Int? {
        var isEnded = false
        for index in line.indices {
            let octet = line[index]
            if octet == UInt8(ascii: ":") { return index }
            if octet.isWhitespace {
                isEnded = true
            } else if isEnded || octet < 0x21 || octet > 0x7E {
                return nil
            }
        }
        return nil
    }
}

extension ArraySlice<UInt8> {
    /// Where a line ends: behind its content, and where the next one begins.
    typealias LineEnd = (content: Int, next: Int)

    /// CRLF or LF; without either the end of all.
    func lineEnd(from start: Int) -> LineEnd {
        guard let feed = self[start...].firstIndex(of: .lineFeed) else {
            return (endIndex, endIndex)
        }
        let hasReturn = feed > start && self[feed - 1] == .carriageReturn
        return (hasReturn ? feed - 1 : feed, feed + 1)
    }

    /// The end of a field whose first line ends at `end`: behind its last continuation line.
    func endOfField(from end: LineEnd) -> LineEnd {
        var end = end
        while end.next < endIndex, self[end.next].isWhitespace { end = lineEnd(from: end.next) }
        return end
    }
}
