// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import World

/// The trace field that records a hand-over (RFC 5321 §4.4).
struct ReceivedField {
    let hello: String
    let client: IPAddress
    let hostName: Domain
    let protocolKeyword: ProtocolKeyword
    let tls: TLSFacts?
    let queueID: String
    /// Shown only when it is the one recipient, so that nobody learns of blind copies (§7.6).
    let recipient: Address?
    let time: Timestamp

    /// The field with its CRLF.
    ///
    /// ```abnf
    /// Time-stamp-line = "Received:" FWS Stamp <CRLF>
    /// Stamp           = From-domain By-domain Opt-info [CFWS] ";" FWS date-time
    /// Opt-info        = [Via] [With] [ID] [For]
    /// ```
    var octets: [UInt8] {
        var text = "Received: from \(hello.isEmpty ? "unknown" : hello) (\(clientLiteral))\r\n"
        text += "\tby \(hostName) (Postreiter) with \(protocolKeyword.rawValue)"
        if let tls {
            let cipher = tls.cipher.isEmpty ? "" : " cipher=\(tls.cipher)"
            text += "\r\n\t(version=\(tls.version)\(cipher))"
        }
        text += "\r\n\tid \(queueID)"
        if let recipient { text += " for <\(recipient)>" }
        text += ";\r\n\t\(CalendarDate(time).internetMessageFormat)\r\n"
        return Array(text.utf8)
    }

    /// `TCP-info = address-literal`.
    private var clientLiteral: String { AddressLiteral.ip(client).description }
}
