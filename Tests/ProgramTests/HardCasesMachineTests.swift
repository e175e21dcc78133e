// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("A machine that lacks something is answered clearly, and nothing is lost", .built)
struct HardCasesMachineTests {
    @Test("Out of file descriptors those who connect wait; with some again all goes on")
    func descriptors() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, serving: false)
            let process = try stage.start(
                "sh",
                [
                    "-c", "ulimit -n 110; exec \"$0\" serve --config \"$1\"", Postreiter.binary,
                    server.configuration,
                ])
            #expect(await process.hasPrinted("serving as"), "\(process.output)")
            #expect(process.output.contains("only 110 files and connections"))
            let crowd = try await onThread {
                try (0..<200).map { _ in try Wire(server.address, Postreiter.Port.smtp) }
            }
            #expect(
                await process.hasPrinted("no connections can be accepted for now"),
                "\(process.output)")
            // One that is in can go on; a small message needs no further descriptor.
            let reply = try await onThread {
                _ = try crowd[0].readReply()
                _ = try crowd[0].ask("EHLO client.test")
                _ = try crowd[0].ask("MAIL FROM:<a@client.test>")
                _ = try crowd[0].ask("RCPT TO:<\(server.account)>")
                _ = try crowd[0].ask("DATA")
                return try crowd[0].ask("Subject: in the crowd\r\n\r\nx\r\n.")
            }
            #expect(reply.hasPrefix("250"), "\(reply)")
            try await onThread { for wire in crowd { wire.end() } }
            let greeting = try await onThread {
                try Wire(server.address, Postreiter.Port.smtp).readReply()
            }
            #expect(greeting?.hasPrefix("220") == true)
            #expect(
                await process.hasPrinted("connections are accepted again"), "\(process.output)")
            #expect(try await server.mailbox(count: 1).count == 1)
            let lines = process.output.split(separator: "\n")
            #expect(
                lines.count { $0.contains("accepted for now") } < 20,
                "it says so, but not at every attempt")
        }
    }

    @Test("1,900 idle connections cost little memory, and mail goes on")
    func idleConnections() async throws {
        raiseDescriptorLimit()
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let before = try server.memory("VmRSS")
            let crowd = try await onThread {
                try (0..<1900).map { _ in
                    let wire = try Wire(server.address, Postreiter.Port.smtp)
                    _ = try wire.readReply()
                    return wire
                }
            }
            let each = (try server.memory("VmRSS") - before) * 1024 / crowd.count
            // This build is not optimised; `make bench` measures the one that is.
            #expect(each < 60_000, "\(each) octets for each")
            let sent = try await server.submit(to: server.account, subject: "through the crowd")
            #expect(sent.status == 0, "\(sent.output)")
            #expect(try await server.mailbox(count: 1).count == 1)
            let alive = try await onThread { try crowd.suffix(50).map { try $0.ask("NOOP") } }
            #expect(alive.allSatisfy { $0.hasPrefix("250") })
            try await onThread { for wire in crowd { wire.end() } }
        }
    }

    @Test(
        "While another program holds the database senders are told to come back",
        .installed("sqlite3"))
    func lockedDatabase() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let holder = try stage.start(
                "sh",
                [
                    "-c",
                    """
                    (echo '.timeout 5000'; echo 'BEGIN IMMEDIATE;'; echo "SELECT 'held';"
                    tenths=0; until [ -e "$1" ] || [ $tenths -ge 600 ]; do
                    sleep 0.1; tenths=$((tenths + 1)); done
                    echo 'ROLLBACK;') | sqlite3 "$0"
                    """,
                    server.data + "/postreiter.sqlite", stage.path("enough"),
                ])
            #expect(await holder.hasPrinted("held"), "\(holder.output)")
            let send = { @Sendable (subject: String) in
                let wire = try Wire(server.address, Postreiter.Port.smtp)
                _ = try wire.readReply()
                _ = try wire.ask("EHLO client.test")
                _ = try wire.ask("MAIL FROM:<a@client.test>")
                _ = try wire.ask("RCPT TO:<\(server.account)>")
                _ = try wire.ask("DATA")
                return try wire.ask("Subject: \(subject)\r\n\r\nx\r\n.")
            }
            let refused = try await onThread { try send("while it is held") }
            #expect(refused.hasPrefix("451 4.3.0"), "\(refused)\n\(server.log)")
            #expect(await server.hasLogged("another program holds the database"), "\(server.log)")
            try stage.write("", to: "enough")
            #expect(await holder.status(within: .seconds(20)) == 0)
            let accepted = try await onThread { try send("afterwards") }
            #expect(accepted.hasPrefix("250"), "\(accepted)")
            let messages = try await server.mailbox(count: 1)
            #expect(messages.count == 1 && messages[0].contains("afterwards"))
        }
    }

    @Test("On a disk that can only be read the server does not start, and says which", .canMount)
    func readOnlyDisk() async throws {
        try await withStage { stage in
            let folder = try stage.makeFolder("small")
            let mounted = try await stage.run(
                "mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", folder])
            try #require(mounted.status == 0, "\(mounted.output)")
            let server = try await Postreiter(
                stage, dataFolder: folder + "/data", serving: false)
            let isReadOnly = try await stage.run("mount", ["-o", "remount,ro", folder])
            #expect(isReadOnly.status == 0, "\(isReadOnly.output)")
            let ended = try await server.refusal()
            _ = try await stage.run("mount", ["-o", "remount,rw", folder])
            let isFine = (try? await server.start()) != nil
            await server.stop()
            _ = try await stage.run("umount", ["-l", folder])
            #expect(ended.status == 73, "\(ended)")
            #expect(ended.output.contains("Read-only file system"), "\(ended.output)")
            #expect(ended.output.contains(folder), "\(ended.output)")
            #expect(isFine)
        }
    }

    @Test("check finds what is wrong with certificate, ports, data folder and DNS, and what to do")
    func check() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let fine = try await server.command("check", "--json")
            let object = try JSONSerialization.jsonObject(with: Data(fine.output.utf8))
            let findings = try #require((object as? [String: Any])?["findings"] as? [[String: Any]])
            let codes = Set(findings.compactMap { $0["code"] as? String })
            #expect(
                codes.isSuperset(of: [
                    "configuration", "certificate", "ports", "data-folder", "space", "address",
                    "dns",
                ]), "\(fine.output)")
            #expect((object as? [String: Any])?["ok"] as? Bool == true, "\(fine.output)")
            await server.stop()
            // For another host, and at its end.
            let made = try await stage.run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                    "-nodes", "-days", "3", "-subj", "/CN=other.test", "-addext",
                    "subjectAltName=DNS:other.test", "-keyout", server.privateKey, "-out",
                    server.certificate,
                ])
            try #require(made.status == 0, "\(made.output)")
            #expect(chmod(server.data, 0o777) == 0)
            let holder = try await Postreiter(stage, domain: "h.test", address: server.address)
            let found = try await server.command("check")
            #expect(found.status == 1)
            for text in [
                "is not for this host, mx1.own.test", "ends on 20", "postreiter reload",
                "is already in use by another program", "`ss -ltnp` shows by whom",
                "others than its owner may write into \(server.data)",
                "chmod go-w \(server.data)",
            ] {
                #expect(found.output.contains(text), "\(text): \(found.output)")
            }
            await holder.stop()
        }
    }

    /// Of the test's own process: it holds the other ends.
    private func raiseDescriptorLimit() {
        var limits = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
        limits.rlim_cur = min(limits.rlim_max, 8192)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
    }
}
