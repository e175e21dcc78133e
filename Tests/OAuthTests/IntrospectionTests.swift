// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Directory
import Foundation
import HTTP
import LiveWorld
import Mail
import SimulatedWorld
import Synchronization
import Testing
import World

@testable import OAuth

/// An issuer of tokens on this machine, that answers in one way and keeps what it was asked.
private final class Issuer: Sendable {
    private let answer: [UInt8]
    private let asked = Mutex<[String]>([])

    init(_ answer: [UInt8]) { self.answer = answer }

    var requests: [String] { asked.withLock { $0 } }

    func serve(_ connection: any Connection, _ deadline: Instant) async throws {
        var text = ""
        while !text.contains("token_type_hint=access_token") {
            guard let more = try await connection.receive(deadline: deadline) else { return }
            text += String(lossy: more)
        }
        asked.withLock { $0.append(text) }
        connection.write(answer)
        try await connection.flush(deadline: deadline)
        // One that says nothing waits until it is left.
        if answer.isEmpty { _ = try await connection.receive(deadline: deadline) }
    }

    /// Plain, or within TLS.
    static func run(
        _ answer: String, isSecure: Bool = false,
        _ body: @escaping @Sendable (Issuer, UInt16, LiveNetwork) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "postreiter-oauth-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificate = try SelfSignedCertificate(names: ["id.example"])
        let roots = folder.appendingPathComponent("roots.pem")
        try Data(certificate.certificate).write(to: roots)
        let network = LiveNetwork(threads: 1, trustRoots: roots.path)
        let identity = try network.identity(
            certificateChain: certificate.certificate, privateKey: certificate.privateKey)
        let issuer = Issuer(Array(answer.utf8))
        let listener = try await network.listen(
            on: SocketAddress(.v4(IPv4Address(127, 0, 0, 1)), port: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await listener.serve(limit: 10) { connection in
                    let deadline = LiveTime().now + .seconds(300)
                    do {
                        if isSecure {
                            try await connection.startTLS(.server(identity), deadline: deadline)
                        }
                        try await issuer.serve(connection, deadline)
                    } catch {}
                }
            }
            try await body(issuer, listener.address.port, network)
            group.cancelAll()
        }
        await listener.close()
        await network.shutdown()
    }

    static func ok(_ json: String) -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(json.utf8.count)\r\n\r\n\(json)"
    }
}

private func source(
    at url: String, _ network: LiveNetwork, time: any Time = LiveTime(),
    _ change: (inout TokenIntrospection.Requirements) -> Void = { _ in }
) throws -> TokenIntrospection {
    var requirements = TokenIntrospection.Requirements()
    change(&requirements)
    return TokenIntrospection(
        at: try #require(HTTPTarget(url)), as: .init(id: "mail host", secret: "a:b/c"),
        requirements, resolver: try Fixture(parsing: Array(fixture.utf8)), network: network,
        time: time)
}

private let fixture = """
    {"format":"dns-fixture-1","records":{"id.example":[{"type":"A","ttl":60,"data":"127.0.0.1"}],
    "other.example":[{"type":"A","ttl":60,"data":"127.0.0.1"}]}}
    """

@Suite("RFC 7662: tokens are shown to who has issued them")
struct IntrospectionTests {
    private enum Kind: Equatable {
        case owner(String), refused(String), scope(String), unavailable(String)

        init(_ verdict: TokenVerdict) {
            switch verdict {
            case .owner(let owner): self = .owner(owner.description)
            case .refused(let reason): self = .refused(reason)
            case .insufficientScope(let reason): self = .scope(reason)
            case .unavailable(let reason): self = .unavailable(reason)
            }
        }
    }

    private static let now: Int64 = 1_800_000_000

    /// Its calendar stands.
    private struct Standing: Time {
        var now: Instant { LiveTime().now }
        var timestamp: Timestamp { Timestamp(seconds: IntrospectionTests.now) }
        func sleep(until deadline: Instant) async throws(CancellationError) {
            try await LiveTime().sleep(until: deadline)
        }
    }

    private static let answers: [(String, Kind)] = [
        (#"{"active":true,"username":"anna@example.org"}"#, .owner("anna@example.org")),
        (#"{"active":false}"#, .refused("it is not valid, or not any more")),
        (
            #"{"active":true,"username":"anna@example.org","exp":1800000001}"#,
            .owner("anna@example.org")
        ),
        (
            #"{"active":true,"username":"anna@example.org","exp":1800000000}"#,
            .refused("it has expired")
        ),
        (
            #"{"active":true,"username":"anna@example.org","exp":1799999999.5}"#,
            .refused("it has expired")
        ),
        (
            #"{"active":true,"username":"anna@example.org","nbf":1800000100}"#,
            .refused("it is not valid yet")
        ),
        (
            #"{"active":true,"username":"anna"}"#,
            .refused(
                "its `username` is `anna`, which is no address of an account; see `oauth.claim`")
        ),
        (
            #"{"active":true,"sub":"anna@example.org"}"#,
            .refused("the issuer does not say its `username`; see `oauth.claim`")
        ),
        (
            #"{"active":true,"username":["anna@example.org"]}"#,
            .refused("the issuer does not say its `username`; see `oauth.claim`")
        ),
    ]

    @Test("What the issuer says of a token decides", arguments: answers.indices)
    func answered(index: Int) async throws {
        let (json, expected) = Self.answers[index]
        try await Issuer.run(Issuer.ok(json)) { issuer, port, network in
            let source = try source(
                at: "http://127.0.0.1:\(port)/introspect?realm=a", network, time: Standing())
            let (verdict, validity) = await source.find(
                "to+ken=", deadline: LiveTime().now + .seconds(300))
            #expect(Kind(verdict) == expected)
            if json.contains("1800000001") { #expect(validity == .seconds(1)) }
            let request = try #require(issuer.requests.first)
            #expect(request.hasPrefix("POST /introspect?realm=a HTTP/1.1\r\n"))
            #expect(request.contains("\r\nHost: 127.0.0.1:\(port)\r\n"))
            // RFC 6749 §2.3.1: name and secret are encoded before they are joined.
            let pair = Base64.encode(Array("mail%20host:a%3Ab%2Fc".utf8))
            #expect(request.contains("\r\nAuthorization: Basic \(pair)\r\n"))
            #expect(request.hasSuffix("\r\n\r\ntoken=to%2Bken%3D&token_type_hint=access_token"))
        }
    }

    private static let requirements: [(String, Kind)] = [
        (
            #"{"active":true,"email":"a@b.example","aud":"mail","scope":"imap smtp"}"#,
            .owner("a@b.example")
        ),
        (
            #"{"active":true,"email":"a@b.example","aud":["x","mail"],"scope":"smtp x imap"}"#,
            .owner("a@b.example")
        ),
        (
            #"{"active":true,"email":"a@b.example","aud":["x"],"scope":"imap smtp"}"#,
            .refused("it was not issued for `mail`")
        ),
        (
            #"{"active":true,"email":"a@b.example","scope":"imap smtp"}"#,
            .refused("it was not issued for `mail`")
        ),
        (
            #"{"active":true,"email":"a@b.example","aud":"mail","scope":"imaps smtp"}"#,
            .scope("its scope lacks `imap`")
        ),
        (#"{"active":true,"email":"a@b.example","aud":"mail"}"#, .scope("its scope lacks `imap`")),
        (
            #"{"active":true,"email":"a@b.example","email_verified":false,"aud":"mail","#
                + #""scope":"imap smtp"}"#,
            .refused("the address `a@b.example` is not verified by the issuer")
        ),
    ]

    @Test(
        "Audience, scope and claim are what the settings ask for", arguments: requirements.indices)
    func required(index: Int) async throws {
        let (json, expected) = Self.requirements[index]
        try await Issuer.run(Issuer.ok(json)) { _, port, network in
            let source = try source(at: "http://localhost:\(port)/", network) {
                $0.claim = "email"
                $0.audience = "mail"
                $0.scopes = ["imap", "smtp"]
            }
            let (verdict, _) = await source.find("t", deadline: LiveTime().now + .seconds(300))
            #expect(Kind(verdict) == expected)
        }
    }

    private static let faults: [(String, String)] = [
        ("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "refuses the client id and secret"),
        ("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "answers with the status 500"),
        ("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", "status 302"),
        ("220 mail.example ESMTP\r\n\r\n", "this is no answer in HTTP"),
        (Issuer.ok("<html>"), "cannot be understood"), (Issuer.ok("[]"), "cannot be understood"),
        (Issuer.ok(#"{"active":"yes"}"#), "cannot be understood"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", "ended within the answer"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n", "the answer is too long"),
        (
            "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 10 << 20),
            "the answer is too long"
        ),
        ("HTTP/1.1 200 OK\r\n" + String(repeating: "x", count: 1 << 20), "header is too long"),
        ("", "does not answer"),
    ]

    @Test(
        "A server that hangs, babbles or fails opens nothing and shuts nothing",
        arguments: faults.indices)
    func faulty(index: Int) async throws {
        let (answer, reason) = Self.faults[index]
        try await Issuer.run(answer) { _, port, network in
            let source = try source(at: "http://127.0.0.1:\(port)/", network)
            let patience = answer.isEmpty ? Duration.milliseconds(300) : .seconds(300)
            let (verdict, validity) = await source.find("t", deadline: LiveTime().now + patience)
            guard case .unavailable(let text) = verdict else {
                Issue.record("\(verdict)")
                return
            }
            #expect(text.contains(reason), "\(text)")
            #expect(validity == nil)
        }
    }

    @Test("By HTTPS the certificate must be the server's, and nobody else is told the token")
    func secure() async throws {
        let json = #"{"active":true,"username":"anna@example.org"}"#
        try await Issuer.run(Issuer.ok(json), isSecure: true) { issuer, port, network in
            let right = try source(at: "https://id.example:\(port)/", network)
            let found = await right.find("t", deadline: LiveTime().now + .seconds(300)).0
            #expect(Kind(found) == .owner("anna@example.org"))
            let wrong = try source(at: "https://other.example:\(port)/", network)
            let verdict = await wrong.find("secret", deadline: LiveTime().now + .seconds(300)).0
            guard case .unavailable = verdict else {
                Issue.record("\(verdict)")
                return
            }
            #expect(issuer.requests.count == 1)
            let missing = try source(at: "https://nobody.example:\(port)/", network)
            let none = await missing.find("t", deadline: LiveTime().now + .seconds(300)).0
            #expect(
                Kind(none)
                    == .unavailable(
                        "the introspection endpoint nobody.example:\(port) does not answer: "
                            + "it has no address"))
        }
    }
}
