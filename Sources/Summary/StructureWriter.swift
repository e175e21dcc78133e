// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Writes BODYSTRUCTURE with all extension data (RFC 9051 §7.5.2).
///
/// ```abnf
/// body            = "(" (body-type-1part / body-type-mpart) ")"
/// body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]
/// body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
/// ```
struct StructureWriter {
    let source: Source
    let parts: [Part]
    let fields: [KnownField]

    /// The message itself or the message within a `message/rfc822`.
    func write(_ index: Int, to output: inout ResponseText) {
        let part = parts[index]
        output.open()
        if part.kind == .multipart {
            multipart(index, to: &output)
        } else {
            single(index, to: &output)
        }
        output.close()
    }

    private func value(_ name: KnownField.Name, of part: Part) -> Range<Int>? {
        for field in fields[part.fields] where field.name == name { return field.value }
        return nil
    }

    /// Nesting is bounded by `MIME.Message.maximumDepth`.
    private func multipart(_ index: Int, to output: inout ResponseText) {
        let part = parts[index]
        var child = index + 1
        while child < part.treeEnd {
            write(child, to: &output)
            child = parts[child].treeEnd
        }
        output.space()
        output.string(source[part.mediaType.subtype])
        output.space()
        parameters(part.mediaType.parameters, to: &output)
        extensions(part, to: &output)
    }

    private func single(_ index: Int, to output: inout ResponseText) {
        let part = parts[index]
        let type = part.mediaType
        let isText = type.kind == .text || part.kind == .leaf && isBroken(type)
        if part.kind == .message, !type.isStated {
            output.verbatim("\"message\" \"rfc822\"")
        } else if type.isStated, !isBroken(type) || part.kind == .message {
            output.string(source[type.type])
            output.space()
            output.string(source[type.subtype])
        } else {
            output.verbatim("\"text\" \"plain\"")
        }
        output.space()
        parameters(type.parameters, isText: isText, to: &output)
        output.space()
        output.field(source, value(.contentID, of: part))
        output.space()
        output.field(source, value(.contentDescription, of: part))
        output.space()
        encoding(of: part, to: &output)
        output.space()
        output.number(part.bodyEnd - part.bodyStart)
        if part.kind == .message {
            let inner = index + 1
            output.space()
            var envelope = EnvelopeWriter(source: source, fields: fields[parts[inner].fields])
            envelope.write(to: &output)
            output.space()
            write(inner, to: &output)
        }
        if part.kind == .message || isText {
            output.space()
            output.number(part.lines)
        }
        output.space()
        output.field(source, value(.contentMD5, of: part))
        extensions(part, to: &output)
    }

    /// Of a leaf: a multipart without parts or a message that was not read is shown as text, for
    /// the grammar has no other form for it.
    private func isBroken(_ type: MediaType) -> Bool { type.isMultipart || type.kind == .message }

    /// Disposition, language and location.
    private func extensions(_ part: Part, to output: inout ResponseText) {
        output.space()
        disposition(value(.contentDisposition, of: part), to: &output)
        output.space()
        language(value(.contentLanguage, of: part), to: &output)
        output.space()
        output.field(source, value(.contentLocation, of: part))
    }

    private func encoding(of part: Part, to output: inout ResponseText) {
        guard let value = value(.contentTransferEncoding, of: part) else {
            return output.verbatim("\"7BIT\"")
        }
        var cursor = FieldCursor(source, value)
        cursor.skipCFWS()
        _ = cursor.skip(UInt8(ascii: "\""))
        let token = cursor.token()
        if token.isEmpty {
            output.verbatim("\"7BIT\"")
        } else {
            output.string(source[token])
        }
    }

    // MARK: Parameters

    /// ```abnf
    /// body-fld-param = "(" string SP string *(SP string SP string) ")" / nil
    /// ```
    private func parameters(
        _ range: Range<Int>, isText: Bool = false, to output: inout ResponseText
    ) {
        let mark = output.count
        output.open()
        var hasCharset = false
        var isEmpty = true
        var sections: [ParameterSection] = []
        var scan = ParameterScan(FieldCursor(source, range))
        while scan.next() {
            if output.isFull { break }
            if scan.isExtended, let section = ParameterSection(scan, in: source) {
                sections.append(section)
                continue
            }
            if source.isNamed(scan.name, "charset") { hasCharset = true }
            if !isEmpty { output.space() }
            isEmpty = false
            output.string(source[scan.name])
            output.space()
            output.string(scan.value)
        }
        for (name, value) in ParameterSection.join(sections) {
            if !isEmpty { output.space() }
            isEmpty = false
            output.string(name)
            output.space()
            output.string(value)
        }
        if isText, !hasCharset {
            // RFC 2046 §4.1.2: the default of text.
            if !isEmpty { output.space() }
            isEmpty = false
            output.verbatim("\"charset\" \"us-ascii\"")
        }
        guard isEmpty else { return output.close() }
        output.truncate(to: mark)
        output.null()
    }

    /// ```abnf
    /// body-fld-dsp = "(" string SP body-fld-param ")" / nil
    /// ```
    private func disposition(_ value: Range<Int>?, to output: inout ResponseText) {
        guard let value, let disposition = Disposition(value, in: source), !output.isFull else {
            return output.null()
        }
        output.open()
        if disposition.kind.isEmpty {
            output.verbatim("\"attachment\"")
        } else {
            output.string(source[disposition.kind])
        }
        output.space()
        parameters(disposition.parameters, to: &output)
        output.close()
    }

    /// ```abnf
    /// body-fld-lang = nstring / "(" string *(SP string) ")"
    /// ```
    private func language(_ value: Range<Int>?, to output: inout ResponseText) {
        guard let value else { return output.null() }
        var tags: [Range<Int>] = []
        var cursor = FieldCursor(source, value)
        while cursor.current != nil, tags.count < Self.maximumLanguages {
            cursor.skipCFWS()
            let tag = cursor.token()
            if !tag.isEmpty {
                tags.append(tag)
            } else if cursor.current != nil {
                cursor.index += 1
            }
        }
        guard !tags.isEmpty, !output.isFull else { return output.null() }
        output.open()
        for (number, tag) in tags.enumerated() {
            if number > 0 { output.space() }
            output.string(source[tag])
        }
        output.close()
    }

    /// RFC 3282: a part is written in a few languages.
    private static let maximumLanguages = 50
}
