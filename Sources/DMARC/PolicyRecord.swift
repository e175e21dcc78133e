// SPDX-License-Identifier: Apache-2.0

import Bytes

/// What a domain's owner asks of receivers (RFC 9989 §4.7), as they read it.
///
/// ```abnf
/// dmarc-record  = dmarc-version *(dmarc-sep dmarc-tag) [dmarc-sep]
/// dmarc-sep     = *WSP ";" *WSP
/// equals        = *WSP "=" *WSP
/// dmarc-tag     = 1*ALPHA equals 1*dmarc-value
/// dmarc-value   = %x20-3A / %x3C-7E      ; any printing characters but semicolon
/// dmarc-version = "v" equals %s"DMARC1"  ; case sensitive
/// ```
package struct PolicyRecord: Hashable, Sendable {
    /// What is to be done with mail that fails; the later, the stricter.
    package enum Policy: String, Hashable, Sendable, CaseIterable, Comparable {
        case none, quarantine, reject

        private var strictness: Int {
            switch self {
            case .none: 0
            case .quarantine: 1
            case .reject: 2
            }
        }

        package static func < (left: Self, right: Self) -> Bool {
            left.strictness < right.strictness
        }

        /// One level below, as `t=y` asks for (§4.7).
        package var lowered: Self { self == .reject ? .quarantine : .none }
    }

    /// How near an authenticated domain must be to the author's (§3.2.10).
    package enum Alignment: String, Hashable, Sendable {
        /// They have the same Organizational Domain.
        case relaxed = "r"
        /// They are the same.
        case strict = "s"
    }

    /// `psd=`: whether the domain is one below which others register theirs.
    package enum PublicSuffix: String, Hashable, Sendable {
        case yes = "y"
        case no = "n"
        case unknown = "u"
    }

    /// `fo=`: when failure reports are wanted.
    package struct FailureOptions: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// `0`: if nothing passes and is aligned.
        package static let all = Self(rawValue: 1)
        /// `1`: if anything does not pass or is not aligned.
        package static let any = Self(rawValue: 2)
        /// `d`: if a signature fails, aligned or not.
        package static let signature = Self(rawValue: 4)
        /// `s`: if SPF fails, aligned or not.
        package static let sender = Self(rawValue: 8)
    }

    /// What the tags `p`, `sp` and `np` come to together (§4.10.1).
    package enum Standing: Hashable, Sendable {
        /// All of them that stand there are valid, and `p` does.
        case complete
        /// One is not, but reports are wanted: it counts as `p=none` alone.
        case monitoring
        /// One is not, and nobody wants reports: DMARC is not applied.
        case unusable
        /// A tag stands twice, so that nothing of the record counts (RFC 6376 §3.2).
        case repetitive
    }

    package private(set) var standing = Standing.complete
    /// `p`, `none` where the record does not come to more.
    package private(set) var policy = Policy.none
    /// `sp`, nil if it is not said.
    package private(set) var statedSubdomainPolicy: Policy?
    /// `np`, nil if it is not said.
    package private(set) var statedNonexistentPolicy: Policy?
    package private(set) var dkimAlignment = Alignment.relaxed
    package private(set) var spfAlignment = Alignment.relaxed
    /// `t=y`: the policy is to be lowered by one.
    package private(set) var isTesting = false
    /// Nil if it is not said, which means the same as `u`.
    package private(set) var publicSuffix: PublicSuffix?
    /// `rua`: who gets aggregate reports; of any scheme.
    package private(set) var aggregateReports: [ReportURI] = []
    /// `ruf`: who gets failure reports.
    package private(set) var failureReports: [ReportURI] = []
    /// `fo`; without meaning if there is no `ruf`.
    package private(set) var failureOptions = FailureOptions.all
    /// Tags that RFC 7489 had and RFC 9989 has not (§9.3): pct, rf, ri; they have no effect.
    package private(set) var historic: [String] = []
    /// Parts that are no tag, or tags whose value is not allowed, as far as there is room.
    package private(set) var faulty: [String] = []

    /// For subdomains that exist: `sp`, else `p`.
    package var subdomainPolicy: Policy { statedSubdomainPolicy ?? policy }
    /// For subdomains that do not exist: `np`, else `sp`, else `p`.
    package var nonexistentPolicy: Policy { statedNonexistentPolicy ?? subdomainPolicy }
    /// Whether it says what to do with mail.
    package var isUsable: Bool { standing == .complete || standing == .monitoring }

    /// More are in no record of anybody's; each is compared with those before it.
    package static let maximumTags = 100
    /// Far more than anybody names; each may get a report.
    package static let maximumURIs = 50
    /// As many faults as people read.
    private static let maximumFaults = 20

    /// Whether a text is a DMARC record at all (§4.7): `v` is the first tag, and its value exactly
    /// `DMARC1`.
    package static func isRecord(_ text: [UInt8]) -> Bool {
        guard text.first?.lowercased == UInt8(ascii: "v") else { return false }
        let version = text.prefix { $0 != UInt8(ascii: ";") }.dropFirst().drop(
            while: \.isWhitespace)
        guard version.first == UInt8(ascii: "=") else { return false }
        return version.dropFirst().trimmed.elementsEqual("DMARC1".utf8)
    }

    /// Reads the text of a TXT record; nil if it is none of DMARC.
    ///
    /// Never fails beyond that: unknown tags are ignored, and what is wrong is replaced by its
    /// default (§4.8).
    package init?(parsing text: [UInt8]) {
        guard Self.isRecord(text) else { return nil }
        var reading = Reading()
        for part in text.split(separator: UInt8(ascii: ";")).dropFirst() {
            let part = part.trimmed
            guard !part.isEmpty, reading.count < Self.maximumTags else { continue }
            reading.count += 1
            read(part, &reading)
        }
        conclude(reading)
    }

    /// What is known of the tags only while they are read.
    private struct Reading {
        var names: [String] = ["v"]
        var count = 0
        var isRepetitive = false
        var policy: Policy?
        /// `p`, `sp` or `np` stands there without a valid value.
        var isPolicyFaulty = false
    }

    private mutating func read(_ part: ArraySlice<UInt8>, _ reading: inout Reading) {
        guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return fault(part) }
        let octets = part[..<equals].trimmed
        let value = part[(equals + 1)...].trimmed
        guard !octets.isEmpty, octets.allSatisfy(\.isAlpha), !value.isEmpty,
            value.allSatisfy({ (0x20...0x7E).contains($0) || $0.isWhitespace })
        else {
            // An empty or garbled policy is not one that is left out.
            if ["p", "sp", "np"].contains(where: { octets.equalsIgnoringCase($0.utf8) }) {
                reading.isPolicyFaulty = true
            }
            return fault(part)
        }
        let name = String(lossy: octets).asciiLowercased
        guard !reading.names.contains(name) else {
            reading.isRepetitive = true
            return fault(part)
        }
        reading.names.append(name)
        if !take(name, value, &reading) { fault(part) }
    }

    private mutating func fault(_ part: ArraySlice<UInt8>) {
        guard faulty.count < Self.maximumFaults else { return }
        faulty.append(String(lossy: part.prefix(60)))
    }

    /// Takes a tag; false if its value is not allowed.
    ///
    /// Values are read in any letter case (RFC 5234 §2.3).
    private mutating func take(
        _ name: String, _ value: ArraySlice<UInt8>, _ reading: inout Reading
    ) -> Bool {
        let word = { String(lossy: value).asciiLowercased }
        switch name {
        case "p", "sp", "np":
            guard let policy = Policy(rawValue: word()) else {
                reading.isPolicyFaulty = true
                return false
            }
            if name == "p" { reading.policy = policy }
            if name == "sp" { statedSubdomainPolicy = policy }
            if name == "np" { statedNonexistentPolicy = policy }
        case "adkim":
            guard let alignment = Alignment(rawValue: word()) else { return false }
            dkimAlignment = alignment
        case "aspf":
            guard let alignment = Alignment(rawValue: word()) else { return false }
            spfAlignment = alignment
        case "t":
            let word = word()
            isTesting = word == "y"
            return word == "y" || word == "n"
        case "psd":
            publicSuffix = PublicSuffix(rawValue: word())
            return publicSuffix != nil
        case "fo":
            guard let options = Self.failureOptions(value) else { return false }
            failureOptions = options
        case "rua":
            aggregateReports = Self.uris(value)
            return !aggregateReports.isEmpty
        case "ruf":
            failureReports = Self.uris(value)
            return !failureReports.isEmpty
        case "pct", "rf", "ri": historic.append(name)
        // §4.7: unknown tags must be ignored.
        default: break
        }
        return true
    }

    /// §4.10.1: what a record without a valid policy means.
    private mutating func conclude(_ reading: Reading) {
        if reading.isRepetitive {
            let (historic, faulty) = (historic, faulty)
            self = Self()
            (self.historic, self.faulty, standing) = (historic, faulty, .repetitive)
        } else if let policy = reading.policy, !reading.isPolicyFaulty {
            self.policy = policy
        } else {
            standing = aggregateReports.isEmpty ? .unusable : .monitoring
            statedSubdomainPolicy = nil
            statedNonexistentPolicy = nil
        }
    }

    /// A record that says nothing.
    private init() {}

    /// ```abnf
    /// dmarc-fo   = ("0" / "1") *(":" dmarc-afrf) / dmarc-afrf [":" ("0" / "1")] [":" dmarc-afrf]
    ///            / *(dmarc-afrf ":") ("0" / "1")
    /// dmarc-afrf = "d" / "s"      ; each may appear at most once in dmarc-fo
    /// ```
    private static func failureOptions(_ value: ArraySlice<UInt8>) -> FailureOptions? {
        var options: FailureOptions = []
        for word in value.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
            let word = word.trimmed
            let option: FailureOptions
            switch word.first?.lowercased {
            case UInt8(ascii: "0"): option = .all
            case UInt8(ascii: "1"): option = .any
            case UInt8(ascii: "d"): option = .signature
            case UInt8(ascii: "s"): option = .sender
            default: return nil
            }
            guard word.count == 1, options.isDisjoint(with: option) else { return nil }
            options.insert(option)
        }
        return options.isSuperset(of: [.all, .any]) ? nil : options
    }

    /// The valid ones; others among them are passed over.
    ///
    /// ```abnf
    /// dmarc-urilist = (dmarc-uri / obs-dmarc-uri) *(*WSP "," *WSP (dmarc-uri / obs-dmarc-uri))
    /// ```
    private static func uris(_ value: ArraySlice<UInt8>) -> [ReportURI] {
        var uris: [ReportURI] = []
        for part in value.split(separator: UInt8(ascii: ",")) where uris.count < maximumURIs {
            if let uri = ReportURI(part.trimmed) { uris.append(uri) }
        }
        return uris
    }
}

extension ArraySlice<UInt8> {
    /// Without white space at both ends.
    var trimmed: ArraySlice<UInt8> {
        var text = drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
