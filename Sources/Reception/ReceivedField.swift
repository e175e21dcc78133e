// SPDX-License-Identifier: Apache-2.0

import Bytes
import Journal
import Mail
import SMTP
import World

/// The trace field that records a hand-over (RFC 5321 §4.4).
struct ReceivedField {
    private let transaction: ServerSession.Transaction
    private let client: Client
    private let hostName: Domain
    private let queueID: QueueID
    private let recipient: Address?
    private let time: Timestamp

    /// `recipient` only if it is the one recipient, so that nobody learns of blind copies (§7.6).
    init(
        _ transaction: ServerSession.Transaction, client: Client, hostName: Domain,
        queueID: QueueID, recipient: Address?, time: Timestamp
    ) {
        self.transaction = transaction
        self.client = client
        self.hostName = hostName
        self.queueID = queueID
        self.recipient = recipient
        self.time = time
    }

    /// The field with its CRLF.
    ///
    /// ```abnf
    /// Time-stamp-line = "Received:" FWS Stamp <CRLF>
    /// Stamp           = From-domain By-domain Opt-info [CFWS] ";" FWS date-time
    /// Opt-info        = [Via] [With] [ID] [For] [Additional-Registered-Clauses]
    /// ```
    var octets: [UInt8] {
        let hello = transaction.hello.name.isEmpty ? "unknown" : transaction.hello.name
        var text = "Received: from \(hello) (\(clientInformation))\r\n"
        text += "\tby \(hostName) (Postreiter) with \(transaction.protocolKeyword.rawValue)"
        if let tls = transaction.tls {
            text += "\r\n\t(version=\(tls.version)\(tls.clientCertificate.map(Self.comment) ?? ""))"
        }
        text += "\r\n\tid \(queueID)"
        // RFC 6531 §3.7.3: beyond ASCII only in a message that is international itself.
        if let recipient, !recipient.isInternational || transaction.parameters.isInternational {
            text += " for <\(recipient)>"
        }
        text += furtherClauses
        text += ";\r\n\t\(CalendarDate(time).internetMessageFormat)\r\n"
        return Array(text.utf8)
    }

    /// ```abnf
    /// tls-cipher-clause = CFWS "tls" FWS tls-cipher          ; RFC 8314 §4.3
    /// Pri               = CFWS "PRIORITY" FWS priority-value ; RFC 6710 §7
    /// ```
    private var furtherClauses: String {
        var text = ""
        if let cipher = transaction.tls?.cipher, !cipher.isEmpty { text += "\r\n\ttls \(cipher)" }
        let priority = transaction.parameters.requests.priority
        if priority != 0 { text += "\r\n\tPRIORITY \(priority)" }
        return text
    }

    /// Within a comment, so without what could end it.
    private static func comment(_ certificate: ShownCertificate) -> String {
        let subject = certificate.subject.utf8.prefix(200).map { octet in
            (0x20...0x7E).contains(octet) && !"()\\".utf8.contains(octet)
                ? octet : UInt8(ascii: "?")
        }
        return "\r\n\t client-certificate=\"\(String(lossy: subject))\" verify=no"
            + "\r\n\t sha256=\(certificate.fingerprint)"
    }

    /// `TCP-info = address-literal / ( Domain FWS address-literal )`.
    private var clientInformation: String {
        let literal = AddressLiteral.ip(client.host).description
        return client.name.map { "\($0) \(literal)" } ?? literal
    }
}
