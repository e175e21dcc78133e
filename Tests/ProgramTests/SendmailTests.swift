// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("sendmail(8): programs of this machine leave messages, with a server and without", .built)
struct SendmailTests {
    /// Runs it as `postreiter sendmail`.
    private func sendmail(
        _ server: Postreiter, _ stage: Stage, _ arguments: [String], _ input: String
    ) async throws -> (status: Int32?, output: String) {
        try await stage.run(
            Postreiter.binary, ["sendmail", "-C", server.configuration] + arguments, input: input)
    }

    @Test("-t takes recipients from the header, hides blind copies and completes the message")
    func fromHeader() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let sent = try await sendmail(
                server, stage, ["-t", "-i", "-F", "Jürgen, the cron", "-f", "alice@own.test"],
                """
                To: Nobody <nobody@nowhere.invalid>,
                 somebody@nowhere.invalid
                Cc: group: ;
                Bcc: \(server.account)
                Subject: from a program

                first
                .
                last
                """)
            #expect(sent.status == 0, "\(sent.output)")
            let message = try #require(
                try await server.mailbox(count: 1).first { $0.contains("from a program") },
                "\(server.log)")
            #expect(!message.lowercased().contains("bcc:"), "\(message)")
            #expect(message.lowercased().contains("from: =?utf-8?"), "\(message)")
            #expect(message.contains("<alice@own.test>"), "\(message)")
            #expect(message.contains("\r\nDate: "), "\(message)")
            #expect(message.contains("\r\nMessage-ID: <"), "\(message)")
            #expect(message.contains("(Postreiter, from user \(getuid()))"), "\(message)")
            #expect(message.contains("first\r\n.\r\nlast\r\n"), "\(message)")
        }
    }

    @Test("A dot alone ends the message unless -i or -oi is given; mailbox lines are dropped")
    func dots() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let text = "From somebody Sat Nov 21 2026\nSubject: s\n\nbefore\n.\nafter\n"
            for options in [["-f", server.account], ["-oi"], ["-om", "-oem", "-it"]] {
                let arguments = options + (options.last == "-it" ? [] : [server.account])
                let input = options.last == "-it" ? "To: \(server.account)\n\(text)" : text
                let sent = try await sendmail(server, stage, arguments, input)
                #expect(sent.status == 0, "\(options): \(sent.output)")
            }
            let messages = try await server.mailbox(count: 3)
            #expect(messages.count { $0.hasSuffix("before\r\n") } == 1)
            #expect(messages.count { $0.contains("before\r\n.\r\nafter\r\n") } == 2)
            #expect(messages.count { $0.contains("From somebody Sat") } <= 1)
        }
    }

    @Test("What cannot be sent has the exit code of sysexits(3), and nothing is queued")
    func exitCodes() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            for (arguments, input, status) in [
                (["-t"], "Subject: to nobody\n\nx\n", 64),
                ([], "x\n", 64), (["-Z", server.account], "x\n", 64),
                (["-bd"], "", 64), (["-N", "sometimes", server.account], "x\n", 64),
                (["-R", "some", server.account], "x\n", 64), (["-f"], "x\n", 64),
                (["-V", "", server.account], "x\n", 64),
                (["a@b@own.test"], "x\n", 65), (["..@own.test"], "x\n", 65),
                ([server.account], "x\u{0}y\n", 65),
                (["x@-bad-.test"], "x\n", 68),
                ([server.account], String(repeating: "x", count: 53_000_000), 69),
                (["-C", "/nonexistent.yaml", server.account], "x\n", 78),
                (["-bi"], "", 0), (["-q15m"], "", 0),
            ] as [([String], String, Int32)] {
                let done = try await sendmail(server, stage, arguments, input)
                #expect(done.status == status, "\(arguments): \(done)")
                #expect(done.output.isEmpty == (status == 0), "\(arguments): \(done.output)")
            }
            #expect(try await server.mailbox().isEmpty)
            let left = try FileManager.default.contentsOfDirectory(
                atPath: server.data + "/maildrop")
            #expect(left.isEmpty)
        }
    }

    @Test("Without a server a message waits, and the next start takes it over, once")
    func withoutServer() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, serving: false)
            for number in 1...3 {
                let sent = try await sendmail(
                    server, stage, [server.account], "Subject: waiting \(number)\n\nx\n")
                #expect(sent.status == 0, "\(sent.output)")
            }
            // The store is nobody's, so they are in it already.
            let queue = try await server.command("queue", "list")
            #expect(queue.output.split(separator: "\n").count == 4, "\(queue.output)")
            try await server.start()
            let messages = try await server.mailbox(count: 3)
            for number in 1...3 {
                #expect(messages.count { $0.contains("waiting \(number)") } == 1)
            }
        }
    }

    @Test("A file whose message was taken before a crash is not taken again")
    func exactlyOnce() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage, serving: false)
            let maildrop = server.data + "/maildrop"
            // As sendmail leaves it, whose program may do no more.
            let name = String(repeating: "0123456789abcdef", count: 2)
            let drop = """
                {"format":"postreiter-drop-1","from":"\(server.account)","to":[{"address":\
                "\(server.account)"}],"body":"7BIT","international":false}
                Subject: only once\r
                \r
                x\r

                """
            try FileManager.default.createDirectory(
                atPath: maildrop, withIntermediateDirectories: true)
            for _ in 1...3 {
                try Data(drop.utf8).write(to: URL(fileURLWithPath: "\(maildrop)/\(name)"))
                try await server.start()
                #expect(
                    await isTrue(within: .seconds(10)) {
                        !FileManager.default.fileExists(atPath: "\(maildrop)/\(name)")
                    })
                #expect(try await server.mailbox(count: 1).count == 1)
                await server.crash()
            }
        }
    }

    @Test("What is no message in the maildrop is put aside or passed over, and harms nobody")
    func hostileDrops() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let maildrop = server.data + "/maildrop"
            let secret = try stage.write("secret\n", to: "secret")
            let names = ["a", "b", "c", "d", "e"].map { String(repeating: $0, count: 32) }
            symlink(secret, "\(maildrop)/\(names[0])")
            link(secret, "\(maildrop)/\(names[1])")
            mkfifo("\(maildrop)/\(names[2])", 0o644)
            for (name, text) in [
                (names[3], "no envelope at all"),
                (names[4], "{\"format\":\"postreiter-drop-1\",\"from\":\"\",\"to\":[]}\nx"),
            ] {
                let whole = try stage.write(text, to: name)
                #expect(rename(whole, "\(maildrop)/\(name)") == 0)
            }
            #expect(
                await isTrue(within: .seconds(10)) {
                    let left = try? FileManager.default.contentsOfDirectory(atPath: maildrop)
                    return left?.count { $0.hasPrefix("rejected-") } == 5
                }, "\(server.log)")
            #expect(await server.hasLogged("put aside"), "\(server.log)")
            let sent = try await sendmail(server, stage, [server.account], "Subject: after\n\n")
            #expect(sent.status == 0)
            let messages = try await server.mailbox(count: 1)
            #expect(messages.count == 1 && !messages[0].contains("secret"))
        }
    }

    @Test(
        "A user without any rights leaves a message; the server knows who it was",
        .asRoot, .installed("setpriv"))
    func unprivileged() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let binary = stage.path("sendmail")
            try FileManager.default.copyItem(atPath: Postreiter.binary, toPath: binary)
            // The way to the maildrop, for whoever knows it.
            for path in [stage.folder.path, (server.data as NSString).deletingLastPathComponent] {
                chmod(path, 0o755)
            }
            chmod(server.data, 0o711)
            let asNobody = [
                "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", binary, "-C",
                server.configuration,
            ]
            let sent = try await stage.run(
                "setpriv", asNobody + [server.account], input: "Subject: from nobody\n\nx\n")
            #expect(sent.status == 0, "\(sent.output)")
            let message = try #require(try await server.mailbox(count: 1).first)
            let id = try #require(getpwnam("nobody")).pointee.pw_uid
            #expect(message.contains("(Postreiter, from user \(id))"), "\(message)")
            #expect(message.contains("<nobody@\(server.hostName)>"), "\(message)")
            let list = try await stage.run(
                "setpriv",
                ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "ls"]
                    + [server.data + "/maildrop"])
            #expect(list.status != 0, "others must not see names")
        }
    }

    @Test("Called sendmail, it works for mutt; called mailq, it lists the queue")
    func names() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            for name in ["sendmail", "mailq", "newaliases"] {
                symlink(Postreiter.binary, stage.path(name))
            }
            let queue = try await stage.run(stage.path("mailq"), ["-C", server.configuration])
            #expect(queue.status == 0 && queue.output.contains("queue is empty"), "\(queue)")
            let aliases = try await stage.run(stage.path("newaliases"), [])
            #expect(aliases.status == 0, "\(aliases)")
            guard path(of: "mutt") != nil else { return }
            let program = "\(stage.path("sendmail")) -C \(server.configuration) -oem -oi"
            let sent = try await stage.run(
                "mutt",
                [
                    "-n", "-F", "/dev/null", "-e", "set sendmail=\"\(program)\"", "-e",
                    "set from=\(server.account)", "-e", "set use_from=yes", "-e", "set copy=no",
                    "-s", "through mutt", "-b", server.account, "--", "nobody@nowhere.invalid",
                ], environment: ["HOME": stage.folder.path, "TERM": "dumb"], input: "Hello\n")
            #expect(sent.status == 0, "\(sent.output)")
            let messages = try await server.mailbox(count: 1)
            let message = try #require(messages.first { $0.contains("through mutt") })
            #expect(!message.lowercased().contains("\nbcc:"), "\(message)")
        }
    }

    @Test("Nobody's address here has exit code 67, the others get the message; with -oem by mail")
    func unknownUser() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let none = try await sendmail(server, stage, ["nobody@own.test"], "Subject: a\n\nx\n")
            #expect(none.status == 67)
            #expect(none.output.contains("nobody has the address nobody@own.test"))
            let some = try await sendmail(
                server, stage, ["-t"],
                "To: nobody@own.test, \(server.account)\nSubject: to some\n\nx\n")
            #expect(some.status == 67 && some.output.contains("the others get the message"))
            let byMail = try await sendmail(
                server, stage, ["-oem", "-f", server.account, "nobody@own.test"],
                "Subject: in vain\n\nx\n")
            #expect(byMail.status == 0, "\(byMail.output)")
            let messages = try await server.mailbox(count: 2)
            #expect(messages.count == 2)
            #expect(messages.count { $0.contains("Subject: to some\r\n") } == 1)
            #expect(messages.count { $0.contains("Action: failed") } == 1)
            let dialogue = try await sendmail(
                server, stage, ["-bs"],
                "EHLO x\r\nMAIL FROM:<\(server.account)>\r\nRCPT TO:<nobody@own.test>\r\nQUIT\r\n")
            #expect(dialogue.output.contains("550 5.1.1"), "\(dialogue.output)")
            await server.stop()
            // Nobody can be asked.
            let later = try await sendmail(server, stage, ["nobody@own.test"], "Subject: b\n\nx\n")
            #expect(later.status == 0, "\(later.output)")
        }
    }

    /// A program named sendmail, as other programs call it.
    private static func program(_ server: Postreiter, _ stage: Stage) throws -> String {
        let path = try stage.write(
            """
            #!/bin/sh
            exec '\(Postreiter.binary)' sendmail -C '\(server.configuration)' "$@"

            """, to: "bin/sendmail")
        chmod(path, 0o755)
        return path
    }

    private static let environment = ["LC_ALL": "C.UTF-8", "TERM": "dumb"]

    @Test("s-nail sends through it, and hears of nobody's address", .installed("s-nail"))
    func nail() async throws { try await mailx("s-nail") }

    @Test("bsd-mailx sends through it, and hears of nobody's address", .installed("bsd-mailx"))
    func berkeleyMail() async throws { try await mailx("bsd-mailx") }

    private func mailx(_ mailer: String) async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let program = try Self.program(server, stage)
            let settings = try stage.write(
                mailer == "s-nail"
                    ? "set mta=\(program) sendwait from=\(server.account)\n"
                    : "set sendmail=\(program)\nset sendwait\n", to: "mailrc")
            var environment = Self.environment
            environment["HOME"] = stage.folder.path
            environment["MAILRC"] = settings
            for (recipient, isKnown) in [(server.account, true), ("nobody@own.test", false)] {
                let sent = try await stage.run(
                    mailer, ["-s", "through \(mailer)", recipient], environment: environment,
                    input: "Grüße\n.\nend\n")
                if isKnown {
                    #expect(sent.status == 0, "\(sent.output)")
                } else {
                    #expect(sent.output.contains("nobody has the address"), "\(sent)")
                }
            }
            let messages = try await server.mailbox(count: 1)
            let message = try #require(messages.first { $0.contains("through \(mailer)") })
            #expect(message.contains("\r\nTo: \(server.account)\r\n"), "\(message)")
            #expect(messages.count == 1)
        }
    }

    @Test("git sends patches through it, as its server and as its command", .gitSendEmail)
    func git() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let program = try Self.program(server, stage)
            let patch = try stage.write(
                """
                From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001
                From: Anna <\(server.account)>
                Date: Sat, 21 Nov 2026 10:00:00 +0000
                Subject: [PATCH] Say hello

                ---
                 hello | 1 +
                 1 file changed, 1 insertion(+)

                diff --git a/hello b/hello
                new file mode 100644
                index 0000000..ce01362
                --- /dev/null
                +++ b/hello
                @@ -0,0 +1 @@
                +hello
                -- 
                2.39.5

                """, to: "0001-Say-hello.patch")
            var environment = Self.environment
            environment["HOME"] = stage.folder.path
            environment["GIT_CONFIG_NOSYSTEM"] = "1"
            for role in ["AUTHOR", "COMMITTER"] {
                environment["GIT_\(role)_NAME"] = "Anna"
                environment["GIT_\(role)_EMAIL"] = server.account
            }
            for way in ["--smtp-server=\(program)", "--sendmail-cmd=\(program)"] {
                for (recipient, isKnown) in [(server.account, true), ("nobody@own.test", false)] {
                    let sent = try await stage.run(
                        "git",
                        [
                            "send-email", way, "--from=\(server.account)", "--to=\(recipient)",
                            "--suppress-cc=all", "--confirm=never", "--no-validate", patch,
                        ], environment: environment, input: "")
                    #expect((sent.status == 0) == isKnown, "\(way): \(sent)")
                }
            }
            let messages = try await server.mailbox(count: 2)
            #expect(messages.count == 2)
            for message in messages {
                #expect(message.contains("\r\nSubject: [PATCH] Say hello\r\n"), "\(message)")
                #expect(message.contains("\r\n+hello\r\n-- \r\n"), "\(message)")
            }
        }
    }

    @Test("-bs speaks SMTP on standard input and output")
    func dialogue() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let done = try await sendmail(
                server, stage, ["-bs"],
                """
                EHLO localhost\r
                MAIL FROM:<\(server.account)>\r
                RCPT TO:<\(server.account)>\r
                DATA\r
                Subject: by dialogue\r
                \r
                ..dot\r
                .\r
                QUIT\r

                """)
            #expect(done.status == 0)
            let codes = done.output.split(whereSeparator: \.isNewline).compactMap { line in
                line.dropFirst(3).first == " " ? String(line.prefix(3)) : nil
            }
            #expect(codes == ["220", "250", "250", "250", "354", "250", "221"], "\(done.output)")
            let messages = try await server.mailbox(count: 1)
            #expect(messages.first?.contains("\r\n.dot\r\n") == true, "\(messages)")
        }
    }
}
