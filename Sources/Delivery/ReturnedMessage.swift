// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail

/// What a report returns of the message that it is about, as its last part.
struct ReturnedMessage {
    let returned: Notification.Returned
    /// Whether the message came with SMTPUTF8.
    let isInternational: Bool
    /// To whom the report goes.
    let addressee: Address

    /// The header of the message, cut to size.
    var header: [UInt8] {
        let octets =
            switch returned {
            case .header(let octets), .message(let octets): octets
            }
        let end = HeaderScan(octets[...]).headerEnd ?? octets.count
        guard end > Notification.maximumHeaderOctets else { return Array(octets[..<end]) }
        // A field that is cut would say something else.
        var cut = Notification.maximumHeaderOctets
        while cut > 0, octets[cut - 1] != .lineFeed || octets[cut].isWhitespace { cut -= 1 }
        return Array(octets[..<cut])
    }

    /// The identifier of the message; nil if it has none.
    var identifier: MessageIdentifier? {
        HeaderScan.value(of: "Message-ID", in: header[...])
            .flatMap { MessageIdentifier.parse($0).first }
    }

    /// By what the report belongs to the message's thread (RFC 5322 §3.6.4).
    func addReferences(to fields: inout HeaderWriter) {
        guard let identifier else { return }
        // A thread's references need not grow for ever.
        let maximum = 20
        let references = HeaderScan.value(of: "References", in: header[...]) ?? []
        fields.field("In-Reply-To", identifiers: [identifier])
        fields.field(
            "References",
            identifiers: MessageIdentifier.parse(references).suffix(maximum - 1) + [identifier])
    }

    var part: Composition {
        let header = header
        // RFC 6533 §4.2, §4.3: a header in UTF-8, as only SMTPUTF8 may bring it.
        let isGlobal = isInternational && header.contains { $0 >= 0x80 }
        if case .message(let octets) = returned, octets.count <= Notification.maximumMessageOctets {
            let lines = TransferEncoding.canonicalLines(octets)
            // What 8BITMIME can carry (RFC 6152 §2): no NUL, no line of more than 998 octets.
            if TransferEncoding.isEightBit(lines) {
                return isGlobal
                    ? global(lines, type: "message/global")
                    : Composition(.lines(lines, type: "message/rfc822", parameters: []))
            }
        }
        return isGlobal
            ? global(header, type: "message/global-headers")
            : Composition(.encodableLines(header, type: "text/rfc822-headers"))
    }

    /// In 8 bits only on the way to someone whose address shows that all servers on it can do
    /// that; else encoded, which RFC 6533 §4.4 allows for these types.
    func global(_ lines: [UInt8], type: String) -> Composition {
        addressee.isInternational
            ? Composition(.lines(lines, type: type, parameters: []))
            : Composition(.encodableLines(lines, type: type))
    }
}
