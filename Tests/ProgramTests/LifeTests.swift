// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

/// How a server is started, changed and ended by those who run it.
@Suite("The life of a server: reload, stop, and what the service manager hears", .built)
struct LifeTests {
    // MARK: Reload

    @Test(
        "A reload brings a new certificate, new ports and limits, and drops no connection",
        .installed("openssl"))
    func reload() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let second = stage.address()
            let open = try await onThread {
                let wire = try Wire(server.address, Postreiter.Port.smtp)
                _ = try wire.readReply()
                _ = try wire.ask("EHLO client.test")
                _ = try wire.ask("MAIL FROM:<a@client.test>")
                return wire
            }
            try await replaceCertificate(of: server, stage)
            try edit(server) {
                $0.replacingOccurrences(
                    of: "smtp: [\"\(server.address):2525\"]",
                    with: "smtp: [\"\(server.address):2525\", \"\(second):2525\"]"
                ).replacingOccurrences(
                    of: "\n  pop3: [\"\(server.address):2110\"]", with: "")
                    + "limits:\n  message-octets: 70000\nlanguage: de\n"
            }
            let report = try await server.command("reload")
            #expect(report.status == 0, "\(report.output)\n\(server.log)")
            #expect(
                report.output.contains(
                    "changed: listen.smtp, listen.pop3, limits.message-octets"),
                "\(report.output)")
            #expect(
                report.output.contains("only a restart changes: language"), "\(report.output)")
            let shown = try await stage.openssl(
                server: server.address, port: Postreiter.Port.submissions, name: server.hostName,
                trusting: server.certificate)
            #expect(shown.contains("Verify return code: 0 (ok)"), "\(shown)")
            let (greeting, size) = try await onThread {
                let wire = try Wire(second, Postreiter.Port.smtp)
                return (try wire.readReply(), try wire.ask("EHLO client.test"))
            }
            #expect(greeting?.hasPrefix("220 ") == true)
            #expect(size.contains("SIZE 70000"), "\(size)")
            #expect(await !isListening(server.address, Postreiter.Port.pop3, within: .zero))
            // The transaction that was open all the time goes on.
            let accepted = try await onThread {
                _ = try open.ask("RCPT TO:<\(server.account)>")
                _ = try open.ask("DATA")
                return try open.ask("Subject: through a reload\r\n\r\nx\r\n.")
            }
            #expect(accepted.hasPrefix("250"), "\(accepted)")
        }
    }

    @Test("A configuration that cannot be used is refused with its place, and the old one stays")
    func refusedReload() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let before = try String(contentsOfFile: server.configuration, encoding: .utf8)
            let lines = before.split(separator: "\n", omittingEmptySubsequences: false).count
            let refusals = { server.log.components(separatedBy: "not reloaded").count }
            for (addition, complaint) in [
                ("limts: 1\n", "postreiter.yaml:\(lines):1: unknown key `limts`"),
                ("limits:\n  recipients: many\n", "postreiter.yaml:\(lines + 1):3: "),
                ("tls:\n  certificate: /nonexistent.pem\n", "/nonexistent.pem cannot be read"),
            ] {
                try edit(server) { _ in before + addition }
                let report = try await server.command("reload")
                // The command itself reads the file too, to find the socket.
                #expect(report.status == 78, "\(report.output)")
                #expect(report.output.contains(complaint), "\(report.output)")
                let refused = refusals()
                kill(try #require(server.server).id, SIGHUP)
                #expect(await isTrue(within: .seconds(20)) { refusals() > refused })
                #expect(await isListening(server.address, Postreiter.Port.smtp))
            }
            // An address that somebody else holds: nothing of the change is applied.
            let other = stage.address()
            let holder = try await Postreiter(stage, domain: "other.test", address: other)
            try edit(server) { _ in
                before.replacingOccurrences(
                    of: "smtp: [\"\(server.address):2525\"]",
                    with: "smtp: [\"\(server.address):2525\", \"\(other):2525\"]")
                    + "limits:\n  message-octets: 70000\n"
            }
            let report = try await server.command("reload")
            #expect(report.status == 78, "\(report.output)")
            #expect(report.output.contains("\(other):2525 is already in use"), "\(report.output)")
            let hello = try await onThread {
                let wire = try Wire(server.address, Postreiter.Port.smtp)
                _ = try wire.readReply()
                return try wire.ask("EHLO client.test")
            }
            #expect(hello.contains("SIZE 52428800"), "\(hello)")
            await holder.stop()
        }
    }

    private func edit(_ server: Postreiter, _ change: (String) -> String) throws {
        let text = try String(contentsOfFile: server.configuration, encoding: .utf8)
        try Data(change(text).utf8).write(to: URL(fileURLWithPath: server.configuration))
    }

    /// Another self-signed certificate, as a renewal would put there.
    private func replaceCertificate(of server: Postreiter, _ stage: Stage) async throws {
        let made = try await stage.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-days", "30", "-subj", "/CN=\(server.hostName)", "-addext",
                "subjectAltName=DNS:\(server.hostName)", "-keyout", server.privateKey, "-out",
                server.certificate,
            ])
        try #require(made.status == 0, "\(made.output)")
    }

    // MARK: Stop

    @Test(
        "A stop accepts nothing new, finishes what is under way and loses nothing",
        .installed("smtp-source", "curl"))
    func gracefulStop() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let load = Generator(
                server.address, Postreiter.Port.smtp, local: server.account,
                remote: "nobody@\(server.domain)", connections: 4, seed: 1)
            let source = try stage.start(
                "smtp-source",
                [
                    "-d", "-m", "100000", "-s", "4", "-l", "4096", "-f", "source@client.test", "-t",
                    "postmaster@own.test", "\(server.address):\(Postreiter.Port.smtp)",
                ])
            let (open, idle) = try await onThread {
                let open = try Wire(server.address, Postreiter.Port.smtp)
                for command in [
                    "EHLO client.test", "MAIL FROM:<a@client.test>",
                    "RCPT TO:<\(server.account)>", "DATA",
                ] {
                    if command.hasPrefix("EHLO") { _ = try open.readReply() }
                    _ = try open.ask(command)
                }
                try open.write("Subject: half of it before the stop\r\n\r\n")
                let idle = try Wire(server.address, Postreiter.Port.smtp)
                _ = try idle.readReply()
                return (open, idle)
            }
            try await Task.sleep(for: .milliseconds(500))
            let process = try #require(server.server)
            let clock = ContinuousClock()
            let begin = clock.now
            kill(process.id, SIGTERM)
            // Who does nothing is told at once, and nobody new gets in.
            let farewell = try await onThread { try idle.readReply() }
            #expect(farewell?.hasPrefix("421") == true, "\(farewell ?? "nothing")")
            #expect(
                await isTrue(within: .seconds(5)) {
                    await !isListening(server.address, Postreiter.Port.smtp, within: .zero)
                })
            #expect(process.isRunning, "it waits for the transaction")
            let accepted = try await onThread {
                (try open.ask("the rest after it\r\n."), try open.readReply())
            }
            #expect(accepted.0.hasPrefix("250"), "\(accepted)")
            #expect(accepted.1?.hasPrefix("421") == true, "\(accepted)")
            #expect(await process.status(within: .seconds(40)) == 0)
            #expect(clock.now - begin < .seconds(35))
            #expect(await server.hasLogged("stopped"), "\(server.log)")
            await load.stop()
            await source.end()
            try await server.start()
            #expect(try await server.waitUntilDelivered(within: .seconds(120)) == "")
            let mailbox = try await server.wholeMailbox()
            let numbers = mailbox.compactMap { NumberedMessage.recognise(Array($0))?.number }
            let wanted = load.acknowledged.filter(\.isLocal).map(\.number)
            #expect(Set(numbers).isSuperset(of: wanted))
            #expect(Set(numbers).count == numbers.count, "a message was delivered twice")
            #expect(!wanted.isEmpty)
            let texts = mailbox.map { String(decoding: $0.prefix(4096), as: UTF8.self) }
            #expect(texts.contains { $0.contains("half of it before the stop") })
        }
    }

    @Test("A second signal ends the server at once")
    func secondSignal() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let open = try await onThread {
                let open = try Wire(server.address, Postreiter.Port.smtp)
                _ = try open.readReply()
                _ = try open.ask("EHLO client.test")
                _ = try open.ask("MAIL FROM:<a@client.test>")
                return open
            }
            let process = try #require(server.server)
            kill(process.id, SIGTERM)
            #expect(await process.hasPrinted("stopping"))
            kill(process.id, SIGTERM)
            #expect(await process.status(within: .seconds(3)) == 75)
            #expect(process.output.contains("ended at once"), "\(process.output)")
            withExtendedLifetime(open) {}
            try await server.start()
        }
    }

    // MARK: The service manager

    @Test("The service manager hears of ready, reload, life and stop (sd_notify)")
    func notifications() async throws {
        try await withStage { stage in
            for isAbstract in [false, true] {
                let listener = try NotificationSocket(
                    isAbstract ? "@postreiter-\(stage.address())" : stage.path("notify"))
                let server = try await Postreiter(
                    stage,
                    environment: [
                        "NOTIFY_SOCKET": listener.name, "WATCHDOG_USEC": "200000",
                    ])
                #expect(await listener.hears("READY=1"), "\(listener.heard)")
                #expect(await listener.hears("WATCHDOG=1"), "\(listener.heard)")
                #expect(try await server.command("reload").status == 0)
                #expect(await listener.hears("RELOADING=1\nMONOTONIC_USEC="), "\(listener.heard)")
                let readies = { listener.heard.count { $0.hasPrefix("READY=1") } }
                #expect(await isTrue(within: .seconds(5)) { readies() == 2 })
                await server.stop()
                #expect(await listener.hears("STOPPING=1"), "\(listener.heard)")
            }
        }
    }

    @Test(
        "Sockets that the service manager has opened are used by their names (LISTEN_FDS)",
        .installed("perl"))
    func socketActivation() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, serving: false)
            let extra = stage.address()
            // Descriptor 3: an address that the configuration does not name; 4: one that it does.
            let script = try stage.write(
                """
                use Socket; use POSIX;
                my $fd = 3;
                for my $address ("\(extra)", "\(server.address)") {
                    socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
                    setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
                    bind($s, sockaddr_in(2525, inet_aton($address))) or die "bind: $!";
                    listen($s, 100) or die;
                    POSIX::dup2(fileno($s), 10 + $fd) or die;
                    $fd++;
                }
                POSIX::dup2(13, 3); POSIX::dup2(14, 4);
                $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDS} = 2; $ENV{LISTEN_FDNAMES} = "smtp:smtp";
                exec @ARGV;
                """, to: "activate.pl")
            let process = try stage.start(
                "perl",
                [script, Postreiter.binary, "serve", "--config", server.configuration])
            #expect(await process.hasPrinted("serving as"), "\(process.output)")
            #expect(process.output.contains("smtp on \(extra):2525"), "\(process.output)")
            for address in [extra, server.address] {
                let greeting = try await onThread {
                    try Wire(address, Postreiter.Port.smtp).readReply()
                }
                #expect(greeting?.hasPrefix("220 mx1.own.test") == true, "\(address)")
            }
        }
    }

    // MARK: Privileges

    @Test("Having taken its ports, root becomes the configured user for good", .asRoot)
    func privileges() async throws {
        try await withStage { stage in
            let server = try await Postreiter(
                stage, environment: ["POSTREITER_USER": "nobody"], serving: false)
            let refused = try await server.refusal()
            #expect(refused.status == 78, "\(refused.output)")
            #expect(
                refused.output.contains("chown -R nobody: \(server.data)"), "\(refused.output)")
            let given = try await stage.run("chown", ["-R", "nobody:", server.data])
            try #require(given.status == 0)
            #expect(chmod(stage.folder.path, 0o755) == 0)
            try await server.start()
            let process = try #require(server.server)
            let status = try String(
                contentsOfFile: "/proc/\(process.id)/status", encoding: .utf8)
            let id = try #require(getpwnam("nobody")).pointee.pw_uid
            #expect(status.contains("Uid:\t\(id)\t\(id)\t\(id)\t\(id)\n"), "\(status)")
            #expect(!status.contains("Gid:\t0"))
            #expect(status.contains("CapEff:\t0000000000000000"), "\(status)")
            let groups = status.split(separator: "\n").first { $0.hasPrefix("Groups:") }
            #expect(groups?.split(separator: "\t").contains("0") == false, "\(groups ?? "")")
            let sent = try await server.submit(to: server.account, subject: "as nobody")
            #expect(sent.status == 0, "\(sent.output)\n\(server.log)")
            #expect(try await server.mailbox(count: 1).count == 1)
        }
    }

    @Test("setup --user writes the key and gives the user the data folder", .asRoot)
    func setupForUser() async throws {
        try await withStage { stage in
            let folder = try stage.makeFolder("owned")
            let configuration = stage.path("owned/postreiter.yaml")
            let arguments = [
                "setup", "own.test", "--config", configuration, "--data-folder",
                "\(folder)/data", "--trial", stage.address(), "--user",
            ]
            let unknown = try await stage.run(Postreiter.binary, arguments + ["no-such-user"])
            #expect(unknown.status == 65 && unknown.output.contains("there is no user"))
            #expect(!FileManager.default.fileExists(atPath: configuration))
            let done = try await stage.run(Postreiter.binary, arguments + ["nobody"])
            try #require(done.status == 0, "\(done.output)")
            let text = try String(contentsOfFile: configuration, encoding: .utf8)
            #expect(text.hasSuffix("user: nobody\n"), "\(text)")
            let id = try #require(getpwnam("nobody")).pointee.pw_uid
            let names = try FileManager.default.subpathsOfDirectory(atPath: "\(folder)/data")
            #expect(names.contains("postreiter.sqlite") && names.contains("private-key.pem"))
            for name in [""] + names {
                let facts = try FileManager.default.attributesOfItem(
                    atPath: "\(folder)/data/\(name)")
                #expect(facts[.ownerAccountID] as? UInt32 == id, "\(name)")
            }
        }
    }

    // MARK: The log

    @Test("The log is JSON if so configured, an object a line, with the queue id")
    func jsonLog() async throws {
        try await withStage { stage in
            let server = try await Postreiter(
                stage, environment: ["POSTREITER_LOG_FORMAT": "json"])
            let sent = try await server.submit(to: server.account, subject: "logged")
            #expect(sent.status == 0)
            await server.stop()
            let lines = server.log.split(separator: "\n")
            #expect(lines.count > 3)
            var accepted: [String: Any]?
            for line in lines {
                let object = try? JSONSerialization.jsonObject(with: Data(line.utf8))
                let event = try #require(object as? [String: Any], "\(line)")
                #expect(event["time"] is String && event["level"] is String, "\(line)")
                let message = try #require(event["message"] as? String)
                if message.hasPrefix("accepted ") { accepted = event }
            }
            #expect((accepted?["id"] as? String)?.count == 13, "\(server.log)")
        }
    }
}

/// Where a test hears what a server tells its service manager.
private final class NotificationSocket: Sendable {
    let name: String
    private let descriptor: Int32
    private let messages = Mutex<[String]>([])

    var heard: [String] { messages.withLock { $0 } }

    init(_ name: String) throws {
        self.name = name
        unlink(name)
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(name.utf8)
        if path.first == UInt8(ascii: "@") { path[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(code == 0)
        // A full queue would hold up who tells.
        Thread.detachNewThread { [descriptor, weak self] in
            var piece = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(descriptor, &piece, piece.count, 0)
                guard count > 0, let self else { return }
                let text = String(decoding: piece[..<count], as: UTF8.self)
                self.messages.withLock { $0.append(text) }
            }
        }
    }

    deinit {
        // Wakes the thread that waits in recv.
        shutdown(descriptor, Int32(SHUT_RDWR))
        close(descriptor)
    }

    func hears(_ text: String) async -> Bool {
        await isTrue(within: .seconds(10)) { heard.contains { $0.hasPrefix(text) } }
    }
}
