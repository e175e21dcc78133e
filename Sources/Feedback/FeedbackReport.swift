// SPDX-License-Identifier: Apache-2.0

package import Bytes
import MIME
package import World

/// A report on one message (RFC 5965, ARF): somebody complains, or it did not authenticate
/// (RFC 6591, RFC 9991).
package struct FeedbackReport: Hashable, Sendable {
    static let type = "message/feedback-report"

    /// `abuse`, `auth-failure`, `fraud`, `not-spam`, `virus`, `other` or a newer one.
    package var kind: String
    package var userAgent: String?
    package var originalEnvelopeID: String?
    package var originalMailFrom: String?
    package var arrival: Timestamp?
    package var reportingMTA: String?
    package var source: IPAddress?
    /// How many messages it stands for.
    package var incidents: Int64 = 1
    package var authenticationResults: [String] = []
    package var originalRecipients: [String] = []
    package var reportedDomains: [String] = []
    package var reportedURIs: [String] = []
    /// What authentication failures have beside (RFC 6591 §3.2, RFC 9991 §4); nil for others.
    package var failure: AuthenticationFailure?
    /// The header of the message it is about, or the whole message.
    package var original: [UInt8] = []
    package var isWholeOriginal = false

    /// Fields that may stand many times are kept so often.
    private static let maximumRepetitions = 100
    private static let maximumOriginalOctets = 1 << 20
    /// Of registered words the longest has 16.
    private static let maximumTokenOctets = 100

    package init(kind: String) { self.kind = kind }

    /// The fields of an authentication failure.
    package struct AuthenticationFailure: Hashable, Sendable {
        /// `dmarc`, `dkim` and its kinds, `spf`, `adsp`.
        package var type: String
        /// Which methods failed to give an aligned identity (RFC 9991 §4); empty for "none".
        package var unaligned: [String] = []
        /// `delivered`, `spam`, `policy`, `reject` or `other`.
        package var deliveryResult: String?
        package var dkimDomain: String?
        package var dkimIdentity: String?
        package var dkimSelector: String?
        /// `txt : DOMAIN : "RECORD"` each.
        package var senderPolicies: [String] = []

        package init(type: String) { self.type = type }
    }

    /// The domains of the authors of the message it is about.
    package var originalDomains: [String] {
        guard let value = HeaderScan.value(of: "From", in: original[...]) else { return [] }
        return AddressList(String(lossy: value)).participants.map(\.domain.asciiLowercased)
    }

    /// What tells it from other reports: the same for the same report.
    package var fingerprint: String {
        let identifier = HeaderScan.value(of: "Message-ID", in: original[...]).map {
            String(lossy: $0).trimmed.prefix(octets: 200)
        }
        let recipients = originalRecipients.prefix(3).joined(separator: " ")
        let checksum = CRC32.checksum(original[...])
        return "\(kind) \(identifier ?? "") \(checksum) \(incidents) \(recipients)"
    }

    /// Reads the machine's part of a report; the message it is about is the part behind it.
    ///
    /// RFC 5965 §4: what deviates is refused; what is not known is ignored (§6).
    init(_ part: Entity, among entities: [Entity]) throws(ReportFailure) {
        var defects = DefectList()
        let fields = Fields(part.content(defects: &defects))
        guard let kind = fields.word("Feedback-Type") else {
            throw ReportFailure("its `Feedback-Type` is missing")
        }
        // RFC 5965 §3.1, §3.2: these stand once.
        for name in ["Feedback-Type", "Version", "Source-IP", "Incidents", "Original-Mail-From"]
        where fields.all(name).count > 1 {
            throw ReportFailure("its `\(name)` stands there twice")
        }
        self.kind = kind
        read(fields)
        if kind == "auth-failure" || fields.word("Auth-Failure") != nil {
            failure = Self.failure(fields)
        }
        readOriginal(of: part, among: entities)
    }

    private mutating func read(_ fields: Fields) {
        userAgent = fields.all("User-Agent").first
        originalEnvelopeID = fields.all("Original-Envelope-Id").first
        originalMailFrom = fields.all("Original-Mail-From").first.map(Self.path)
        arrival = fields.date("Arrival-Date") ?? fields.date("Received-Date")
        // RFC 3464 §2.2.2: `dns; NAME`.
        reportingMTA = fields.all("Reporting-MTA").first.map {
            String($0.split(separator: ";").last ?? "").trimmed
        }
        source = fields.all("Source-IP").first.flatMap { text in
            let bare = text.asciiLowercased.filter { $0 != "[" && $0 != "]" }
            return IPAddress(bare.hasPrefix("ipv6:") ? String(bare.dropFirst(5)) : bare)
        }
        incidents = fields.word("Incidents").flatMap { Int64($0) }.map { max($0, 1) } ?? 1
        authenticationResults = fields.all("Authentication-Results")
        originalRecipients = fields.all("Original-Rcpt-To").map(Self.path)
        reportedDomains = fields.all("Reported-Domain").map(\.asciiLowercased)
        reportedURIs = fields.all("Reported-URI")
    }

    private static func failure(_ fields: Fields) -> AuthenticationFailure {
        var failure = AuthenticationFailure(type: fields.word("Auth-Failure") ?? "other")
        failure.unaligned = (fields.all("Identity-Alignment").first ?? "").split(separator: ",")
            .map { $0.trimmed.asciiLowercased }.filter { !$0.isEmpty && $0 != "none" }
        failure.deliveryResult = fields.word("Delivery-Result")
        failure.dkimDomain = fields.word("DKIM-Domain")
        failure.dkimIdentity = fields.all("DKIM-Identity").first
        failure.dkimSelector = fields.all("DKIM-Selector").first
        failure.senderPolicies = fields.all("SPF-DNS")
        return failure
    }

    private static func path(_ text: String) -> String {
        text.hasPrefix("<") && text.hasSuffix(">") ? String(text.dropFirst().dropLast()) : text
    }

    private mutating func readOriginal(of part: Entity, among entities: [Entity]) {
        var defects = DefectList()
        for entity in entities where entity.path != part.path {
            switch entity.contentType.description {
            case "message/rfc822", "message/global": isWholeOriginal = true
            case "text/rfc822-headers", "message/global-headers", "message/rfc822-headers":
                isWholeOriginal = false
            default: continue
            }
            original = Array(
                entity.content(defects: &defects).prefix(Self.maximumOriginalOctets))
            return
        }
    }

    /// Fields with the syntax of a header, unfolded.
    private struct Fields {
        private let header: Header

        init(_ octets: ArraySlice<UInt8>) {
            var defects = DefectList()
            var bodyStart = octets.startIndex
            // Some write an empty line too many between the part's header and its fields.
            header = Header(
                octets.drop { $0 == .carriageReturn || $0 == .lineFeed }, bodyStart: &bodyStart,
                defects: &defects)
        }

        func all(_ name: String) -> [String] {
            header.all(name).prefix(maximumRepetitions).map { field in
                // What a report says is shown on terminals: no control characters.
                let scalars = field.decoded.unicodeScalars.map { $0.isWritable ? $0 : " " }
                return String(String.UnicodeScalarView(scalars)).trimmed
            }
        }

        /// The first token (RFC 2045 §5.1), in lower case; comments are left out.
        func word(_ name: String) -> String? {
            let first = all(name).first?.split(whereSeparator: { $0 == " " || $0 == "(" }).first
            guard let first, first.utf8.count <= maximumTokenOctets,
                first.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { return nil }
            return String(first).asciiLowercased
        }

        func date(_ name: String) -> Timestamp? {
            var defects = DefectList()
            return header.first(name)?.date(defects: &defects)?.timestamp
        }
    }
}
