// SPDX-License-Identifier: Apache-2.0

package import HTTP

/// Who knows access tokens (RFC 6750), and what is asked of them.
package struct TokenSettings: Sendable, Equatable {
    /// Who is asked.
    package enum Source: Sendable, Equatable {
        /// By RFC 7662, with the secret that the file holds.
        case introspection(HTTPTarget, clientID: String, secretFile: String)
        /// A program and its arguments.
        case program([String])
    }

    package var source: Source
    /// Which member of an answer is the account's address.
    package var claim = "username"
    /// What a token must be good for, each of them.
    package var scopes: [String] = []
    package var audience: String?
    /// What clients are told whose token is refused (RFC 7628 §3.2.2).
    package var configurationURL: String?
}

extension SettingsFile {
    /// Nil if nothing is said of tokens.
    func tokenSettings() throws(SettingsError) -> TokenSettings? {
        guard let source = try tokenSource() else {
            let others = [
                "client-id", "client-secret-file", "claim", "audience", "configuration-url",
            ]
            if let key = others.first(where: { text("oauth.\($0)") != nil }) {
                throw wrong(
                    "oauth.\(key)", text("oauth.\(key)") ?? "",
                    "`oauth.introspection-url` or `oauth.program` beside it")
            }
            return nil
        }
        var settings = TokenSettings(source: source)
        if let claim = text("oauth.claim") { settings.claim = claim }
        settings.scopes = try list("oauth.scope", "words without blanks") { word in
            !word.isEmpty && word.utf8.allSatisfy { (0x21...0x7E).contains($0) } ? word : nil
        }
        settings.audience = text("oauth.audience")
        if let url = text("oauth.configuration-url") {
            guard HTTPTarget(url)?.isSecure == true else {
                throw wrong("oauth.configuration-url", url, "a URL that begins with https://")
            }
            settings.configurationURL = url
        }
        return settings
    }

    private func tokenSource() throws(SettingsError) -> TokenSettings.Source? {
        let program = texts("oauth.program") ?? []
        guard let url = text("oauth.introspection-url") else {
            guard let path = program.first else { return nil }
            guard path.hasPrefix("/") else {
                throw wrong("oauth.program", path, "the whole path of a program")
            }
            return .program(program)
        }
        guard program.isEmpty else {
            throw wrong(
                "oauth.program", program.joined(separator: " "),
                "either this or `oauth.introspection-url`")
        }
        // A token and the secret must not cross a network in clear.
        guard let target = HTTPTarget(url), target.isSecure || target.isHere else {
            throw wrong(
                "oauth.introspection-url", url,
                "a URL that begins with https://, or with http://127.0.0.1")
        }
        guard let id = text("oauth.client-id"), let file = text("oauth.client-secret-file") else {
            throw wrong(
                "oauth.introspection-url", url,
                "`oauth.client-id` and `oauth.client-secret-file` beside it")
        }
        return .introspection(target, clientID: id, secretFile: file)
    }
}
