// SPDX-License-Identifier: Apache-2.0

import Bytes

/// An access token (RFC 6750) as a client shows it, and whom it wants to act as.
package struct BearerClaim: Sendable, Equatable {
    /// Nil: whoever the token belongs to.
    package let user: String?
    /// Printable ASCII of RFC 6750 §2.1, at least one octet.
    package let token: String

    /// Of the whole message; the lines of the protocols carry less.
    package static let maximumOctets = 64 << 10
    /// `kvsep` (RFC 7628 §3.1).
    private static let separator: UInt8 = 1

    /// ```abnf
    /// client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep   ; RFC 7628 §3.1
    /// gs2-header  = gs2-cbind-flag "," [ "a=" saslname ] ","
    /// kvpair      = key "=" value kvsep
    /// key         = 1*(ALPHA)
    /// value       = *(VCHAR / SP / HTAB / CR / LF)
    /// ```
    ///
    /// `host` and `port` are not compared: a server has many names, and the token is bound to none.
    init(bearer message: [UInt8]) throws(AuthenticationFailure) {
        var pairs = try Self.pairs(message)
        guard let first = pairs.popFirst() else { throw .expected("n,a=user, and a token") }
        let header = String(lossy: first).split(separator: ",", omittingEmptySubsequences: false)
        guard header.count == 3, header[2].isEmpty else { throw .expected("n,a=user,") }
        guard !header[0].hasPrefix("p=") else { throw .channelBindingNotSupported }
        guard header[0] == "n" || header[0] == "y" else {
            throw .expected("a channel binding flag")
        }
        user =
            header[1].isEmpty
            ? nil : try SCRAMMessage.name(SCRAMMessage.value("a", of: header[1]))
        token = try Self.token(in: pairs)
    }

    /// `"user=" user kvsep "auth=Bearer " token kvsep kvsep`, as Google has written it down.
    init(xoauth2 message: [UInt8]) throws(AuthenticationFailure) {
        let pairs = try Self.pairs(message)
        guard let name = Self.value("user", in: pairs) else { throw .expected("user=") }
        let prepared: PreparedString
        do {
            prepared = try PreparedString(validating: name)
        } catch {
            throw .malformed(error)
        }
        user = prepared.value.isEmpty ? nil : prepared.value
        token = try Self.token(in: pairs)
    }

    /// What stands before each separator; two of them end it.
    private static func pairs(
        _ message: [UInt8]
    ) throws(AuthenticationFailure) -> ArraySlice<ArraySlice<UInt8>> {
        guard message.count <= maximumOctets else { throw .expected("at most 65,536 octets") }
        let parts = message.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count >= 4, parts.suffix(2).allSatisfy(\.isEmpty) else {
            throw .expected("pairs that end with two octets of 1")
        }
        return parts.dropLast(2)
    }

    /// RFC 7628 §3.1: unknown keys are passed over.
    private static func value(
        _ key: String, in pairs: ArraySlice<ArraySlice<UInt8>>
    ) -> ArraySlice<UInt8>? {
        let start = Array("\(key)=".utf8)
        return pairs.first { $0.starts(with: start) }?.dropFirst(start.count)
    }

    /// ```abnf
    /// credentials = "Bearer" 1*SP b64token                     ; RFC 6750 §2.1
    /// b64token    = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
    /// ```
    private static func token(
        in pairs: ArraySlice<ArraySlice<UInt8>>
    ) throws(AuthenticationFailure) -> String {
        guard let credentials = value("auth", in: pairs) else { throw .expected("auth=") }
        let scheme = credentials.prefix { $0 != .space }
        guard scheme.equalsIgnoringCase("Bearer".utf8) else { throw .expected("Bearer") }
        let text = credentials.dropFirst(scheme.count).drop { $0 == .space }
        let letters = text.prefix { $0.isAlphanumeric || "-._~+/".utf8.contains($0) }
        guard !letters.isEmpty,
            text.dropFirst(letters.count).allSatisfy({ $0 == UInt8(ascii: "=") })
        else { throw .expected("a token of RFC 6750") }
        return String(lossy: text)
    }
}

/// Why a token is refused: what the client is told, and what the log is.
package struct TokenRefusal: Sendable, Equatable {
    /// The code of RFC 6750 §3.1: `invalid_token` or `insufficient_scope`.
    package var status: String
    /// For the log alone.
    package var reason: String
    /// What a token has to be good for; nil: nothing in particular.
    package var scope: String?
    /// Where the client finds who issues tokens (OpenID Connect Discovery).
    package var configurationURL: String?

    package init(
        status: String = "invalid_token", reason: String, scope: String? = nil,
        configurationURL: String? = nil
    ) {
        self.status = status
        self.reason = reason
        self.scope = scope
        self.configurationURL = configurationURL
    }

    /// RFC 7628 §3.2.2.
    var bearerMessage: [UInt8] {
        var members: [(String, JSON)] = [("status", .string(status))]
        if let scope { members.append(("scope", .string(scope))) }
        if let configurationURL {
            members.append(("openid-configuration", .string(configurationURL)))
        }
        return Array(JSON.object(members).description.utf8)
    }

    /// As clients of XOAUTH2 know it: the status of an HTTP answer.
    var plainMessage: [UInt8] {
        var members: [(String, JSON)] = [("status", "400"), ("schemes", "Bearer")]
        if let scope { members.append(("scope", .string(scope))) }
        return Array(JSON.object(members).description.utf8)
    }
}
