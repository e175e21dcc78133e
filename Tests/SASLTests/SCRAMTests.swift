// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import SASL

private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

/// RFC 7677 §3.
private let salt = Base64.decode("W22ZaJ0SNY7soEsUEjb6gQ==".utf8) ?? []
private let clientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
private let serverNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
private let serverFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    + "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
private let clientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
private let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

@Suite("RFC 5802 and RFC 7677 SCRAM-SHA-256")
struct SCRAMTests {
    let keys: SCRAMKeys

    init() throws {
        keys = SCRAMKeys(password: try PreparedString("pencil"), salt: salt, iterations: 4096)
    }

    @Test("The server says what the example of RFC 7677 says")
    func serverVector() throws {
        let server = SCRAMServer(
            clientFirst: try SCRAMMessage.ClientFirst(octets(clientFirst)), nonce: serverNonce)
        #expect(server.serverFirst(keys) == serverFirst)
        let final = try server.serverFinal(octets(clientFinal), keys, serverFirst: serverFirst)
        #expect(String(lossy: final) == serverFinal)
    }

    @Test("The client says what the example of RFC 7677 says")
    func clientVector() throws {
        var client = ClientExchange(
            .scramSHA256, user: try PreparedString("user"), password: try PreparedString("pencil"),
            nonce: try #require(Base64.decode("rOprNGfwEbeRWgbNEkqO".utf8)))
        #expect(client.initialResponse() == octets(clientFirst))
        #expect(try client.respond(to: octets(serverFirst)) == octets(clientFinal))
        #expect(!client.isServerAuthentic)
        #expect(try client.respond(to: octets(serverFinal)).isEmpty)
        #expect(client.isServerAuthentic)
    }

    @Test("A client and a server who know the same password convince each other")
    func bothSides() throws {
        var client = ClientExchange(
            .scramSHA256, user: try PreparedString("a,b=c@example.org"),
            password: try PreparedString("pencil"), authorization: "o,ther", nonce: [1, 2, 3])
        var server = ServerExchange(.scramSHA256, nonce: [9, 8, 7])
        #expect(
            server.begin(initialResponse: client.initialResponse())
                == .needsKeys(user: "a,b=c@example.org"))
        guard case .challenge(let first) = server.provide(keys) else {
            Issue.record("no challenge")
            return
        }
        let proof = try client.respond(to: first)
        guard case .challenge(let final) = server.step(response: proof) else {
            Issue.record("the proof was not taken")
            return
        }
        let acknowledgement = try client.respond(to: final)
        let identity = ServerExchange.Identity("a,b=c@example.org", as: "o,ther")
        #expect(identity.authorization == "o,ther")
        #expect(server.step(response: acknowledgement) == .succeeded(identity))
    }

    @Test(
        "A message that is not quite right ends the exchange",
        arguments: [
            ("n,,n=user", AuthenticationFailure.expected("n,,n=name,r=nonce")),
            ("x,,n=user,r=abc", .expected("a channel binding flag")),
            ("p=tls-unique,,n=user,r=abc", .channelBindingNotSupported),
            ("n,,m=ext,n=user,r=abc", .extensionNotSupported),
            ("n,,n=us=er,r=abc", .expected("=2C or =3D")),
            ("n,,n=user,r=", .expected("a nonce of printable characters")),
            ("n,,n=,r=abc", .expected("a user name")),
            ("n,user,n=user,r=abc", .expected("a=")),
        ])
    func malformedFirst(message: String, failure: AuthenticationFailure) {
        var server = ServerExchange(.scramSHA256, nonce: [1])
        #expect(server.begin(initialResponse: octets(message)) == .failed(failure))
    }

    @Test("A client that could bind the channel but was not offered it may go on")
    func notOffered() throws {
        var server = ServerExchange(.scramSHA256, nonce: [1])
        let step = server.begin(initialResponse: octets("y,,n=user,r=abc"))
        #expect(step == .needsKeys(user: "user"))
        guard case .challenge = server.provide(keys) else {
            Issue.record("no challenge")
            return
        }
        // The header under the proof must be the one that was sent: `y,,`, not `n,,`.
        let final = "c=biws,r=abcAQ==,p=\(Base64.encode([UInt8](repeating: 0, count: 32)))"
        #expect(server.step(response: octets(final)) == .failed(.refused))
    }

    @Test("A changed octet anywhere in the proof, the nonce or the header is refused")
    func tampered() throws {
        let server = SCRAMServer(
            clientFirst: try SCRAMMessage.ClientFirst(octets(clientFirst)), nonce: serverNonce)
        for (old, new) in [("p=dH", "p=eH"), ("r=rO", "r=rP"), ("c=biws", "c=eSws")] {
            let message = String(lossy: octets(clientFinal)).replacing(old, with: new)
            #expect(throws: AuthenticationFailure.refused) {
                try server.serverFinal(octets(message), keys, serverFirst: serverFirst)
            }
        }
        #expect(throws: AuthenticationFailure.self) {
            try server.serverFinal(octets("c=biws,r=x"), keys, serverFirst: serverFirst)
        }
    }

    @Test("A client does not work for a server that asks for too little or too much")
    func iterations() throws {
        for (count, refused) in [(4095, true), (1_000_001, true), (4096, false)] {
            var client = ClientExchange(
                .scramSHA256, user: try PreparedString("u"), password: try PreparedString("p"),
                nonce: [0, 0, 0])
            _ = client.initialResponse()
            let challenge = octets("r=AAAAx,s=AAAA,i=\(count)")
            if refused {
                #expect(throws: AuthenticationFailure.iterationsOutOfRange(count)) {
                    try client.respond(to: challenge)
                }
            } else {
                #expect(try !client.respond(to: challenge).isEmpty)
            }
        }
    }

    @Test("A client refuses a server that does not repeat its nonce or cannot sign")
    func falseServer() throws {
        var client = ClientExchange(
            .scramSHA256, user: try PreparedString("u"), password: try PreparedString("p"),
            nonce: [0, 0, 0])
        _ = client.initialResponse()
        for nonce in ["BBBBx", "AAAA"] {
            #expect(throws: AuthenticationFailure.serverNotAuthentic) {
                try client.respond(to: octets("r=\(nonce),s=AAAA,i=4096"))
            }
        }
        _ = try client.respond(to: octets("r=AAAAx,s=AAAA,i=4096"))
        #expect(throws: AuthenticationFailure.serverNotAuthentic) {
            try client.respond(to: octets(serverFinal))
        }
        #expect(!client.isServerAuthentic)
    }

    @Test("Keys verify their password and no other")
    func verify() throws {
        #expect(keys.verify(try PreparedString("pencil")))
        #expect(!keys.verify(try PreparedString("Pencil")))
        #expect(!keys.verify(try PreparedString("")))
    }

    @Test("Decoy keys are the same for a name each time, differ between names and open to nobody")
    func decoys() throws {
        let secret = [UInt8](repeating: 7, count: 32)
        let decoy = SCRAMKeys(decoyFor: "nobody@example.org", secret: secret, iterations: 4096)
        #expect(
            decoy == SCRAMKeys(decoyFor: "nobody@example.org", secret: secret, iterations: 4096))
        #expect(decoy.salt != SCRAMKeys(decoyFor: "x@example.org", secret: secret).salt)
        #expect(decoy.salt.count == SCRAMKeys.saltOctets)
        #expect(!decoy.verify(try PreparedString("pencil")))
    }
}
