// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("smtp-sink misbehaves, and the program goes on", .serialized, .built)
struct OutgoingTests {
    /// smtp-sink's options, and what the trace then tells of a message.
    private static let faults: [(name: String, options: [String], told: String)] = [
        ("hard-connect", ["-f", "CONNECT"], "waits"),
        ("hard-hello", ["-f", "EHLO,HELO"], "waits"),
        ("hard-ehlo", ["-f", "EHLO"], "Handed over"),
        ("hard-mail", ["-f", "MAIL"], "MAIL FROM"),
        ("hard-rcpt", ["-f", "RCPT"], "RCPT TO"),
        ("hard-data", ["-f", "DATA"], "DATA"),
        ("hard-dot", ["-f", "."], "the message"),
        ("soft-connect", ["-r", "CONNECT"], "waits"),
        ("soft-mail", ["-r", "MAIL"], "waits"),
        ("soft-data", ["-r", "DATA"], "waits"),
        ("soft-dot", ["-r", "."], "waits"),
        ("quits-connect", ["-q", "CONNECT"], "before the greeting"),
        ("quits-mail", ["-q", "MAIL"], "MAIL FROM"),
        ("quits-rcpt", ["-q", "RCPT"], "RCPT TO"),
        ("quits-data", ["-q", "DATA"], "DATA"),
        ("quits-dot", ["-q", "."], "may arrive twice"),
        ("says421-rcpt", ["-Q", "RCPT"], "waits"),
        ("says421-dot", ["-Q", "."], "waits"),
        ("slow", ["-w", "1", "-s", "MAIL"], "Handed over"),
        ("bare", ["-e", "-p"], "Handed over"),
    ]

    @Test(
        "each option of -f, -r, -q, -Q, -w: delivered, waiting or returned, and the trace says why",
        .installed("swaks", "smtp-sink"))
    func faults() async throws {
        try await withStage { stage in
            var zones: [String: String] = [:]
            for fault in Self.faults {
                let sink = try await SMTPSink(
                    stage, address: stage.address(), options: fault.options)
                zones["\(fault.name).test"] = Postreiter.zone(
                    "\(fault.name).test", exchanger: sink.address)
            }
            let host = try await Postreiter(stage, zones: zones)
            for fault in Self.faults {
                let sent = try await host.submit(to: "bob@\(fault.name).test", subject: "x")
                #expect(sent.status == 0, "\(sent.output)")
            }
            for fault in Self.faults {
                var told = ""
                let isTold = await isTrue(within: .seconds(30)) {
                    told =
                        (try? await host.command("trace", "bob@\(fault.name).test"))?.output ?? ""
                    return told.contains(fault.told)
                }
                #expect(isTold, "\(fault.name): \(told)")
            }
            // What was refused with 5yz to MAIL, RCPT, DATA and the message came back.
            let returned = try await host.mailbox(count: 4)
            #expect(returned.count == 4)
            #expect(returned.allSatisfy { $0.contains("Action: failed") })
        }
    }

    @Test("the password at a smarthost is in clear in no file, and outlasts a restart and a backup")
    func smarthostPassword() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let password = try stage.write("very open sesame\n", to: "smarthost")
            let set = try await host.command(
                "transport", "add", "*", "smtp", "smart.test:587", "--security", "required",
                "--user", "anna", "--password-file", password)
            #expect(set.status == 0, "\(set.output)")
            let key = host.data + "/secret.key"
            let files = FileManager.default
            let rights = try files.attributesOfItem(atPath: key)[.posixPermissions] as? Int
            #expect(rights == 0o600)
            let text = try String(contentsOfFile: key, encoding: .utf8)
            let file = stage.path("backup.tar")
            #expect(try await host.command("backup", file).status == 0)
            await host.stop()
            for name in try files.subpathsOfDirectory(atPath: host.data) {
                let content = files.contents(atPath: "\(host.data)/\(name)") ?? Data()
                #expect(content.range(of: Data("open sesame".utf8)) == nil, "\(name)")
            }
            try files.removeItem(atPath: host.data)
            #expect(try await host.command("restore", file).status == 0)
            #expect(try String(contentsOfFile: key, encoding: .utf8) == text)
            try await host.start()
            let list = try await host.command("transport", "list", "--json")
            #expect(list.output.contains("\"anna\"") && !list.output.contains("sesame"))
            #expect(!host.log.contains("sesame") && !host.log.contains(text.prefix(64)))
        }
    }

    @Test(
        "LMTP by TCP and by Unix socket, and a smarthost for everything else",
        .installed("swaks", "smtp-sink"))
    func transports() async throws {
        try await withStage { stage in
            let byTCP = try await SMTPSink(stage, address: stage.address(), options: ["-L"])
            let smarthost = try await SMTPSink(stage, address: stage.address())
            let path = stage.path("lmtp")
            let folder = try stage.makeFolder("by-socket")
            _ = try stage.start(
                "smtp-sink",
                ["-u", NSUserName(), "-L", "-d", folder + "/m.", "unix:\(path)", "10"])
            let host = try await Postreiter(stage)
            for way in [
                ["tcp.test", "lmtp", "\(byTCP.address):\(byTCP.port)"],
                ["socket.test", "lmtp", "unix:\(path)"],
                ["*", "smtp", "\(smarthost.address):\(smarthost.port)"],
            ] {
                let set = try await host.command(["transport", "add"] + way)
                #expect(set.status == 0, "\(set.output)")
            }
            for domain in ["tcp.test", "socket.test", "anything.test"] {
                let sent = try await host.submit(to: "bob@\(domain)", subject: domain)
                #expect(sent.status == 0, "\(sent.output)")
            }
            let arrived = await isTrue(within: .seconds(30)) {
                let files = try? FileManager.default.contentsOfDirectory(atPath: folder)
                return files?.count == 1 && byTCP.messages.count == 1
                    && smarthost.messages.first?.contains("bob@anything.test") == true
            }
            #expect(arrived && smarthost.messages.count == 1, "\(host.log)")
            let list = try await host.command("transport", "list")
            #expect(list.output.contains("unix:\(path)"), "\(list.output)")
        }
    }
}
