// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("The programs we are tested with work by themselves")
struct PeerTests {
    @Test(
        "A Postfix takes what swaks sends, over TLS",
        .installed("postfix", "swaks", "openssl"), .asRoot)
    func postfix() async throws {
        try await withStage { stage in
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "postfix.test")
            let sent = try await stage.swaks(
                server: postfix.address, port: postfix.port, from: "a@client.test",
                to: "b@postfix.test", ["--tls", "--header", "Subject: by Postfix"])
            #expect(sent.status == 0, "\(sent.output)")
            let arrived = await isTrue(within: .seconds(20)) { !postfix.messages.isEmpty }
            #expect(arrived, "\(postfix.log)")
            #expect(postfix.messages.first?.contains("Subject: by Postfix") == true)
            #expect(postfix.messages.first?.contains("TLSv1.3") == true)
        }
    }

    @Test("smtp-sink takes what smtp-source sends", .installed("smtp-sink", "smtp-source"))
    func sink() async throws {
        try await withStage { stage in
            let sink = try await SMTPSink(stage, address: stage.address())
            let sent = try await stage.smtpSource(
                server: sink.address, port: sink.port, from: "a@client.test", to: "b@sink.test",
                messages: 20, sessions: 4)
            #expect(sent.status == 0, "\(sent.output)")
            #expect(
                await isTrue(within: .seconds(10)) {
                    sink.messages.count { $0.contains("b@sink.test") } == 20
                }, "\(sink.messages)")
        }
    }

    @Test("nsd answers dig, and unbound asks nsd", .installed("nsd", "unbound", "dig"))
    func names() async throws {
        try await withStage { stage in
            let zone = """
                $ORIGIN peer.test.
                $TTL 60
                @ SOA ns hostmaster 1 3600 900 86400 60
                @ NS ns
                @ MX 10 mx
                ns A 127.0.0.1
                mx A 192.0.2.7

                """
            let nsd = try await NSD(
                stage, address: stage.address(), zones: ["peer.test": zone])
            let unbound = try await Unbound(
                stage, address: stage.address(),
                stubs: ["peer.test": "\(nsd.address)@\(nsd.port)"])
            for tcp in [false, true] {
                let direct = try await stage.dig(
                    nsd.address, port: nsd.port, "peer.test", "MX", tcp: tcp)
                #expect(direct == "10 mx.peer.test.\n")
                let resolved = try await stage.dig(
                    unbound.address, port: unbound.port, "mx.peer.test", "A", tcp: tcp)
                #expect(resolved == "192.0.2.7\n")
            }
        }
    }

    @Test("Whatever a stage has started is gone after it", .installed("sleep"))
    func cleared() async throws {
        var child: ChildProcess?
        var folder = ""
        try await withStage { stage in
            child = try stage.start("sleep", ["1000"])
            folder = stage.folder.path
            #expect(child?.isRunning == true)
        }
        #expect(child?.isRunning == false)
        #expect(!isThere(folder))
        let limited = try Stage()
        let slow = try limited.start("sleep", ["1000"])
        #expect(await slow.status(within: .milliseconds(100)) == nil)
        #expect(!slow.isRunning)
        await limited.end()
    }
}

private func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
