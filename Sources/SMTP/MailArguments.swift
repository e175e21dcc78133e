// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

/// What MAIL says besides the reverse-path.
package struct MailParameters: Hashable, Sendable {
    /// `SIZE=` (RFC 1870 §6): the message's octets as its sender estimates them.
    package var declaredOctets: Int?
    /// `BODY=8BITMIME` (RFC 6152).
    package var is8BitMIME = false
    /// `AUTH=` (RFC 4954 §5): who submitted the message first, if that is known.
    package var submitter: ReversePath?

    package init() {}
}

/// What RCPT says besides the forward-path: nothing yet; DSN's NOTIFY and ORCPT belong here.
package struct RecipientParameters: Hashable, Sendable {
    package init() {}
}

/// The arguments of MAIL and RCPT, read from a command line.
///
/// ```abnf
/// mail = "MAIL FROM:" Reverse-path [SP Mail-parameters] CRLF     ; RFC 5321 §4.1.1.2
/// rcpt = "RCPT TO:" ( "<Postmaster@" Domain ">" / "<Postmaster>" /
///                     Forward-path ) [SP Rcpt-parameters] CRLF   ; §4.1.1.3
/// ```
enum MailArguments {
    /// RFC 5321 §4.5.3.1.3 says 256 octets for a path; local part and domain have their own
    /// limits of 64 and 255, and a source route may stand before them.
    static let maximumPathOctets = 1024
    /// More than all extensions together define.
    static let maximumParameters = 16

    static func mail(
        _ argument: ArraySlice<UInt8>
    ) throws(Reply) -> (ReversePath, MailParameters) {
        let (path, rest) = try self.path(argument, after: "FROM:", otherwise: .senderSyntax)
        let reversePath: ReversePath =
            path.isEmpty ? .null : .address(try address(path, otherwise: .senderSyntax))
        var parameters = MailParameters()
        for (keyword, value) in try self.parameters(rest) {
            switch keyword {
            case "SIZE": parameters.declaredOctets = try size(value)
            case "BODY": parameters.is8BitMIME = try body(value)
            case "AUTH": parameters.submitter = try submitter(value)
            default: throw .parameterUnknown
            }
        }
        return (reversePath, parameters)
    }

    static func recipient(
        _ argument: ArraySlice<UInt8>
    ) throws(Reply) -> (ForwardPath, RecipientParameters) {
        let (path, rest) = try self.path(argument, after: "TO:", otherwise: .recipientSyntax)
        // §4.5.1: reserved, in any letter case.
        let forwardPath: ForwardPath =
            path.equalsIgnoringCase("postmaster".utf8)
            ? .postmaster : .address(try address(path, otherwise: .recipientSyntax))
        guard try parameters(rest).isEmpty else { throw .parameterUnknown }
        return (forwardPath, RecipientParameters())
    }

    /// The octets between the angle brackets, without a source route, and what follows.
    ///
    /// Spaces behind the colon are forbidden (§3.3) and common; they are passed over.
    ///
    /// ```abnf
    /// Path  = "<" [ A-d-l ":" ] Mailbox ">"      ; §4.1.2
    /// A-d-l = At-domain *( "," At-domain )       ; must be accepted, should be ignored
    /// ```
    private static func path(
        _ argument: ArraySlice<UInt8>, after keyword: String, otherwise refusal: Reply
    ) throws(Reply) -> (path: ArraySlice<UInt8>, rest: ArraySlice<UInt8>) {
        guard argument.prefix(keyword.utf8.count).equalsIgnoringCase(keyword.utf8) else {
            throw refusal
        }
        let text = argument.dropFirst(keyword.utf8.count).drop { $0 == .space }
        guard text.first == UInt8(ascii: "<") else { throw refusal }
        var isQuoted = false
        var index = text.startIndex + 1
        while index < text.endIndex, isQuoted || text[index] != UInt8(ascii: ">") {
            switch text[index] {
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            default: break
            }
            index += 1
        }
        guard index < text.endIndex, index - text.startIndex < maximumPathOctets else {
            throw refusal
        }
        var path = text[(text.startIndex + 1)..<index]
        if path.first == UInt8(ascii: "@") {
            guard let colon = path.firstIndex(of: UInt8(ascii: ":")) else { throw refusal }
            path = path[(colon + 1)...]
            guard !path.isEmpty else { throw refusal }
        }
        return (path, text[(index + 1)...])
    }

    private static func address(
        _ path: ArraySlice<UInt8>, otherwise refusal: Reply
    ) throws(Reply) -> Address {
        // RFC 6531 §3.4: without SMTPUTF8 a path is ASCII, its domain in A-labels.
        guard path.allSatisfy({ $0 < 0x80 }) else { throw .internationalAddress }
        do {
            return try Address(String(decoding: path, as: UTF8.self))
        } catch {
            throw refusal
        }
    }

    /// Keywords in upper case with their values, each at most once.
    ///
    /// ```abnf
    /// Mail-parameters = esmtp-param *(SP esmtp-param)
    /// esmtp-param     = esmtp-keyword ["=" esmtp-value]
    /// esmtp-keyword   = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
    /// esmtp-value     = 1*(%d33-60 / %d62-126)
    /// ```
    private static func parameters(
        _ text: ArraySlice<UInt8>
    ) throws(Reply) -> [(keyword: String, value: ArraySlice<UInt8>?)] {
        if text.isEmpty { return [] }
        guard text.first == .space else { throw .syntaxError }
        var parameters: [(keyword: String, value: ArraySlice<UInt8>?)] = []
        for word in text.split(separator: .space) {
            let parts = word.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, let letter = name.first, letter.isAlphanumeric,
                name.allSatisfy({ $0.isAlphanumeric || $0 == UInt8(ascii: "-") })
            else { throw .syntaxError }
            let value = parts.count == 2 ? parts[1] : nil
            if let value {
                guard !value.isEmpty,
                    value.allSatisfy({
                        (33...126).contains($0) && $0 != UInt8(ascii: "=")
                    })
                else { throw .parameterMalformed }
            }
            let keyword = String(lossy: name.map { $0.isAlpha ? $0 & ~0x20 : $0 })
            guard !parameters.contains(where: { $0.keyword == keyword }) else {
                throw .parameterRepeated
            }
            guard parameters.count < maximumParameters else { throw .parameterUnknown }
            parameters.append((keyword, value))
        }
        return parameters
    }

    /// `size-value = 1*20DIGIT` (RFC 1870 §3 (6)); what does not fit is as large as can be.
    private static func size(_ value: ArraySlice<UInt8>?) throws(Reply) -> Int {
        guard let value, value.count <= 20, value.allSatisfy(\.isDigit) else {
            throw .parameterMalformed
        }
        return Int(String(lossy: value)) ?? Int.max
    }

    /// `body-value = "7BIT" / "8BITMIME"` (RFC 6152 §2).
    private static func body(_ value: ArraySlice<UInt8>?) throws(Reply) -> Bool {
        guard let value else { throw .parameterMalformed }
        if value.equalsIgnoringCase("8BITMIME".utf8) { return true }
        if value.equalsIgnoringCase("7BIT".utf8) { return false }
        throw .parameterMalformed
    }

    /// RFC 4954 §5: a mailbox or `<>`, as xtext (§8).
    private static func submitter(_ value: ArraySlice<UInt8>?) throws(Reply) -> ReversePath {
        guard let value, let text = decodeXtext(value) else { throw .parameterMalformed }
        if text.elementsEqual("<>".utf8) { return .null }
        guard let address = try? Address(String(lossy: text)) else { throw .parameterMalformed }
        return .address(address)
    }

    /// `xtext = *(xchar / hexchar)`, `hexchar = "+" HEXDIG HEXDIG` (RFC 4954 §8).
    static func decodeXtext(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var octets: [UInt8] = []
        var index = text.startIndex
        while index < text.endIndex {
            if text[index] == UInt8(ascii: "+") {
                guard index + 2 < text.endIndex,
                    let high = text[index + 1].hexadecimalValue,
                    let low = text[index + 2].hexadecimalValue
                else { return nil }
                octets.append(high << 4 | low)
                index += 3
            } else {
                guard (0x21...0x7E).contains(text[index]), text[index] != UInt8(ascii: "=") else {
                    return nil
                }
                octets.append(text[index])
                index += 1
            }
        }
        return octets
    }
}
