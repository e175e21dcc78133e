// SPDX-License-Identifier: Apache-2.0

/// `Content-Disposition` (RFC 2183), as octets of the message.
struct Disposition {
    /// Empty where a file is named without saying what it is: an attachment.
    var kind: Range<Int>
    var parameters: Range<Int>

    /// Reads the field's value; nil if it says nothing.
    ///
    /// ```abnf
    /// disposition = "Content-Disposition" ":" disposition-type *(";" disposition-parm)
    /// ```
    init?(_ value: Range<Int>, in source: Source) {
        var cursor = FieldCursor(source, value)
        cursor.skipCFWS()
        let start = cursor.index
        kind = cursor.token()
        cursor.skipCFWS()
        parameters = cursor.index..<value.upperBound
        guard kind.isEmpty || cursor.current == UInt8(ascii: "=") else { return }
        // `Content-Disposition: filename=x` still names a file.
        parameters = (kind.isEmpty ? cursor.index : start)..<value.upperBound
        kind = start..<start
        var scan = ParameterScan(FieldCursor(source, parameters))
        guard scan.next() else { return nil }
    }

    func isAttachment(in source: Source) -> Bool {
        kind.isEmpty || source.isNamed(kind, "attachment")
    }
}
