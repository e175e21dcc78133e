// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Mailboxes move in and out", .serialized, .built)
struct MailboxMoveTests {
    @Test("a Maildir comes over with folders, flags and dates, once, and with the server stopped")
    func maildir() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let source = try Maildir(stage)
            let first = try await host.command(source.importing(host))
            #expect(first.status == 0, "\(first.output)\n\(host.log)")
            #expect(first.output.contains("5 messages in 4 folders, 5 new; all is here"))

            let list = try await host.command("mailbox", "list", host.account, "--json").output
            #expect(list.contains(#""mailbox":"INBOX","messages":2,"unseen":1"#), "\(list)")
            #expect(list.contains(#""mailbox":"Sent Items","messages":1,"unseen":0"#), "\(list)")
            #expect(list.contains(#""use":"\\Sent","subscribed":true}"#), "\(list)")
            #expect(list.contains(#""mailbox":"Entwürfe/Alt","messages":2"#), "\(list)")
            #expect(!list.contains(#""mailbox":"Sent","#), "\(list)")

            let seen = try await Self.fetch(host, "INBOX")
            #expect(seen.contains(#"FLAGS (\Seen \Flagged $Label1)"#), "\(seen)")
            #expect(seen.contains(#"INTERNALDATE "14-Nov-2023 22:13:20 +0000""#), "\(seen)")
            #expect(seen.contains("RFC822.SIZE 33"), "\(seen)")

            // What has changed there comes over; what was changed here stays.
            try source.rename("cur/1700000000.M1.host:2,FSa", "cur/1700000000.M1.host:2,RSa")
            try source.add("new/1700000009.M9.host", "Subject: later\n\nx\n")
            await host.stop()
            let second = try await host.command(source.importing(host))
            #expect(second.status == 0, "\(second.output)")
            #expect(second.output.contains("6 messages in 4 folders, 1 new; all is here"))
            try await host.start()
            let changed = try await Self.fetch(host, "INBOX")
            #expect(changed.contains(#"FLAGS (\Seen \Answered $Label1)"#), "\(changed)")
            #expect(changed.components(separatedBy: "RFC822.SIZE").count == 4)

            let third = try await host.command(source.importing(host) + ["--verify"])
            #expect(third.status == 0 && third.output.contains(", 0 new;"), "\(third.output)")
        }
    }

    @Test("a message that is different, or not here, is named, and the exit status is 1")
    func difference() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let source = try Maildir(stage)
            #expect(try await host.command(source.importing(host)).status == 0)
            try source.write("cur/1700000000.M1.host:2,FSa", "Subject: other\n\nx\n")
            try source.add("new/1700000009.M9.host", "Subject: later\n\nx\n")
            let found = try await host.command(source.importing(host) + ["--verify"])
            #expect(found.status == 1)
            #expect(found.output.contains("1700000000.M1.host: it is different here"))
            #expect(found.output.contains("1700000009.M9.host: it is not here"))
            let none = try await host.command(
                "mailbox", "import", host.account, "--maildir", stage.path("nowhere"))
            #expect(none.status == 66, "\(none.output)")
        }
    }

    @Test("an import that is killed goes on where it was: nothing twice, nothing missing")
    func killed() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let source = try Maildir(stage, messages: 3000)
            let child = try stage.start(
                Postreiter.binary, source.importing(host) + ["--config", host.configuration])
            #expect(await child.hasPrinted("INBOX: 1000 of 3000", within: .seconds(60)))
            await child.crash()
            // The server, too.
            await host.crash()
            try await host.start()
            let again = try await host.command(source.importing(host))
            #expect(again.status == 0, "\(again.output)\n\(host.log)")
            #expect(again.output.contains("3000 messages in 1 folders"), "\(again.output)")
            let list = try await host.command("mailbox", "list", host.account, "--json").output
            #expect(list.contains(#""mailbox":"INBOX","messages":3000,"#), "\(list)")
        }
    }

    @Test("a message larger than what is held in memory comes over, with and without a server")
    func large() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let source = try Maildir(stage, messages: 2)
            let line = "0123456789 0123456789 0123456789 0123456789 0123456789 01234567\n"
            let octets = 33 << 20
            try source.write(
                "cur/1700000000.M0.host:2,F",
                "Subject: large\n\n" + String(repeating: line, count: octets / 64))
            for isServed in [true, false] {
                if !isServed { await host.stop() }
                let mailbox = isServed ? [] : ["--verify"]
                let done = try await host.command(source.importing(host) + mailbox)
                #expect(done.status == 0, "\(done.output)\n\(host.log)")
                #expect(done.output.contains("3 equal by hash"), "\(done.output)")
            }
            // Without a server the store itself takes it.
            let user = "bob@\(host.domain)"
            let password = try stage.write(host.password + "\n", to: "password")
            let added = try await host.command(
                "account", "add", user, "--password-file", password)
            #expect(added.status == 0, "\(added.output)")
            let alone = try await host.command(
                "mailbox", "import", user, "--maildir", source.path)
            #expect(alone.output.contains("3 messages in 1 folders, 3 new; all"), "\(alone.output)")
            // And out again, more than one answer holds.
            for format in ["--maildir", "--mbox"] {
                let out = try await host.command(
                    "mailbox", "export", user, format, stage.path("out" + format))
                #expect(out.status == 0, "\(out.output)")
                #expect(
                    out.output.contains("3 messages in 6 mailboxes; all is there"), "\(out.output)")
            }
        }
    }

    @Test("files of messages come over with their flags and dates, each message once")
    func mbox() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let message = "From a@b Tue Nov 14 22:13:20 2023\nSubject: x\nStatus: RO\n\n>From a\n\n"
            // The same message twice is two messages.
            let file = try stage.write(message + message, to: "file")
            let command = ["mailbox", "import", host.account, "--mbox", file]
            for new in [2, 0] {
                let done = try await host.command(command + ["--mailbox", "Old/Mail"])
                #expect(done.status == 0, "\(done.output)")
                #expect(done.output.contains("2 messages in 1 folders, \(new) new; all is here"))
            }
            let seen = try await Self.fetch(host, "Old%2FMail")
            #expect(seen.components(separatedBy: #"FLAGS (\Seen)"#).count == 3, "\(seen)")
            #expect(seen.contains(#"INTERNALDATE "14-Nov-2023 22:13:20 +0000""#), "\(seen)")
            #expect(seen.contains("RFC822.SIZE 22"), "\(seen)")

            try stage.write(message, to: "folder/Work")
            try stage.write(message, to: "folder/Work.sbd/Entw&APw-rfe")
            try stage.write("index", to: "folder/Work.msf")
            try stage.write(message, to: "folder/Apple.mbox/mbox")
            let folder = try await host.command(
                "mailbox", "import", host.account, "--mbox", stage.path("folder"))
            #expect(folder.status == 0 && folder.output.contains("Work/Entwürfe: 1 messages"))
            #expect(
                folder.output.contains("\nApple: 1 messages") || folder.output.hasPrefix("Apple"))
            let bad = try stage.write(message + "x\n", to: "bad") + "/"
            let none = try await host.command(
                "mailbox", "import", host.account, "--mbox", bad, "--dry-run")
            #expect(none.status == 66, "\(none.output)")
        }
    }

    @Test(
        "what comes over has its summaries with it: no list of messages reads their bodies",
        .installed("sqlite3"))
    func summaries() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let source = try Maildir(stage)
            // Too large for a row, and not made as it should be.
            let line = "0123456789 0123456789 0123456789 0123456789 0123456789 01234567\n"
            try source.write(
                "cur/1700000005.M6.host:2,",
                "Subject: large\n\n" + String(repeating: line, count: 3 << 14))
            try source.write(
                "cur/1700000006.M7.host:2,",
                "Subject: =?none?\nContent-Type: multipart/mixed; boundary=\n\n--\n")
            let done = try await host.command(source.importing(host))
            #expect(done.status == 0, "\(done.output)")
            #expect(try await Self.unsummarized(host, of: 7) == 0)

            let file = try stage.write(
                "From a@b Tue Nov 14 22:13:20 2023\nSubject: x\n\ntext\n\n", to: "file")
            let folder = try await host.command(
                "mailbox", "import", host.account, "--mbox", file, "--mailbox", "Old")
            #expect(folder.status == 0, "\(folder.output)")
            #expect(try await Self.unsummarized(host, of: 8) == 0)

            let user = "bob@\(host.domain)"
            let password = try stage.write(host.password + "\n", to: "password")
            let added = try await host.command(
                "account", "add", user, "--password-file", password)
            #expect(added.status == 0, "\(added.output)")
            let moved = try await host.command(
                "mailbox", "import", user, "--imap",
                "\(host.address):\(Postreiter.Port.imaps)", "--insecure", "--user", host.account,
                "--password-file", password)
            #expect(moved.status == 0, "\(moved.output)\n\(host.log)")
            #expect(try await Self.unsummarized(host, of: 16) == 0)
        }
    }

    /// How many of so many messages have no summary, or one of another format than the others.
    private static func unsummarized(_ host: Postreiter, of messages: Int) async throws -> Int? {
        let found = try await host.stage.run(
            "sqlite3",
            [
                host.data + "/postreiter.sqlite",
                """
                SELECT count(*), count(*) - count(summary.content_id) FROM mailbox_message message
                    LEFT JOIN content_summary summary ON summary.content_id = message.content_id
                        AND summary.format = (SELECT max(format) FROM content_summary)
                """,
            ]
        ).output.split(whereSeparator: { "|\n".contains($0) }).compactMap { Int($0) }
        #expect(found.first == messages)
        return found.last
    }

    @Test("an account comes back out of its backup as it was, and a damaged backup is refused")
    func backup() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            #expect(try await host.command(Maildir(stage).importing(host)).status == 0)
            let script = try stage.write("keep;\r\n", to: "script")
            let put = try await host.command(
                "sieve", "put", host.account, "sorting", script, "--activate")
            #expect(put.status == 0, "\(put.output)")
            let listed = try await host.command("mailbox", "list", host.account, "--json").output
            let file = stage.path("account.tar")
            let done = try await host.command("account", "backup", host.account, file)
            #expect(done.status == 0, "\(done.output)")
            #expect(done.output.contains("5 messages in 8 mailboxes"), "\(done.output)")

            // A turned octet of a message, and a file that was cut.
            var octets = try Data(contentsOf: URL(fileURLWithPath: file))
            let place = try #require(octets.range(of: Data("Subject: one".utf8)))
            octets[place.lowerBound] ^= 1
            try octets.write(to: URL(fileURLWithPath: stage.path("turned")))
            try octets.prefix(place.lowerBound).write(to: URL(fileURLWithPath: stage.path("cut")))
            for name in ["turned", "cut"] {
                let refused = try await host.command(
                    "account", "restore", stage.path(name), "--as", "no@\(host.domain)")
                #expect(refused.status == 65, "\(refused.output)")
                #expect(refused.output.contains("/1.eml"), "\(refused.output)")
            }
            #expect(!(try await host.command("account", "list").output.contains("no@")))

            let new = "dora@\(host.domain)"
            for _ in 1...2 {
                let back = try await host.command("account", "restore", file, "--as", new)
                #expect(back.status == 0, "\(back.output)\n\(host.log)")
            }
            // With UIDs, UIDVALIDITY, uses, subscriptions; and the password.
            let after = try await host.command("mailbox", "list", new, "--json").output
            #expect(after == listed)
            let scripts = try await host.command("sieve", "list", new).output
            #expect(scripts.contains("sorting"), "\(scripts)")
        }
    }

    /// UIDs, flags, dates and sizes as curl reads them, without `\Recent`, which does not move.
    static func fetch(_ host: Postreiter, _ mailbox: String) async throws -> String {
        try await host.stage.run(
            "curl",
            [
                "--silent", "--show-error", "--insecure", "--user",
                "\(host.account):\(host.password)", "--request",
                "UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE)",
                "imaps://\(host.address):\(Postreiter.Port.imaps)/\(mailbox)",
            ]
        ).output.replacingOccurrences(of: "\\Recent ", with: "")
            .replacingOccurrences(of: "\\Recent", with: "")
    }
}

/// A Maildir as Dovecot leaves it.
struct Maildir {
    let path: String

    init(_ stage: Stage, messages: Int? = nil) throws {
        path = try stage.makeFolder("mail")
        try makeFolder("")
        if let messages {
            let filler = String(repeating: "0123456789 text\n", count: 60)
            for number in 1...messages {
                try write(
                    "cur/\(1_700_000_000 + number).M\(number).host:2,S",
                    "Subject: \(number)\n\n\(filler)")
            }
            return
        }
        try write("cur/1700000000.M1.host:2,FSa", "Subject: one\n\nGr\u{FC}\u{DF}e\nFrom x\n")
        try write("new/1700000001.M2.host", "Subject: two\r\n\r\ntext\r\n")
        try write("dovecot-keywords", "0 $Label1\n")
        try write("subscriptions", "V\t2\n\nSent Items\nEntw&APw-rfe\tAlt\n")
        for folder in [".Sent Items", ".Entw&APw-rfe.Alt", ".empty"] { try makeFolder(folder) }
        try write(".Sent Items/cur/1700000002.M3.host:2,S", "Subject: three\n\n")
        try write(".Entw&APw-rfe.Alt/cur/1700000003.M4.host:2,DS", "Subject: four\n\n")
        try write(".Entw&APw-rfe.Alt/cur/1700000004.M5.host:2,", "no header at all")
        try write(".Entw&APw-rfe.Alt/dovecot-uidlist", "3 V1 N3\n1 :1700000004.M5.host\n")
    }

    private func makeFolder(_ name: String) throws {
        for inner in ["cur", "new", "tmp"] {
            try FileManager.default.createDirectory(
                atPath: "\(path)/\(name)/\(inner)", withIntermediateDirectories: true)
        }
    }

    func importing(_ host: Postreiter) -> [String] {
        ["mailbox", "import", host.account, "--maildir", path]
    }

    /// The time that a name begins with is that of the file.
    func write(_ name: String, _ text: String) throws {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        guard let stop = name.lastIndex(of: "/"),
            let seconds = Double(name[name.index(after: stop)...].prefix { $0 != "." })
        else { return }
        try FileManager.default.setAttributes(
            [.modificationDate: Foundation.Date(timeIntervalSince1970: seconds)], ofItemAtPath: file
        )
    }

    func add(_ name: String, _ text: String) throws { try write(name, text) }

    func rename(_ old: String, _ new: String) throws {
        try FileManager.default.moveItem(atPath: "\(path)/\(old)", toPath: "\(path)/\(new)")
    }
}
