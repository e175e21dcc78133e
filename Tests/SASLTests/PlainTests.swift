// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import SASL

private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

@Suite("RFC 4616 PLAIN, and LOGIN")
struct PlainTests {
    @Test(
        "Name, password and whom to act as are read from one message",
        arguments: [
            ("\0tim\0tanstaaftanstaaf", "tim", "tanstaaftanstaaf", nil),
            ("Ursel\0Kurt\0xipj3plmq", "Kurt", "xipj3plmq", "Ursel"),
            ("Kurt\0Kurt\0xipj3plmq", "Kurt", "xipj3plmq", nil),
            ("\0käthe\0schlüssel 1", "käthe", "schlüssel 1", nil),
        ])
    func plain(message: String, user: String, password: String, authorization: String?) throws {
        var server = ServerExchange(.plain, nonce: [])
        let claim = ServerExchange.Claim(user: user, password: try PreparedString(password))
        #expect(server.begin(initialResponse: nil) == .challenge([]))
        #expect(server.step(response: octets(message)) == .verify(claim))
        guard case .succeeded(let identity) = server.verified(true) else {
            Issue.record("no success")
            return
        }
        #expect(identity.authentication == user)
        #expect(identity.authorization == authorization)
    }

    @Test(
        "A message that is not three parts, or without name or password, is refused",
        arguments: ["", "tim", "\0tim", "\0\0secret", "\0tim\0", "\0tim\0a\0b", "\0tim\0a\u{7}b"])
    func malformed(message: String) {
        var server = ServerExchange(.plain, nonce: [])
        guard case .failed(.malformed) = server.begin(initialResponse: octets(message)) else {
            Issue.record("not refused")
            return
        }
    }

    @Test("An over-long part and invalid UTF-8 are refused")
    func hostile() {
        let long = [UInt8](repeating: 0x61, count: 256)
        for message in [[0, 0x61, 0] + long, [0] + long + [0, 0x61], [0, 0xC3, 0, 0x61]] {
            var server = ServerExchange(.plain, nonce: [])
            guard case .failed(.malformed) = server.begin(initialResponse: message) else {
                Issue.record("not refused")
                return
            }
        }
    }

    @Test("A wrong password fails")
    func wrong() {
        var server = ServerExchange(.plain, nonce: [])
        _ = server.begin(initialResponse: octets("\0tim\0wrong"))
        #expect(server.verified(false) == .failed(.refused))
    }

    @Test("The client's message is the one of RFC 4616 §4")
    func client() throws {
        var client = ClientExchange(
            .plain, user: try PreparedString("Kurt"), password: try PreparedString("xipj3plmq"),
            authorization: "Ursel", nonce: [])
        #expect(client.initialResponse() == octets("Ursel\0Kurt\0xipj3plmq"))
        #expect(client.isServerAuthentic)
    }

    @Test("LOGIN asks for name and password in turn, or takes the name with the command")
    func login() throws {
        let claim = ServerExchange.Claim(user: "tim", password: try PreparedString("secret"))
        for first in [nil, octets("tim")] {
            var server = ServerExchange(.login, nonce: [])
            var step = server.begin(initialResponse: first)
            if first == nil {
                #expect(step == .challenge(octets("Username:")))
                step = server.step(response: octets("tim"))
            }
            #expect(step == .challenge(octets("Password:")))
            #expect(server.step(response: octets("secret")) == .verify(claim))
        }
    }

    @Test("The LOGIN client answers twice and no more")
    func loginClient() throws {
        var client = ClientExchange(
            .login, user: try PreparedString("tim"), password: try PreparedString("secret"),
            nonce: [])
        #expect(client.initialResponse() == nil)
        #expect(try client.respond(to: octets("User Name")) == octets("tim"))
        #expect(try client.respond(to: octets("Password")) == octets("secret"))
        #expect(throws: AuthenticationFailure.self) { try client.respond(to: []) }
    }

    @Test("Mechanisms are found by name in any case")
    func names() {
        #expect(Mechanism(named: "scram-sha-256") == .scramSHA256)
        #expect(Mechanism(named: "Scram-SHA-1") == .scramSHA1)
        #expect(Mechanism(named: "Plain") == .plain)
        #expect(Mechanism(named: "CRAM-MD5") == nil)
        #expect(Mechanism(named: "SCRAM-SHA-256-PLUS") == nil)
        #expect(Mechanism(named: "SCRAM-SHA-1-PLUS") == nil)
    }

    @Test("Only what hides the password may be used without TLS")
    func revealing() {
        #expect(
            Mechanism.allCases.filter { !$0.revealsPassword } == [.scramSHA256, .scramSHA1])
    }
}

@Suite("RFC 4013 SASLprep, the part that is done")
struct PreparedStringTests {
    @Test(
        "Examples of RFC 4013 §3 and our limits",
        arguments: [
            ("I\u{AD}X", "IX"), ("user", "user"), ("USER", "USER"), ("a\u{3000}b", "a b"),
            ("\u{FF21}\u{FF5E}", "A~"), ("pass\u{200B}word", "password"),
        ])
    func mapped(text: String, prepared: String) throws {
        #expect(try PreparedString(text).value == prepared)
    }

    @Test(
        "Control, private and unassigned-by-design characters are refused",
        arguments: ["\u{7}", "a\u{7F}", "\u{E000}", "\u{202E}x", "\u{FFFF}", "\u{E0041}"])
    func prohibited(text: String) {
        #expect(throws: SyntaxError.self) { try PreparedString(text) }
    }
}
