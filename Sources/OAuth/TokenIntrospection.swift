// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
package import Directory
package import HTTP
import Mail
package import World

/// Asks who has issued a token about it (RFC 7662).
package struct TokenIntrospection: TokenSource {
    /// What a token must be for, and which of its members names the account.
    package struct Requirements: Sendable, Equatable {
        /// `username`, `email`, `sub` or another member whose value is the account's address.
        package var claim = "username"
        /// Words that `scope` must hold, each of them.
        package var scopes: [String] = []
        /// What `aud` must be or hold; nil: anything.
        package var audience: String?

        package init() {}
    }

    /// As which client the server asks (RFC 6749 §2.3.1).
    package struct Credentials: Sendable, Equatable {
        package var id: String
        package var secret: String

        package init(id: String, secret: String) {
            self.id = id
            self.secret = secret
        }
    }

    package let maximumAtOnce = 64
    /// By how much clocks may differ.
    private static let tolerance = Duration.seconds(60)

    private let target: HTTPTarget
    private let credentials: Credentials
    private let requirements: Requirements
    private let client: WebClient
    private let time: any Time

    /// Certificates are verified; the server may stand anywhere, the operator has chosen it.
    package init(
        at target: HTTPTarget, as credentials: Credentials, _ requirements: Requirements,
        resolver: any Resolver, network: any Network, time: any Time
    ) {
        self.target = target
        self.credentials = credentials
        self.requirements = requirements
        self.time = time
        client = WebClient(
            resolver: resolver, network: network, time: time, verifiesCertificates: true,
            allowsPrivateAddresses: true)
    }

    package func find(
        _ token: String, deadline: Instant
    ) async -> (TokenVerdict, validity: Duration?) {
        let (status, body): (Int, [UInt8])
        do throws(WebClient.Failure) {
            (status, body) = try await client.ask(
                request(about: token), of: target, deadline: deadline
            ) { response throws(Response.Fault) in try response.result() }
        } catch {
            return (unavailable("does not answer: \(error)"), nil)
        }
        switch status {
        case 200: break
        // RFC 7662 §2.3.
        case 401, 403: return (unavailable("refuses the client id and secret of this host"), nil)
        default: return (unavailable("answers with the status \(status)"), nil)
        }
        guard let json = try? JSON(parsing: body), let isActive = json["active"]?.bool else {
            return (unavailable("answers with what cannot be understood"), nil)
        }
        guard isActive else { return (.refused("it is not valid, or not any more"), nil) }
        return verdict(json, at: time.timestamp)
    }

    private func unavailable(_ what: String) -> TokenVerdict {
        .unavailable("the introspection endpoint \(target.authority) \(what)")
    }

    // MARK: The request

    /// RFC 7662 §2.1.
    private func request(about token: String) -> [UInt8] {
        let body = "token=\(Self.form(token))&token_type_hint=access_token"
        let pair = "\(Self.form(credentials.id)):\(Self.form(credentials.secret))"
        let lines = [
            "POST \(target.target) HTTP/1.1", "Host: \(target.authority)",
            "User-Agent: postreiter", "Accept: application/json", "Connection: close",
            "Authorization: Basic \(Base64.encode(Array(pair.utf8)))",
            "Content-Type: application/x-www-form-urlencoded",
            "Content-Length: \(body.utf8.count)",
        ]
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
    }

    /// `application/x-www-form-urlencoded` (RFC 6749 appendix B).
    private static func form(_ text: String) -> String { PercentEncoding.encode(text.utf8) }

    // MARK: The answer

    /// Of an active token (RFC 7662 §2.2); an issuer that says so may still mean other services.
    private func verdict(
        _ json: JSON, at now: Timestamp
    ) -> (TokenVerdict, validity: Duration?) {
        var validity: Duration?
        if let end = json["exp"].flatMap(Self.time) {
            guard now < end else { return (.refused("it has expired"), nil) }
            validity = end - now
        }
        if let start = json["nbf"].flatMap(Self.time), now + Self.tolerance < start {
            return (.refused("it is not valid yet"), nil)
        }
        if let audience = requirements.audience {
            let named = json["aud"].map { $0.array ?? [$0] } ?? []
            guard named.contains(where: { $0.string == audience }) else {
                return (.refused("it was not issued for `\(audience)`"), nil)
            }
        }
        let granted = json["scope"]?.string?.split(separator: " ").map(String.init) ?? []
        if let missing = requirements.scopes.first(where: { !granted.contains($0) }) {
            return (.insufficientScope("its scope lacks `\(missing)`"), nil)
        }
        return (owner(json), validity)
    }

    private func owner(_ json: JSON) -> TokenVerdict {
        let claim = requirements.claim
        guard let text = json[claim]?.string else {
            return .refused("the issuer does not say its `\(claim)`; see `oauth.claim`")
        }
        // OpenID Connect Core §5.1: else anybody may have written it there.
        if claim == "email", json["email_verified"]?.bool == false {
            return .refused("the address `\(text)` is not verified by the issuer")
        }
        guard let owner = try? Address(text) else {
            return .refused(
                "its `\(claim)` is `\(text)`, which is no address of an account; see `oauth.claim`")
        }
        return .owner(owner)
    }

    /// Seconds since 1970 (RFC 7519 §2, NumericDate), perhaps with a fraction.
    private static func time(_ json: JSON) -> Timestamp? {
        switch json {
        case .integer(let seconds) where abs(seconds / 2) < Int64.max / 2048:
            Timestamp(seconds: seconds)
        case .number(let seconds) where abs(seconds) < 1e12: Timestamp(seconds: Int64(seconds))
        default: nil
        }
    }
}
