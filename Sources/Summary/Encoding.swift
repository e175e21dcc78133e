// SPDX-License-Identifier: Apache-2.0

import MIME

/// `Content-Transfer-Encoding` (RFC 2045 §6), as it is stored in a layout.
package enum Encoding: UInt8, Sendable {
    case sevenBit, eightBit, binary, quotedPrintable, base64, uuencode
    /// A name that nobody knows: content cannot be decoded (`UNKNOWN-CTE`, RFC 9051 §7.1).
    case unknown

    /// Reads the field's value, as `MIME.TransferEncoding` does.
    init(_ value: Range<Int>, in source: Source) {
        var cursor = FieldCursor(source, value)
        cursor.skipCFWS()
        let token = cursor.token()
        if source.isNamed(token, "7bit") {
            self = .sevenBit
        } else if source.isNamed(token, "8bit") {
            self = .eightBit
        } else if source.isNamed(token, "quoted-printable") {
            self = .quotedPrintable
        } else if source.isNamed(token, "base64") {
            self = .base64
        } else {
            self.init(TransferEncoding(Array(source[value])[...]))
        }
    }

    private init(_ encoding: TransferEncoding?) {
        self =
            switch encoding {
            case .sevenBit: .sevenBit
            case .eightBit: .eightBit
            case .binary: .binary
            case .quotedPrintable: .quotedPrintable
            case .base64: .base64
            case .uuencode: .uuencode
            case nil: .unknown
            }
    }

    /// The same as MIME knows it; nil if it is unknown.
    var transferEncoding: TransferEncoding? {
        switch self {
        case .sevenBit: .sevenBit
        case .eightBit: .eightBit
        case .binary: .binary
        case .quotedPrintable: .quotedPrintable
        case .base64: .base64
        case .uuencode: .uuencode
        case .unknown: nil
        }
    }

    /// Whether the octets are content as they stand.
    var isIdentity: Bool {
        switch self {
        case .sevenBit, .eightBit, .binary: true
        case .quotedPrintable, .base64, .uuencode, .unknown: false
        }
    }
}
