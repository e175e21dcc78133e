// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// `Content-Type` (RFC 2045 §5.1), as octets of the message.
struct MediaType {
    enum Kind {
        case text, multipart, digest
        /// `message/rfc822` and `message/global` (RFC 9051 `media-message`).
        case message
        case other
    }

    /// Empty where the field is missing or cannot be read: then it is text/plain (RFC 2045 §5.2).
    var type = 0..<0
    var subtype = 0..<0
    /// What follows the subtype.
    var parameters = 0..<0
    var kind = Kind.text

    /// What a part of a digest is without the field (RFC 2046 §5.1.5).
    static let message = MediaType(kind: .message)
    static let plainText = MediaType()

    var isMultipart: Bool { kind == .multipart || kind == .digest }
    var isStated: Bool { !type.isEmpty }

    private init(kind: Kind = .text) { self.kind = kind }

    /// Reads the field's value.
    init(_ value: Range<Int>, in source: Source) {
        var cursor = FieldCursor(source, value)
        cursor.skipCFWS()
        let type = cursor.token()
        cursor.skipCFWS()
        guard !type.isEmpty, cursor.skip(UInt8(ascii: "/")) else {
            // `Content-Type: text; charset=utf-8` still says which charset.
            _ = cursor.run { $0 != UInt8(ascii: ";") }
            parameters = cursor.index..<value.upperBound
            return
        }
        cursor.skipCFWS()
        let subtype = cursor.token()
        cursor.skipCFWS()
        parameters = cursor.index..<value.upperBound
        guard !subtype.isEmpty else { return }
        self.type = type
        self.subtype = subtype
        if source.isNamed(type, "text") {
            kind = .text
        } else if source.isNamed(type, "multipart") {
            kind = source.isNamed(subtype, "digest") ? .digest : .multipart
        } else if source.isNamed(type, "message"),
            source.isNamed(subtype, "rfc822") || source.isNamed(subtype, "global")
        {
            kind = .message
        } else {
            kind = .other
        }
    }

    /// The boundary, without the white space at its end that may not be there; nil if there is none.
    func boundary(in source: Source, value: Range<Int>) -> [UInt8]? {
        var scan = ParameterScan(FieldCursor(source, parameters))
        var boundary: [UInt8]?
        while scan.next() {
            guard source.isNamed(scan.baseName, "boundary") else { continue }
            if scan.isExtended || scan.value.contains(UInt8(ascii: "?"))
                || scan.value.contains(where: { $0 >= 0x80 })
            {
                // Continuations (RFC 2231) and other rarities are read as everywhere else.
                var defects = DefectList()
                return ContentType(Array(source[value])[...], defects: &defects, at: "").boundary
            }
            boundary = boundary ?? Array(scan.value)
        }
        while boundary?.last?.isWhitespace == true { boundary?.removeLast() }
        guard let boundary, !boundary.isEmpty,
            boundary.count <= ContentType.maximumBoundaryOctets
        else { return nil }
        return boundary
    }

    /// The first parameter of that name, unquoted; nil if there is none.
    func parameter(_ name: StaticString, in source: Source) -> [UInt8]? {
        var scan = ParameterScan(FieldCursor(source, parameters))
        while scan.next() {
            if !scan.isExtended, source.isNamed(scan.baseName, name) { return Array(scan.value) }
        }
        return nil
    }
}
