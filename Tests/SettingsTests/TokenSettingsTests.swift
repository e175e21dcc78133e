// SPDX-License-Identifier: Apache-2.0

import HTTP
import Testing

@testable import Settings

@Suite("The configuration of access tokens")
struct TokenSettingsTests {
    private func read(_ lines: String...) throws(SettingsError) -> TokenSettings? {
        let text = (["host-name: mx.example.org", "oauth:"] + lines.map { "  " + $0 })
            .joined(separator: "\n")
        return try SettingsFile(text, name: "postreiter.yaml").settings().tokens
    }

    @Test("An endpoint or a program is asked, and nobody if nothing is said")
    func sources() throws {
        let tokens = try read(
            "introspection-url: https://id.example/introspect", "client-id: mail",
            "client-secret-file: /etc/postreiter/client-secret", "claim: email",
            "scope: [imap, smtp]", "audience: mail.example",
            "configuration-url: https://id.example/.well-known/openid-configuration")
        #expect(
            tokens?.source
                == .introspection(
                    try #require(HTTPTarget("https://id.example/introspect")), clientID: "mail",
                    secretFile: "/etc/postreiter/client-secret"))
        #expect(tokens?.claim == "email" && tokens?.scopes == ["imap", "smtp"])
        #expect(tokens?.audience == "mail.example")
        #expect(
            tokens?.configurationURL == "https://id.example/.well-known/openid-configuration")
        #expect(
            try read("program: [/usr/lib/tokens, -v]")?.source
                == .program(["/usr/lib/tokens", "-v"]))
        #expect(try read() == nil)
        let here = try read(
            "introspection-url: http://127.0.0.1:8080/introspect", "client-id: mail",
            "client-secret-file: /etc/secret")
        #expect(here?.claim == "username")
    }

    @Test(
        "What is half there, or would show tokens to a network, is refused with the key's place",
        arguments: [
            (["introspection-url: https://id.example/"], "oauth.introspection-url"),
            (
                [
                    "introspection-url: http://id.example/", "client-id: a",
                    "client-secret-file: b",
                ], "https://"
            ),
            (
                ["introspection-url: id.example", "client-id: a", "client-secret-file: b"],
                "https://"
            ),
            (["program: [tokens]"], "the whole path"), (["claim: email"], "oauth.program"),
            (
                [
                    "introspection-url: https://id.example/", "client-id: a",
                    "client-secret-file: b", "program: [/bin/tokens]",
                ], "either this"
            ),
            (["program: [/bin/tokens]", "configuration-url: http://id.example/"], "https://"),
        ])
    func refused(lines: [String], reason: String) {
        let text = (["host-name: mx.example.org", "oauth:"] + lines.map { "  " + $0 })
            .joined(separator: "\n")
        let error = #expect(throws: SettingsError.self) {
            try SettingsFile(text, name: "postreiter.yaml").settings()
        }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        #expect(error?.description.hasPrefix("postreiter.yaml:") == true)
    }
}
