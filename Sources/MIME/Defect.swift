// SPDX-License-Identifier: Apache-2.0

/// Something odd about a message that did not keep it from being read.
package struct Defect: Hashable, Sendable, CustomStringConvertible {
    /// What is odd; the raw value is stable and goes into JSON.
    package enum Code: String, Hashable, Sendable, CaseIterable {
        case headerEndMissing = "header-end-missing"
        case firstLineContinued = "first-line-continued"
        case envelopeLine = "envelope-line"
        case fieldNameMissing = "field-name-missing"
        case headerTooLarge = "header-too-large"
        case fieldRepeated = "field-repeated"
        case nulOctet = "nul-octet"
        case headerNotUTF8 = "header-not-utf8"
        case headerEightBit = "header-eight-bit"
        case encodedWordInvalid = "encoded-word-invalid"
        case encodedWordMisplaced = "encoded-word-misplaced"
        case addressInvalid = "address-invalid"
        case dateInvalid = "date-invalid"
        case contentTypeInvalid = "content-type-invalid"
        case dispositionInvalid = "disposition-invalid"
        case parameterInvalid = "parameter-invalid"
        case parameterEncodedWord = "parameter-encoded-word"
        case transferEncodingUnknown = "transfer-encoding-unknown"
        case transferEncodingForbidden = "transfer-encoding-forbidden"
        case base64Invalid = "base64-invalid"
        case quotedPrintableInvalid = "quoted-printable-invalid"
        case uuencodeInvalid = "uuencode-invalid"
        case charsetUnknown = "charset-unknown"
        case charsetWrong = "charset-wrong"
        case boundaryMissing = "boundary-missing"
        case boundaryNotFound = "boundary-not-found"
        case multipartNotClosed = "multipart-not-closed"
        case tooDeep = "too-deep"
        case tooManyParts = "too-many-parts"
    }

    package let code: Code
    /// The field or the part (`1.2`, see `Entity.path`) where it was found; empty for the message.
    package let place: String

    package init(_ code: Code, at place: String = "") {
        self.code = code
        self.place = place
    }

    package var description: String { place.isEmpty ? text : "\(place): \(text)" }

    /// One sentence for people.
    package var text: String {
        switch code {
        case .headerEndMissing:
            "A line of the header is no field; the body was taken to begin there."
        case .firstLineContinued: "The header begins with a continuation line; it was skipped."
        case .envelopeLine: "A line beginning with \"From \" stands in the header; it was skipped."
        case .fieldNameMissing: "A header line begins with a colon; it was skipped."
        case .headerTooLarge:
            "The header has more than \(Header.maximumFields) fields or "
                + "\(Header.maximumOctets) octets; the rest of it was skipped."
        case .fieldRepeated: "The field may stand only once (RFC 5322 §3.6)."
        case .nulOctet: "There is a NUL octet."
        case .headerNotUTF8: "Octets above 127 are not UTF-8; they were read as windows-1252."
        case .headerEightBit:
            "The header holds UTF-8, and nobody has said that it may (RFC 6531 §3.2)."
        case .encodedWordInvalid: "An encoded word cannot be decoded without loss."
        case .encodedWordMisplaced: "An encoded word stands where RFC 2047 §5 allows none."
        case .addressInvalid: "An address breaks the rules of RFC 5322 §3.4."
        case .dateInvalid: "The date breaks the rules of RFC 5322 §3.3."
        case .contentTypeInvalid: "The content type cannot be read; text/plain was assumed."
        case .dispositionInvalid: "The content disposition cannot be read."
        case .parameterInvalid: "A parameter breaks the rules of RFC 2045 §5.1 or RFC 2231."
        case .parameterEncodedWord:
            "A parameter holds an encoded word, which RFC 2047 §5 forbids; it was decoded."
        case .transferEncodingUnknown: "The transfer encoding is unknown; nothing was decoded."
        case .transferEncodingForbidden:
            "A composite type has a transfer encoding that RFC 2045 §6.4 forbids."
        case .base64Invalid: "The Base64 content is damaged."
        case .quotedPrintableInvalid: "The quoted-printable content is damaged."
        case .uuencodeInvalid: "The uuencoded content is damaged."
        case .charsetUnknown: "The charset is unknown; octets above 127 were replaced."
        case .charsetWrong: "The text holds octets that its charset does not allow."
        case .boundaryMissing: "A multipart has no boundary parameter; it was not taken apart."
        case .boundaryNotFound: "The boundary of a multipart does not occur in its body."
        case .multipartNotClosed: "The closing delimiter of a multipart is missing."
        case .tooDeep:
            "Parts are nested deeper than \(Message.maximumDepth); the inner ones were not read."
        case .tooManyParts:
            "There are more than \(Message.maximumParts) parts; the others were not read."
        }
    }
}

/// The defects found so far, each once, and no more than a reader wants to see.
package struct DefectList: Sendable {
    /// Enough to judge a message by; a hostile one could have millions.
    package static let maximum = 200

    package private(set) var defects: [Defect] = []

    package init() {}

    /// Adds a defect, up to `maximum`.
    package mutating func note(_ code: Defect.Code, at place: String = "") {
        let defect = Defect(code, at: place)
        guard defects.count < Self.maximum, !defects.contains(defect) else { return }
        defects.append(defect)
    }
}
