// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Clients that do what they should not get a clear answer", .built)
struct HardCasesDialogueTests {
    @Test("Nobody relays through us, however the address is written")
    func openRelay() async throws {
        try await withServer { server in
            for recipient in [
                "x@elsewhere.test", "x%elsewhere.test@elsewhere.test",
                "@own.test:x@elsewhere.test",
                "alice@own.test.elsewhere.test", "x@[192.0.2.1]", "x@[127.0.0.1]",
                "\"x@own.test\"@elsewhere.test",
            ] {
                try await play(
                    """
                    S: 220
                    C: EHLO client.test
                    S: 250
                    C: MAIL FROM:<alice@own.test>
                    S: 250 2.1.0
                    C: RCPT TO:<\(recipient)>
                    S: 550 5.7.1 Relaying denied
                    C: DATA
                    S: 554 5.5.1
                    """, server.address, Postreiter.Port.smtp)
            }
            // These are addresses of ours, and nobody has them.
            for recipient in ["x%elsewhere.test@own.test", "\"x@elsewhere.test\"@own.test"] {
                try await play(
                    """
                    S: 220
                    C: EHLO client.test
                    C: MAIL FROM:<alice@own.test>
                    C: RCPT TO:<\(recipient)>
                    S: 250
                    S: 250 2.1.0
                    S: 550 5.1.1
                    """, server.address, Postreiter.Port.smtp)
            }
            try await play(
                """
                S: 220
                C: EHLO client.test
                S: 250
                C: MAIL FROM:<alice@own.test>
                S: 530 5.7.0
                """, server.address, Postreiter.Port.submission)
        }
    }

    @Test(
        "A wrong password is refused, later and later, and the right one is still taken",
        .installed("swaks"))
    func wrongPassword() async throws {
        try await withServer { server in
            let clock = ContinuousClock()
            var times: [Duration] = []
            for attempt in 1...5 {
                let begin = clock.now
                let answer = try await server.logIn(password: "wrong \(attempt)")
                times.append(clock.now - begin)
                #expect(answer.contains("535 5.7.8"), "\(answer)")
            }
            // Three are free; then a second, then two.
            #expect(times[3] > .seconds(1) && times[4] > .seconds(2), "\(times)")
            let answer = try await server.logIn(password: server.password)
            #expect(answer.contains("235 2.7.0"), "\(answer)")
            #expect(await server.hasLogged("login failed from"), "\(server.log)")
        }
    }

    @Test("A password without TLS is not even looked at")
    func passwordInTheClear() async throws {
        try await withServer { server in
            try await play(
                """
                S: 220
                C: EHLO client.test
                S: 250
                C: AUTH PLAIN AGFubmFAZXhhbXBsZS5vcmcAc2VjcmV0
                S: 538 5.7.11
                """, server.address, Postreiter.Port.submission)
        }
    }

    @Test("Unknown recipients, commands out of turn and lines too long are answered one by one")
    func mistakes() async throws {
        try await withServer { server in
            let long = String(repeating: "x", count: 3000)
            let endless = String(repeating: "y", count: 100_000)
            try await play(
                """
                S: 220
                C: MAIL FROM:<a@client.test>
                S: 503 5.5.1
                C: EHLO client.test
                S: 250
                C: RCPT TO:<alice@own.test>
                S: 503 5.5.1
                C: DATA
                S: 503 5.5.1
                C: MAIL FROM:<a@client.test>
                S: 250 2.1.0
                C: MAIL FROM:<a@client.test>
                S: 503 5.5.1
                C: RCPT TO:<nobody@own.test>
                S: 550 5.1.1
                C: RCPT TO:<>
                S: 501 5.1.3
                C: NOOP \(long)
                S: 500 5.5.2
                C: NOOP \(endless)
                S: 500 5.5.2
                C: NO\\0OP
                S: 500 5.5.2
                C: WIZ
                S: 500 5.5.1
                C: TURN
                S: 502 5.5.1
                C: MAIL FROM:<a@client.test> SIZE=1 WHATEVER=1
                S: 503 5.5.1
                C: RSET
                S: 250
                C: MAIL FROM:<a@client.test> WHATEVER=1
                S: 555 5.5.4
                C: QUIT
                S: 221 2.0.0
                S: closed
                """, server.address, Postreiter.Port.smtp)
            try await play(
                """
                S: 220
                C: GET / HTTP/1.1
                S: 421 4.7.0
                S: closed
                """, server.address, Postreiter.Port.smtp)
        }
    }

    @Test("A message over SIZE is refused when it is announced, and when it is not")
    func tooLarge() async throws {
        try await withServer(environment: ["POSTREITER_LIMITS_MESSAGE_OCTETS": "65536"]) { server in
            let line = "C: " + String(repeating: "z", count: 70) + "\n"
            try await play(
                """
                S: 220
                C: EHLO client.test
                S: 250
                C: MAIL FROM:<a@client.test> SIZE=65537
                S: 552 5.3.4
                C: MAIL FROM:<a@client.test> SIZE=65536
                S: 250 2.1.0
                C: RCPT TO:<alice@own.test>
                S: 250 2.1.5
                C: DATA
                S: 354
                C: Subject: larger than it said
                C:
                \(String(repeating: line, count: 1000))C: .
                S: 552 5.3.4
                C: MAIL FROM:<a@client.test>
                C: RCPT TO:<alice@own.test>
                C: DATA
                S: 250 2.1.0
                S: 250 2.1.5
                S: 354
                C: Subject: small
                C:
                C: .
                S: 250 2.0.0
                """, server.address, Postreiter.Port.smtp)
            #expect(try await server.subjects() == ["small"])
        }
    }

    @Test("A line end that is none smuggles nothing in")
    func smuggling() async throws {
        try await withServer { server in
            for end in [#"\n.\n"#, #"\n.\r\n"#, #"\r.\r"#, #"\r\n.\n"#, #"\r\n.\r"#] {
                try await play(
                    """
                    S: 220
                    C: EHLO client.test
                    C: MAIL FROM:<a@client.test>
                    C: RCPT TO:<alice@own.test>
                    C: DATA
                    S: 250
                    S: 250
                    S: 250
                    S: 354
                    C| Subject: one\\r\\n\\r\\nhello\(end)MAIL FROM:<forged@own.test>\\r\\nRCPT TO:<alice@own.test>\\r\\nDATA\\r\\nSubject: two\\r\\n\\r\\n.\\r\\n
                    C: NOOP
                    S: 550 5.6.0
                    S: 250 2.0.0
                    """, server.address, Postreiter.Port.smtp)
            }
            try await play(
                """
                S: 220
                C| EHLO client.test\\nMAIL FROM:<a@client.test>\\r\\n
                S: 500 5.5.2
                C: NOOP
                S: 250
                """, server.address, Postreiter.Port.smtp)
            #expect(try await server.subjects().isEmpty)
        }
    }

    @Test("What is pipelined behind STARTTLS in the clear is thrown away")
    func injection() async throws {
        try await withServer { server in
            try await play(
                """
                S: 220
                C: EHLO client.test
                S: 250
                C: STARTTLS
                C: MAIL FROM:<injected@client.test>
                C: RCPT TO:<alice@own.test>
                S: 554 5.5.1
                C: RCPT TO:<alice@own.test>
                S: 503 5.5.1
                """, server.address, Postreiter.Port.smtp)
        }
    }

    private func withServer(
        environment: [String: String] = [:], _ body: (Postreiter) async throws -> Void
    ) async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, environment: environment)
            try await body(server)
            #expect(server.server?.isRunning == true, "\(server.log)")
        }
    }
}

extension Postreiter {
    /// The dialogue of a login on the submission port.
    fileprivate func logIn(password: String) async throws -> String {
        try await submit(
            to: account, subject: "none", password: password, options: ["--quit-after", "AUTH"]
        ).output
    }

    /// The subjects of what stands in the mailbox once nothing is left to deliver.
    fileprivate func subjects() async throws -> [String] {
        #expect(try await waitUntilDelivered() == "")
        return try await mailbox().compactMap { message in
            message.split(whereSeparator: \.isNewline).first { $0.hasPrefix("Subject: ") }
                .map { String($0.dropFirst(9)) }
        }
    }
}
