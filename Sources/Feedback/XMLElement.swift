// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A small part of a report: an element with all that is in it.
struct XMLElement {
    /// Without prefix, in lower case.
    let name: String
    /// The text directly in it, without the white space around.
    private(set) var text = ""
    private(set) var children: [XMLElement] = []

    /// A record with its hundred signatures (RFC 9990 §3.1.3) has about six hundred.
    private static let maximumElements = 5000
    /// Of a longer text the beginning is kept; RFC 9990 §3.1.5 asks for no large bodies.
    private static let maximumTextOctets = 4096

    /// Reads the element whose start has just been read, to its end.
    init(_ name: String, from reader: inout XMLReader) throws(ReportFailure) {
        var left = Self.maximumElements
        try self.init(name, from: &reader, &left)
    }

    private init(
        _ name: String, from reader: inout XMLReader, _ left: inout Int
    ) throws(ReportFailure) {
        self.name = name
        left -= 1
        guard left > 0 else {
            throw ReportFailure("an element of it holds more than \(Self.maximumElements) others")
        }
        while let token = try reader.next() {
            switch token {
            case .start(let child): children.append(try XMLElement(child, from: &reader, &left))
            case .text(let piece):
                let room = Self.maximumTextOctets - text.utf8.count
                if room > 0 { text += piece.prefix(octets: room) }
            case .end:
                text = text.trimmed
                return
            }
        }
    }

    /// The first child of that name.
    subscript(name: String) -> XMLElement? { children.first { $0.name == name } }

    /// All children of that name.
    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }

    /// The text of the first child of that name, nil if there is none or nothing in it.
    func text(_ name: String) -> String? {
        self[name].flatMap { $0.text.isEmpty ? nil : $0.text }
    }
}

extension StringProtocol {
    /// The characters at the start that have no more octets than that.
    func prefix(octets limit: Int) -> String {
        guard utf8.count > limit else { return String(self) }
        var scalars = String.UnicodeScalarView()
        var left = limit
        for scalar in unicodeScalars {
            left -= UTF8.width(scalar)
            guard left >= 0 else { break }
            scalars.append(scalar)
        }
        return String(scalars)
    }

    /// Without white space at both ends.
    var trimmed: String {
        let rest = drop(while: \.isWhitespace)
        guard let last = rest.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(rest[...last])
    }
}
