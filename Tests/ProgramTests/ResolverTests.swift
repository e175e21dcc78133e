// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Routing asks a real Unbound before a real NSD, and copes with what they say", .built)
struct ResolverTests {
    /// What the DNS says of a domain, and what becomes of mail to it.
    private static let cases: [(domain: String, outcome: String, words: String)] = [
        ("chain.peer.test", "route", "mx.end.peer.test"),
        ("gone.peer.test", "permanent", "Host unknown"),
        ("null.peer.test", "permanent", "5.1.10"),
        ("circle.peer.test", "transient", "4.4.3"),
        // A name server that never answers.
        ("silent.test", "transient", "4.4.3"),
        // One that is not responsible for the zone that was entrusted to it.
        ("lame.test", "transient", "4.4.3"),
        // One whose zone file is broken.
        ("broken.test", "transient", "4.4.3"),
        // An exchanger whose own zone cannot be asked.
        ("half.peer.test", "transient", "4.4.4"),
    ]

    private static let zone = """
        $ORIGIN peer.test.
        $TTL 60
        @ SOA ns hostmaster 1 3600 900 86400 60
        @ NS ns
        ns A 127.0.0.1
        chain CNAME link1
        link1 CNAME link2
        link2 CNAME end
        end MX 10 mx.end
        null MX 0 .
        circle CNAME circle2
        circle2 CNAME circle
        half MX 10 mx.silent.test.

        """

    @Test(
        "Chains, absence, circles, silence, lame and broken servers",
        .installed("nsd", "unbound", "swaks", "smtp-sink", "curl"))
    func answers() async throws {
        try await withStage { stage in
            let sink = try await SMTPSink(stage, address: stage.address())
            let nsd = try await NSD(
                stage, address: stage.address(),
                zones: [
                    "peer.test": Self.zone + "mx.end A \(sink.address)\n",
                    "broken.test": "@ IN NOTHING\n",
                ])
            let silence = try SilentSocket(stage.address(), 5353)
            defer { withExtendedLifetime(silence) {} }
            let server = "\(nsd.address)@\(nsd.port)"
            let unbound = try await Unbound(
                stage, address: stage.address(),
                stubs: [
                    "peer.test": server, "lame.test": server, "broken.test": server,
                    "silent.test": "\(silence.address)@5353",
                ])
            let host = try await Postreiter(
                stage,
                environment: ["POSTREITER_RESOLVER": "\(unbound.address):\(unbound.port)"])
            for item in Self.cases {
                let explained = try await stage.run(
                    Postreiter.binary,
                    [
                        "mx", "explain", item.domain, "--resolver",
                        "\(unbound.address):\(unbound.port)", "--json",
                    ])
                #expect(
                    explained.output.contains("\"outcome\":\"\(item.outcome)\"")
                        && explained.output.contains(item.words),
                    "\(item.domain): \(explained.output)")
                let sent = try await host.submit(
                    to: "bob@\(item.domain)", subject: "to \(item.domain)")
                #expect(sent.status == 0, "\(sent.output)")
            }
            let permanent = Self.cases.count { $0.outcome == "permanent" }
            let notices = try await host.mailbox(count: permanent, within: .seconds(60))
            #expect(notices.count == permanent, "\(host.log)")
            #expect(notices.contains { $0.contains("Host unknown") })
            let arrived = await isTrue(within: .seconds(60)) {
                sink.messages.count == 1 && sink.messages[0].contains("to chain.peer.test")
            }
            #expect(arrived, "\(sink.messages)")
            // What a fault of the DNS holds up waits, and says why.
            for item in Self.cases where item.outcome == "transient" {
                let waits = await isTrue(within: .seconds(60)) {
                    let trace = try? await host.command("trace", "bob@\(item.domain)", "--json")
                    return trace?.output.contains("\"deferred\"") == true
                }
                #expect(waits, "\(item.domain)\n\(host.log)")
            }
            #expect(try await host.mailbox().count == permanent)
        }
    }
}

/// A UDP port that takes everything and never answers.
private final class SilentSocket {
    let address: String
    private let descriptor: Int32

    init(_ address: String, _ port: Int) throws {
        self.address = address
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard withSocketAddress(address, port, { bind(descriptor, $0, $1) }) == 0 else {
            throw Wire.Broken("\(address):\(port)")
        }
    }

    deinit { close(descriptor) }
}
