// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import SASL

private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

/// An exchange that an RFC writes out: of `user` with the password `pencil`.
struct Example: CustomTestStringConvertible, Sendable {
    let mechanism: Mechanism
    let hash: SCRAMHash
    let clientNonce: String
    let serverNonce: String
    let salt: String
    let proof: String
    let signature: String

    var testDescription: String { mechanism.name }
    var clientFirst: String { "n,,n=user,r=\(clientNonce)" }
    var serverFirst: String { "r=\(clientNonce)\(serverNonce),s=\(salt),i=4096" }
    var clientFinal: String { "c=biws,r=\(clientNonce)\(serverNonce),p=\(proof)" }
    var serverFinal: String { "v=\(signature)" }

    func keys() throws -> SCRAMKeys {
        SCRAMKeys(
            password: try PreparedString("pencil"), hash: hash,
            salt: try #require(Base64.decode(salt.utf8)), iterations: 4096)
    }

    func server() throws -> SCRAMServer {
        SCRAMServer(
            clientFirst: try SCRAMMessage.ClientFirst(octets(clientFirst)), nonce: serverNonce)
    }

    /// RFC 7677 §3.
    static let sha256 = Example(
        mechanism: .scramSHA256, hash: .sha256, clientNonce: "rOprNGfwEbeRWgbNEkqO",
        serverNonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", salt: "W22ZaJ0SNY7soEsUEjb6gQ==",
        proof: "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        signature: "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    /// RFC 5802 §5.
    static let sha1 = Example(
        mechanism: .scramSHA1, hash: .sha1, clientNonce: "fyko+d2lbbFgONRv9qkxdawL",
        serverNonce: "3rfcNHYJY1ZVvWVs7j", salt: "QSXCR+Q6sek8bf92",
        proof: "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", signature: "rmF9pqV8S7suAoZWja4dJRkFsKQ=")
    static let all = [sha256, sha1]
}

@Suite("RFC 5802 and RFC 7677 SCRAM")
struct SCRAMTests {
    let keys: SCRAMKeys

    init() throws { keys = try Example.sha256.keys() }

    @Test("The server says what the example says", arguments: Example.all)
    func serverVector(example: Example) throws {
        let (server, keys) = (try example.server(), try example.keys())
        #expect(server.serverFirst(keys) == example.serverFirst)
        let final = try server.serverFinal(
            octets(example.clientFinal), keys, serverFirst: example.serverFirst)
        #expect(String(lossy: final) == example.serverFinal)
    }

    @Test("The client says what the example says", arguments: Example.all)
    func clientVector(example: Example) throws {
        var client = ClientExchange(
            example.mechanism, user: try PreparedString("user"),
            password: try PreparedString("pencil"),
            nonce: try #require(Base64.decode(example.clientNonce.utf8)))
        #expect(client.initialResponse() == octets(example.clientFirst))
        #expect(
            try client.respond(to: octets(example.serverFirst)) == octets(example.clientFinal))
        #expect(!client.isServerAuthentic)
        #expect(try client.respond(to: octets(example.serverFinal)).isEmpty)
        #expect(client.isServerAuthentic)
    }

    @Test(
        "A client and a server who know the same password convince each other",
        arguments: Example.all)
    func bothSides(example: Example) throws {
        var client = ClientExchange(
            example.mechanism, user: try PreparedString("a,b=c@example.org"),
            password: try PreparedString("pencil"), authorization: "o,ther", nonce: [1, 2, 3])
        var server = ServerExchange(example.mechanism, nonce: [9, 8, 7])
        #expect(
            server.begin(initialResponse: client.initialResponse())
                == .needsKeys(user: "a,b=c@example.org"))
        guard case .challenge(let first) = server.provide(try example.keys()) else {
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

    @Test(
        "A changed octet anywhere in the proof, the nonce or the header is refused",
        arguments: Example.all)
    func tampered(example: Example) throws {
        let (server, keys) = (try example.server(), try example.keys())
        let (nonce, proof) = (example.clientNonce, example.proof)
        for (old, new) in [
            ("p=\(proof.prefix(2))", "p=AB"), ("r=\(nonce.prefix(2))", "r=xx"),
            ("c=biws", "c=eSws"),
        ] {
            let message = example.clientFinal.replacing(old, with: new)
            #expect(message != example.clientFinal)
            #expect(throws: AuthenticationFailure.refused) {
                try server.serverFinal(octets(message), keys, serverFirst: example.serverFirst)
            }
        }
        #expect(throws: AuthenticationFailure.self) {
            try server.serverFinal(octets("c=biws,r=x"), keys, serverFirst: example.serverFirst)
        }
    }

    @Test("A proof made with another hash is refused, whatever its length")
    func otherHash() throws {
        for (example, other) in [(Example.sha1, Example.sha256), (.sha256, .sha1)] {
            let message = example.clientFinal.replacing(example.proof, with: other.proof)
            #expect(throws: AuthenticationFailure.refused) {
                try example.server().serverFinal(
                    octets(message), example.keys(), serverFirst: example.serverFirst)
            }
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
            try client.respond(to: octets(Example.sha256.serverFinal))
        }
        #expect(!client.isServerAuthentic)
    }

    @Test("Keys verify their password and no other", arguments: Example.all)
    func verify(example: Example) throws {
        let keys = try example.keys()
        #expect(keys.verify(try PreparedString("pencil")))
        #expect(!keys.verify(try PreparedString("Pencil")))
        #expect(!keys.verify(try PreparedString("")))
    }

    @Test(
        "Decoy keys are the same for a name each time, differ between names and open to nobody",
        arguments: Example.all)
    func decoys(example: Example) throws {
        let secret = [UInt8](repeating: 7, count: 32)
        func decoy(_ name: String) -> SCRAMKeys {
            SCRAMKeys(decoyFor: name, hash: example.hash, secret: secret, iterations: 4096)
        }
        let first = decoy("nobody@example.org")
        #expect(first == decoy("nobody@example.org"))
        #expect(first.salt != decoy("x@example.org").salt)
        #expect(first.salt.count == SCRAMKeys.saltOctets)
        #expect(first.storedKey.count == example.hash.octetCount)
        #expect(first.serverKey.count == example.hash.octetCount)
        #expect(!first.verify(try PreparedString("pencil")))
    }

    @Test("The decoys of one name differ in salt between the hashes, as keys of a password do")
    func decoysByHash() {
        let salts = [SCRAMHash.sha256, .sha1].map {
            SCRAMKeys(decoyFor: "anna@example.org", hash: $0, secret: [1], iterations: 4096).salt
        }
        #expect(salts[0] != salts[1])
    }

    @Test("With SHA-1 there are more iterations, since each costs less")
    func work() {
        #expect(SCRAMHash.sha256.iterations(asExpensiveAs: 15_000) == 15_000)
        #expect(SCRAMHash.sha1.iterations(asExpensiveAs: 15_000) == 37_500)
    }
}
