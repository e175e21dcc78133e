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
    /// RFC 3030 §2.
    package var isChunking = false
    /// RFC 3030 §3; of use only together with CHUNKING.
    package var isBinaryMIME = false
    /// SMTPUTF8 (RFC 6531).
    package var isInternational = false
    /// RFC 3461.
    package var hasDSN = false
    /// RFC 8689; said only under TLS.
    package var canRequireTLS = false
    /// DELIVERBY (RFC 2852 §2): the least by-time in mode R, 0 for any; nil without DELIVERBY.
    package var minimumDeliverBySeconds: Int?
    /// MT-PRIORITY (RFC 6710 §3): the profile's name, empty for none; nil without MT-PRIORITY.
    package var priorityProfile: String?
    /// RFC 9422.
    package var limits = Limits()
    /// FUTURERELEASE (RFC 4865); nil without it.
    package var futureRelease: FutureRelease?
    /// ETRN (RFC 1985).
    package var canStartQueue = false
    /// XCLIENT: attribute names in upper case that a trusted proxy may state; empty without it.
    package var clientAttributes: [String] = []

    /// How far ahead a message may be held (RFC 4865 §3).
    package struct FutureRelease: Hashable, Sendable {
        package var maximumSeconds: Int
        /// As `maximumSeconds` from now, in the form of RFC 3339.
        package var maximumDateTime: String

        package init(maximumSeconds: Int, maximumDateTime: String) {
            self.maximumSeconds = maximumSeconds
            self.maximumDateTime = maximumDateTime
        }
    }

    /// `LIMITS` (RFC 9422 §4): what is nil has no stated limit.
    package struct Limits: Hashable, Sendable {
        /// `MAILMAX`: transactions in a session.
        package var transactions: Int?
        /// `RCPTMAX`: RCPT commands in a transaction.
        package var recipients: Int?
        /// `RCPTDOMAINMAX`: different domains of recipients in a session.
        package var recipientDomains: Int?

        package init() {}
    }

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
        return lines + furtherLines
    }

    private var furtherLines: [String] {
        var lines: [String] = []
        if isChunking { lines.append("CHUNKING") }
        if isBinaryMIME { lines.append("BINARYMIME") }
        if isInternational { lines.append("SMTPUTF8") }
        if hasDSN { lines.append("DSN") }
        if canRequireTLS { lines.append("REQUIRETLS") }
        if let least = minimumDeliverBySeconds {
            lines.append(least == 0 ? "DELIVERBY" : "DELIVERBY \(least)")
        }
        if let profile = priorityProfile {
            lines.append(profile.isEmpty ? "MT-PRIORITY" : "MT-PRIORITY \(profile)")
        }
        if let limits = limits.line { lines.append(limits) }
        if let futureRelease {
            lines.append(
                "FUTURERELEASE \(futureRelease.maximumSeconds) \(futureRelease.maximumDateTime)")
        }
        if canStartQueue { lines.append("ETRN") }
        if !clientAttributes.isEmpty {
            lines.append("XCLIENT " + clientAttributes.joined(separator: " "))
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
            case "LIMITS": limits = Limits(line.dropFirst(keyword.utf8.count))
            case "FUTURERELEASE" where words.count > 2:
                futureRelease = FutureRelease(
                    maximumSeconds: max(0, Int(words[1]) ?? 0), maximumDateTime: String(words[2]))
            case "XCLIENT": clientAttributes = words.dropFirst().map { $0.uppercased() }
            default: readFurther(keyword, words.dropFirst().first)
            }
        }
    }

    private mutating func readFurther(_ keyword: String, _ value: Substring?) {
        switch keyword {
        case "CHUNKING": isChunking = true
        case "BINARYMIME": isBinaryMIME = true
        case "SMTPUTF8": isInternational = true
        case "DSN": hasDSN = true
        case "REQUIRETLS": canRequireTLS = true
        case "DELIVERBY":
            // `deliverby-param = min-by-time *( ',' extension-token )` (RFC 2852 §2).
            let least = value?.prefix { $0 != "," }
            minimumDeliverBySeconds = max(0, least.flatMap { Int($0) } ?? 0)
        case "ETRN": canStartQueue = true
        case "MT-PRIORITY": priorityProfile = value.map { String($0) } ?? ""
        default: break
        }
    }
}

extension Extensions.Limits {
    /// Reads what follows the keyword.
    ///
    /// ```abnf
    /// limits-param     = limit-name-value 0*[SP limit-name-value]      ; RFC 9422 §3
    /// limit-name-value = limit-name ["=" limit-value]
    /// ```
    init(_ parameter: Substring) {
        for word in parameter.split(separator: " ") {
            let parts = word.split(separator: "=", maxSplits: 1)
            // §3.7: a limit whose value cannot be read is as if it were not there.
            guard parts.count == 2, let value = Self.value(parts[1]) else { continue }
            switch parts[0].uppercased() {
            case "MAILMAX": transactions = value
            case "RCPTMAX": recipients = value
            case "RCPTDOMAINMAX": recipientDomains = value
            default: break
            }
        }
    }

    /// `%x31-39 0*5DIGIT` (§4): six digits at most, not 0.
    private static func value(_ text: Substring) -> Int? {
        guard text.utf8.count <= 6, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            text.utf8.first != 0x30
        else { return nil }
        return Int(text)
    }

    /// The keyword line; nil where nothing is limited.
    var line: String? {
        let words = [
            recipients.map { "RCPTMAX=\($0)" }, transactions.map { "MAILMAX=\($0)" },
            recipientDomains.map { "RCPTDOMAINMAX=\($0)" },
        ].compactMap(\.self)
        return words.isEmpty ? nil : "LIMITS " + words.joined(separator: " ")
    }
}

/// How a message came, for the `with` clause of its Received field (RFC 3848 §2, RFC 6531 §4.3).
package struct ProtocolKeyword: Hashable, Sendable {
    package let rawValue: String

    package init(
        isExtended: Bool, isSecured: Bool, isAuthenticated: Bool, isInternational: Bool = false,
        isLocal: Bool = false
    ) {
        let ending = (isSecured ? "S" : "") + (isAuthenticated ? "A" : "")
        rawValue =
            switch (isLocal, isInternational) {
            case (true, false): "LMTP" + ending
            case (true, true): "UTF8LMTP" + ending
            case (false, true): "UTF8SMTP" + ending
            case (false, false) where isExtended || !ending.isEmpty: "ESMTP" + ending
            case (false, false): "SMTP"
            }
    }
}
