// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail
import World

/// What MAIL says besides the reverse-path.
package struct MailParameters: Hashable, Sendable {
    /// `SIZE=` (RFC 1870 §6): the message's octets as its sender estimates them.
    package var declaredOctets: Int?
    /// `BODY=` (RFC 6152, RFC 3030).
    package var body = Envelope.Body.sevenBit
    /// `SMTPUTF8` (RFC 6531 §3.4).
    package var isInternational = false
    /// `AUTH=` (RFC 4954 §5): who submitted the message first, if that is known.
    package var submitter: ReversePath?
    /// RET, ENVID, REQUIRETLS, HOLDFOR, HOLDUNTIL, BY, MT-PRIORITY.
    package var requests = Envelope.Requests()
    /// The priority was asked to be higher than this client may make it (RFC 6710 §4.1).
    package var isPriorityLowered = false

    package init() {}
}

/// What RCPT says besides the forward-path (RFC 3461 §4.1, §4.2).
package struct RecipientParameters: Hashable, Sendable {
    package var notify: Envelope.Notify?
    package var originalRecipient: Envelope.OriginalRecipient?

    package init() {}
}

/// What a parameter may say in this session, at this moment.
struct Terms {
    /// As the reply to EHLO would offer them now.
    let extensions: Extensions
    /// The calendar, where a parameter counts from now; nil: such parameters are not known.
    let now: Timestamp?
    /// RFC 6710 §4.1: only of clients that are trusted.
    let mayRaisePriority: Bool
}

/// A parameter of MAIL or RCPT as it was written.
struct Parameter {
    /// In upper case.
    let keyword: String
    let value: ArraySlice<UInt8>?

    /// More than all extensions together define.
    static let maximumCount = 16

    /// Keywords with their values, each at most once.
    ///
    /// ```abnf
    /// Mail-parameters = esmtp-param *(SP esmtp-param)
    /// esmtp-param     = esmtp-keyword ["=" esmtp-value]
    /// esmtp-keyword   = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
    /// esmtp-value     = 1*(%d33-60 / %d62-126)
    /// esmtp-value     =/ UTF8-non-ascii                    ; RFC 6531 §3.3
    /// ```
    static func read(_ text: ArraySlice<UInt8>) throws(Reply) -> [Parameter] {
        if text.isEmpty { return [] }
        guard text.first == .space else { throw .syntaxError }
        var parameters: [Parameter] = []
        for word in text.split(separator: .space) {
            let parts = word.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, let letter = name.first, letter.isAlphanumeric,
                name.allSatisfy({ $0.isAlphanumeric || $0 == UInt8(ascii: "-") })
            else { throw .syntaxError }
            let value = parts.count == 2 ? parts[1] : nil
            if let value {
                guard !value.isEmpty,
                    value.allSatisfy({ $0 > 32 && $0 != 127 && $0 != UInt8(ascii: "=") })
                else { throw .parameterMalformed }
            }
            let keyword = String(lossy: name.map { $0.isAlpha ? $0 & ~0x20 : $0 })
            guard !parameters.contains(where: { $0.keyword == keyword }) else {
                throw .parameterRepeated
            }
            guard parameters.count < maximumCount else { throw .parameterUnknown }
            parameters.append(Parameter(keyword: keyword, value: value))
        }
        return parameters
    }

    /// The value, which must be there and, but where it is an address, ASCII.
    func text() throws(Reply) -> ArraySlice<UInt8> {
        guard let value, value.allSatisfy({ $0 < 0x80 }) else { throw .parameterMalformed }
        return value
    }

    func expectNoValue() throws(Reply) {
        guard value == nil else { throw .parameterMalformed }
    }
}

// MARK: - MAIL

extension MailParameters {
    /// Reads the parameters of MAIL.
    init(_ parameters: [Parameter], on terms: Terms) throws(Reply) {
        var deliverBy: Int?
        for parameter in parameters {
            switch parameter.keyword {
            case "SIZE": declaredOctets = try Self.size(parameter.text())
            case "BODY": body = try Self.body(parameter.text(), terms)
            case "AUTH": submitter = try Self.submitter(parameter.text())
            case "SMTPUTF8" where terms.extensions.isInternational:
                try parameter.expectNoValue()
                isInternational = true
            case "RET" where terms.extensions.hasDSN:
                requests.returned = try Self.returned(parameter.text())
            case "ENVID" where terms.extensions.hasDSN:
                requests.envelopeID = try Self.envelopeID(parameter.text())
            case "REQUIRETLS" where terms.extensions.canRequireTLS:
                try parameter.expectNoValue()
                requests.requiresTLS = true
            case "MT-PRIORITY" where terms.extensions.priorityProfile != nil:
                try prioritize(parameter.text(), terms)
            case "HOLDFOR", "HOLDUNTIL":
                try hold(parameter, terms)
            case "BY" where terms.extensions.minimumDeliverBySeconds != nil:
                deliverBy = try deliver(parameter.text(), terms)
            default: throw .parameterUnknown
            }
        }
        // RFC 4865 §5.2.2: what is released after it is due cannot be meant.
        if deliverBy != nil, let hold = requests.holdUntil,
            let deadline = requests.deliverBy?.deadline, hold > deadline
        {
            throw .parameterMalformed
        }
    }

    /// `size-value = 1*20DIGIT` (RFC 1870 §3 (6)); what does not fit is as large as can be.
    private static func size(_ value: ArraySlice<UInt8>) throws(Reply) -> Int {
        guard value.count <= 20, value.allSatisfy(\.isDigit) else { throw .parameterMalformed }
        return Int(String(lossy: value)) ?? Int.max
    }

    /// `body-value = "7BIT" / "8BITMIME" / "BINARYMIME"` (RFC 6152 §2, RFC 3030 §3).
    private static func body(
        _ value: ArraySlice<UInt8>, _ terms: Terms
    ) throws(Reply) -> Envelope.Body {
        if value.equalsIgnoringCase("8BITMIME".utf8) { return .eightBitMIME }
        if value.equalsIgnoringCase("7BIT".utf8) { return .sevenBit }
        if terms.extensions.isBinaryMIME, value.equalsIgnoringCase("BINARYMIME".utf8) {
            return .binaryMIME
        }
        throw .parameterMalformed
    }

    /// RFC 4954 §5: a mailbox or `<>`, as xtext (§8).
    private static func submitter(_ value: ArraySlice<UInt8>) throws(Reply) -> ReversePath {
        guard let text = Xtext.decode(value) else { throw .parameterMalformed }
        if text.elementsEqual("<>".utf8) { return .null }
        guard let address = try? Address(String(lossy: text)) else { throw .parameterMalformed }
        return .address(address)
    }

    /// `"FULL" / "HDRS"`, in any letter case (RFC 3461 §4.3).
    private static func returned(_ value: ArraySlice<UInt8>) throws(Reply) -> Envelope.Returned {
        if value.equalsIgnoringCase("FULL".utf8) { return .full }
        if value.equalsIgnoringCase("HDRS".utf8) { return .header }
        throw .parameterMalformed
    }

    /// `"ENVID=" xtext` (RFC 3461 §4.4): at most 100 characters, of printable ASCII when decoded.
    private static func envelopeID(_ value: ArraySlice<UInt8>) throws(Reply) -> String {
        guard value.count <= 100, let text = Xtext.decode(value), text.allSatisfy(\.isPrintable)
        else { throw .parameterMalformed }
        return String(lossy: text)
    }

    /// ```abnf
    /// priority-value = (["-"] NZDIGIT) / "0"     ; RFC 6710 §7
    /// ```
    private mutating func prioritize(
        _ value: ArraySlice<UInt8>, _ terms: Terms
    ) throws(Reply) {
        let isNegative = value.first == UInt8(ascii: "-")
        let digits = isNegative ? value.dropFirst() : value
        guard digits.count == 1, let digit = digits.first, digit.isDigit,
            !(isNegative && digit == UInt8(ascii: "0"))
        else { throw .prioritySyntax }
        let asked = Int(digit - UInt8(ascii: "0")) * (isNegative ? -1 : 1)
        // §4.1: no upgrade for those who are not known.
        requests.priority = terms.mayRaisePriority ? asked : min(asked, 0)
        isPriorityLowered = requests.priority != asked
    }

    /// ```abnf
    /// future-release-integer   = %x31-39 *8DIGIT              ; RFC 4865 §3
    /// hold-for-param   = "HOLDFOR=" future-release-integer
    /// hold-until-param = "HOLDUNTIL=" Internet-style-date-time-UTC
    /// ```
    private mutating func hold(_ parameter: Parameter, _ terms: Terms) throws(Reply) {
        guard let release = terms.extensions.futureRelease, let now = terms.now else {
            throw .parameterUnknown
        }
        // §4.2 (9): not both.
        guard requests.holdUntil == nil else { throw .parameterRepeated }
        let value = try parameter.text()
        let latest = now + .seconds(release.maximumSeconds)
        let until: Timestamp
        if parameter.keyword == "HOLDFOR" {
            guard (1...9).contains(value.count), value.first != UInt8(ascii: "0"),
                value.allSatisfy(\.isDigit), let seconds = Int(String(lossy: value))
            else { throw .parameterMalformed }
            until = now + .seconds(seconds)
        } else {
            guard let time = Timestamp(internetFormat: String(lossy: value)) else {
                throw .parameterMalformed
            }
            until = time
        }
        // §4.2 (7), (8).
        guard until <= latest else { throw .holdTooLong }
        requests.holdUntil = until
    }

    /// ```abnf
    /// by-value = by-time ";" by-mode [by-trace]      ; RFC 2852 §4
    /// by-time  = ["-" / "+"] 1*9digit
    /// by-mode  = "N" / "R"
    /// by-trace = "T"
    /// ```
    private mutating func deliver(_ value: ArraySlice<UInt8>, _ terms: Terms) throws(Reply) -> Int {
        guard let now = terms.now else { throw .parameterUnknown }
        let parts = value.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
        guard parts.count == 2, (1...2).contains(parts[1].count), let letter = parts[1].first,
            let mode = Envelope.DeliverBy.Mode(rawValue: String(lossy: [letter & ~0x20])),
            parts[1].count == 1 || parts[1].last.map({ $0 & ~0x20 }) == UInt8(ascii: "T")
        else { throw .parameterMalformed }
        let sign = parts[0].first
        let digits =
            sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") ? parts[0].dropFirst() : parts[0]
        guard (1...9).contains(digits.count), digits.allSatisfy(\.isDigit),
            let number = Int(String(lossy: digits))
        else { throw .parameterMalformed }
        let seconds = sign == UInt8(ascii: "-") ? -number : number
        if mode == .return {
            guard seconds > 0 else { throw .parameterMalformed }
            guard seconds >= terms.extensions.minimumDeliverBySeconds ?? 0 else {
                throw .deliverByTooSoon
            }
        }
        requests.deliverBy = Envelope.DeliverBy(
            deadline: now + .seconds(seconds), mode: mode, isTraced: parts[1].count == 2)
        return seconds
    }
}

// MARK: - RCPT

extension RecipientParameters {
    /// Reads the parameters of RCPT; `isInternational`: MAIL said SMTPUTF8.
    init(
        _ parameters: [Parameter], isInternational: Bool, on terms: Terms
    ) throws(Reply) {
        for parameter in parameters {
            switch parameter.keyword {
            case "NOTIFY" where terms.extensions.hasDSN:
                notify = try Self.notify(parameter.text())
            case "ORCPT" where terms.extensions.hasDSN:
                guard let value = parameter.value else { throw .parameterMalformed }
                originalRecipient = try Self.original(value, isInternational: isInternational)
            default: throw .parameterUnknown
            }
        }
    }

    /// ```abnf
    /// notify-esmtp-value  = "NEVER" / 1#notify-list-element      ; RFC 3461 §4.1
    /// notify-list-element = "SUCCESS" / "FAILURE" / "DELAY"
    /// ```
    private static func notify(_ value: ArraySlice<UInt8>) throws(Reply) -> Envelope.Notify {
        if value.equalsIgnoringCase("NEVER".utf8) { return .never }
        var notify = Envelope.Notify.never
        for word in value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            if word.equalsIgnoringCase("SUCCESS".utf8) {
                notify.insert(.success)
            } else if word.equalsIgnoringCase("FAILURE".utf8) {
                notify.insert(.failure)
            } else if word.equalsIgnoringCase("DELAY".utf8) {
                notify.insert(.delay)
            } else {
                throw .parameterMalformed
            }
        }
        return notify
    }

    /// RFC 3461 §4.2: "up to 500 characters".
    private static let maximumOriginalOctets = 500

    /// ```abnf
    /// original-recipient-address = addr-type ";" xtext       ; RFC 3461 §4.2
    /// utf-8-type-addr            = "utf-8;" utf-8-enc-addr   ; RFC 6533 §3
    /// ```
    private static func original(
        _ value: ArraySlice<UInt8>, isInternational: Bool
    ) throws(Reply) -> Envelope.OriginalRecipient {
        guard value.count <= maximumOriginalOctets,
            let semicolon = value.firstIndex(of: UInt8(ascii: ";")),
            semicolon > value.startIndex,
            value[..<semicolon].allSatisfy({ $0 < 0x80 && $0.isAtomText })
        else { throw .parameterMalformed }
        let type = String(lossy: value[..<semicolon]).asciiLowercased
        let text = value[(semicolon + 1)...]
        let address: String?
        if type == "utf-8" {
            address = Unitext.decode(text, isInternational: isInternational)
        } else {
            address = Xtext.decode(text).flatMap {
                $0.allSatisfy(\.isPrintable) ? String(lossy: $0) : nil
            }
        }
        guard let address, !address.isEmpty else { throw .parameterMalformed }
        return Envelope.OriginalRecipient(addressType: type, address: address)
    }
}

extension UInt8 {
    /// "Graphic and white space" (RFC 3461 §4.2, §4.4).
    fileprivate var isPrintable: Bool { (0x20...0x7E).contains(self) || self == .tab }
}
