// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Writes ENVELOPE (RFC 9051 §7.5.2).
///
/// ```abnf
/// envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP
///            env-to SP env-cc SP env-bcc SP env-in-reply-to SP env-message-id ")"
/// ```
struct EnvelopeWriter {
    let source: Source
    /// The fields of one header; a field that stands twice counts once, but addresses all count.
    let fields: ArraySlice<KnownField>
    private(set) var firstFrom: AddressWriter.First?
    private(set) var firstTo: AddressWriter.First?
    private(set) var firstCc: AddressWriter.First?

    init(source: Source, fields: ArraySlice<KnownField>) {
        self.source = source
        self.fields = fields
    }

    func value(_ name: KnownField.Name) -> Range<Int>? {
        for field in fields where field.name == name { return field.value }
        return nil
    }

    mutating func write(to output: inout ResponseText) {
        output.open()
        output.field(source, value(.date))
        output.space()
        output.field(source, value(.subject))
        output.space()
        let start = output.count
        var first: AddressWriter.First?
        _ = list(.from, &first, &output)
        firstFrom = first
        let from = start..<output.count
        var ignored: AddressWriter.First?
        for name in [KnownField.Name.sender, .replyTo] {
            output.space()
            let mark = output.count
            // Absent or empty: the same as From.
            if !list(name, &ignored, &output) {
                output.truncate(to: mark)
                output.copy(from)
            }
        }
        output.space()
        first = nil
        _ = list(.to, &first, &output)
        firstTo = first
        output.space()
        first = nil
        _ = list(.cc, &first, &output)
        firstCc = first
        output.space()
        _ = list(.bcc, &ignored, &output)
        output.space()
        output.field(source, value(.inReplyTo))
        output.space()
        output.field(source, value(.messageID))
        output.close()
    }

    /// The addresses of all fields of that name; NIL and false if there are none.
    ///
    /// ```abnf
    /// env-from = "(" 1*address ")" / nil
    /// ```
    private func list(
        _ name: KnownField.Name, _ first: inout AddressWriter.First?,
        _ output: inout ResponseText
    ) -> Bool {
        let mark = output.count
        output.open()
        var count = 0
        for field in fields where field.name == name {
            AddressWriter.write(
                field.value, of: source, count: &count, first: &first, to: &output)
        }
        guard count > 0 else {
            output.truncate(to: mark)
            output.null()
            return false
        }
        output.close()
        return true
    }
}
