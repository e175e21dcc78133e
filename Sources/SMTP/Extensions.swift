// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The service extensions that an EHLO reply offers (RFC 5321 §4.1.1.1).
///
/// One value for both sides: the server writes `lines`, the client reads them.
package struct Extensions: Hashable, Sendable {
    /// RFC 2920.
    package var isPipelining = false
    /// RFC 1870: nil without SIZE, 0 for SIZE without a limit.
    package var maximumMessageOctets: Int?
    /// RFC 6152.
    package var is8BitMIME = false
    /// RFC 2034.
    package var hasEnhancedStatusCodes = false
    /// RFC 3207.
    package var canStartTLS = false
    /// RFC 4954: mechanism names in upper case; empty without AUTH.
    package var saslMechanisms: [String] = []

    package init() {}

    /// The keyword lines, in a fixed order.
    ///
    /// ```abnf
    /// ehlo-line = ehlo-keyword *( SP ehlo-param )
    /// ```
    package var lines: [String] {
        var lines: [String] = []
        if isPipelining { lines.append("PIPELINING") }
        if let maximumMessageOctets {
            lines.append(maximumMessageOctets == 0 ? "SIZE" : "SIZE \(maximumMessageOctets)")
        }
        if is8BitMIME { lines.append("8BITMIME") }
        if hasEnhancedStatusCodes { lines.append("ENHANCEDSTATUSCODES") }
        if canStartTLS { lines.append("STARTTLS") }
        if !saslMechanisms.isEmpty {
            lines.append("AUTH " + saslMechanisms.joined(separator: " "))
        }
        return lines
    }

    /// Reads what follows the first line of an EHLO reply; unknown keywords are passed over.
    package init(lines: some Sequence<String>) {
        for line in lines {
            // `AUTH=LOGIN` was written by servers older than RFC 2554.
            let words = line.split { $0 == " " || $0 == "=" || $0 == "\t" }
            guard let keyword = words.first?.uppercased() else { continue }
            switch keyword {
            case "PIPELINING": isPipelining = true
            case "SIZE":
                maximumMessageOctets = words.count > 1 ? max(0, Int(words[1]) ?? 0) : 0
            case "8BITMIME": is8BitMIME = true
            case "ENHANCEDSTATUSCODES": hasEnhancedStatusCodes = true
            case "STARTTLS": canStartTLS = true
            case "AUTH":
                for word in words.dropFirst() where !saslMechanisms.contains(word.uppercased()) {
                    saslMechanisms.append(word.uppercased())
                }
            default: break
            }
        }
    }
}

/// How a message came, for the `with` clause of its Received field (RFC 3848 §2).
package enum ProtocolKeyword: String, Hashable, Sendable {
    case smtp = "SMTP"
    case esmtp = "ESMTP"
    case esmtpA = "ESMTPA"
    case esmtpS = "ESMTPS"
    case esmtpSA = "ESMTPSA"

    package init(isExtended: Bool, isSecured: Bool, isAuthenticated: Bool) {
        self =
            switch (isExtended || isSecured || isAuthenticated, isSecured, isAuthenticated) {
            case (false, _, _): .smtp
            case (true, false, false): .esmtp
            case (true, false, true): .esmtpA
            case (true, true, false): .esmtpS
            case (true, true, true): .esmtpSA
            }
    }
}
