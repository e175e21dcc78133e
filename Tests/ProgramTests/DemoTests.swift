// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("postreiter demo")
struct DemoTests {
    /// As long as `make demo` may take.
    private static let limit = Duration.seconds(60)

    /// What the story must have shown, besides its last line.
    struct Telling: Sendable, CustomTestStringConvertible {
        let locale: String
        let lines: [String]
        var testDescription: String { locale }
    }

    static let tellings = [
        Telling(
            locale: "en_GB.UTF-8",
            lines: [
                "1. The names",
                "✓ over UDP: iris.example MX 10 mx1.iris.example, 20 mx2.iris.example",
                "✓ over TCP: iris.example MX 10 mx1.iris.example, 20 mx2.iris.example",
                "✓ accepted over TLSv1.3 with a password: 250 2.0.0 queued as ",
                "│ Subject: First post",
                "│ by MX to you, over TLS, and into your mailbox.",
                "✓ mx2 took it, could not hand it on, and holds it",
                "✓ Ben has both messages, each of them once: First post, Second post",
                "✓ every message is there exactly once",
                "✓ no MX, so plain.example is reached by its A record: plain.example [127.0.0.41]",
                "could not be delivered: the domain silent.example does not accept mail",
                "the domain nowhere.example does not exist (Host unknown)",
                "It waits for <emil@lonely.example>: no connection to mx.lonely.example",
                "✓ when: the next attempt is at ",
                "✓ a stranger who writes as Anna is refused: 550 5.7.1",
                " facts were verified, in ",
            ]),
        Telling(
            locale: "de_DE.UTF-8",
            lines: [
                "1. Die Namen",
                "✓ über UDP: iris.example MX 10 mx1.iris.example, 20 mx2.iris.example",
                "✓ über TCP: iris.example MX 10 mx1.iris.example, 20 mx2.iris.example",
                "✓ angenommen über TLSv1.3 mit Kennwort: 250 2.0.0 queued as ",
                "│ Subject: Erste Post",
                "│ per MX zu dir, über TLS, und in dein Postfach: schöne Grüße!",
                "✓ mx2 nahm sie an, konnte sie nicht weitergeben und bewahrt sie auf",
                "✓ Ben hat beide Nachrichten, jede genau einmal: Erste Post, Zweite Post",
                "✓ jede Nachricht ist genau einmal da",
                "✓ kein MX, also wird plain.example über den A-Eintrag erreicht",
                "konnte nicht zugestellt werden: Die Domain silent.example nimmt keine E-Mail an",
                "Die Domain nowhere.example gibt es nicht (Host unknown)",
                "Sie wartet für <emil@lonely.example>",
                "✓ wann: der nächste Versuch ist um ",
                " Tatsachen sind geprüft, in ",
            ]),
    ]

    @Test("It verifies its whole story in either language, and leaves nothing", arguments: tellings)
    func story(_ telling: Telling) async throws {
        try await withStage { stage in
            let folder = try stage.makeFolder("tmp")
            let (status, output) = try await stage.run(
                Postreiter.binary, ["demo"],
                environment: ["LC_ALL": telling.locale, "TMPDIR": folder], within: Self.limit)
            #expect(status == 0, "\(output)")
            var rest = output[...]
            for line in telling.lines {
                guard let place = rest.firstRange(of: line) else {
                    Issue.record("missing or out of order: \(line)\n\(output)")
                    return
                }
                rest = rest[place.upperBound...]
            }
            #expect(!output.contains("✗"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test("Left running it can be visited, and goes with its folder when it is told to end")
    func visit() async throws {
        try await withStage { stage in
            let folder = try stage.makeFolder("tmp")
            let demo = try stage.start(
                Postreiter.binary, ["demo", "--keep"], environment: ["TMPDIR": folder])
            #expect(await demo.hasPrinted("dig @127.0.0.2", within: Self.limit), "\(demo.output)")
            #expect(demo.isRunning)
            let words =
                demo.output.split(separator: "\n").last { $0.contains("dig @127.0.0.2") }?
                .split(separator: " ") ?? []
            let port = try #require(words.count > 3 ? Int(words[3]) : nil)
            #expect(await isListening("127.0.0.2", port))
            #expect(await isListening("127.0.0.10", port - 53 + 465))
            await demo.end()
            #expect(await demo.status() == 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test("Interrupted in the middle it removes its folder and says that it was interrupted")
    func interruption() async throws {
        try await withStage { stage in
            let folder = try stage.makeFolder("tmp")
            let demo = try stage.start(
                Postreiter.binary, ["demo"], environment: ["LC_ALL": "C", "TMPDIR": folder])
            // On a thread of its own: beside tests that keep the shared threads busy the story would
            // be over before anyone looked.
            let isInterrupted = try await onThread {
                for _ in 0..<3_000 {
                    if demo.output.contains("3. The first exchanger") {
                        return kill(demo.id, SIGTERM) == 0
                    }
                    usleep(20_000)
                }
                return false
            }
            #expect(isInterrupted, "\(demo.output)")
            #expect(await demo.status() == 130, "\(demo.output)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }
}
