// SPDX-License-Identifier: Apache-2.0

import Bytes

/// `Content-Type` (RFC 2045 §5.1).
package struct ContentType: Hashable, Sendable, CustomStringConvertible {
    /// `text`, in lower case.
    package var type: String
    /// `plain`, in lower case.
    package var subtype: String
    package var parameters: Parameters

    package init(_ type: String, _ subtype: String, _ parameters: Parameters = Parameters()) {
        self.type = type
        self.subtype = subtype
        self.parameters = parameters
    }

    /// What a part without the field is (RFC 2045 §5.2).
    package static let plainText = ContentType("text", "plain")

    /// Reads the field's value; what cannot be read is text/plain (RFC 2045 §5.2).
    ///
    /// ```abnf
    /// content = type "/" subtype *(";" parameter)
    /// ```
    package init(_ value: ArraySlice<UInt8>, defects: inout DefectList, at place: String) {
        self = .plainText
        var lexer = Lexer(value)
        lexer.skipCFWS()
        let type = lexer.token()
        lexer.skipCFWS()
        guard !type.isEmpty, lexer.skip(UInt8(ascii: "/")) else {
            defects.note(.contentTypeInvalid, at: place)
            // `Content-Type: text; charset=utf-8` still says which charset.
            _ = lexer.run { $0 != UInt8(ascii: ";") }
            parameters = Parameters(&lexer, defects: &defects, at: place)
            return
        }
        lexer.skipCFWS()
        let subtype = lexer.token()
        if subtype.isEmpty {
            defects.note(.contentTypeInvalid, at: place)
        } else {
            self.type = String(lossy: type.map(\.lowercased))
            self.subtype = String(lossy: subtype.map(\.lowercased))
        }
        lexer.skipCFWS()
        if let next = lexer.current, next != UInt8(ascii: ";") {
            defects.note(.contentTypeInvalid, at: place)
        }
        parameters = Parameters(&lexer, defects: &defects, at: place)
    }

    package var description: String { "\(type)/\(subtype)" }

    package var isText: Bool { type == "text" }
    package var isMultipart: Bool { type == "multipart" }
    /// `message/rfc822` and its form with UTF-8, `message/global` (RFC 6532 §3.7).
    package var isMessage: Bool {
        type == "message" && (subtype == "rfc822" || subtype == "global" || subtype == "news")
    }

    /// The boundary, without the white space at its end that may not be there; nil if empty.
    package var boundary: [UInt8]? {
        guard let value = parameters["boundary"] else { return nil }
        var octets = Array(value.utf8)
        while octets.last?.isWhitespace == true { octets.removeLast() }
        return octets.isEmpty || octets.count > Self.maximumBoundaryOctets ? nil : octets
    }

    /// RFC 2046 §5.1.1 allows 70; some programs write more.
    package static let maximumBoundaryOctets = 500
}

/// `Content-Disposition` (RFC 2183).
package struct ContentDisposition: Hashable, Sendable {
    /// `inline`, `attachment` or another, in lower case.
    package var kind: String
    package var parameters: Parameters

    package init(_ kind: String, _ parameters: Parameters = Parameters()) {
        self.kind = kind
        self.parameters = parameters
    }

    /// Reads the field's value; nil if it names no disposition type.
    package init?(_ value: ArraySlice<UInt8>, defects: inout DefectList, at place: String) {
        var lexer = Lexer(value)
        lexer.skipCFWS()
        let kind = lexer.token()
        lexer.skipCFWS()
        var isKind = true
        if let next = lexer.current, next != UInt8(ascii: ";") {
            defects.note(.dispositionInvalid, at: place)
            isKind = next != UInt8(ascii: "=")
        }
        if kind.isEmpty || !isKind {
            defects.note(.dispositionInvalid, at: place)
            // `Content-Disposition: filename=x` still names a file, which makes it an attachment.
            lexer.index = kind.isEmpty ? lexer.index : kind.startIndex
            self.kind = "attachment"
            parameters = Parameters(&lexer, defects: &defects, at: place)
            if parameters.all.isEmpty { return nil }
            return
        }
        self.kind = String(lossy: kind.map(\.lowercased))
        parameters = Parameters(&lexer, defects: &defects, at: place)
    }

    package var filename: String? { parameters["filename"] }
}
