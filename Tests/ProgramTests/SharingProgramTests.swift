// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Shared mailboxes, with the program itself and other people's", .serialized, .built)
struct SharingProgramTests {
    /// Python's own client; each line of its answer is what a call has returned.
    private static let client = """
        import imaplib, ssl, sys
        host, login, password = sys.argv[1:4]
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        imap = imaplib.IMAP4_SSL(host, 2993, ssl_context=context, timeout=20)
        imap.login(login, password)
        for call in sys.argv[4:]:
            words = call.split(" ")
            try:
                print(getattr(imap, words[0])(*words[1:]))
            except imaplib.IMAP4.error as error:
                print("error", error)
        imap.logout()
        """

    private func ask(
        _ host: Postreiter, as login: String, _ calls: String...
    ) async throws -> [String] {
        let script = try host.stage.write(Self.client, to: "client.py")
        let done = try await host.stage.run(
            "/usr/bin/python3", [script, host.address, login, host.password] + calls)
        #expect(done.status == 0, "\(done.output)")
        return done.output.split(separator: "\n").map { String($0) }
    }

    private func order(_ host: Postreiter, _ words: String...) async throws -> String {
        let done = try await host.command(words)
        #expect(done.status == 0, "\(done.output)")
        return done.output
    }

    private func curl(
        _ host: Postreiter, as login: String, _ path: String
    ) async throws -> String {
        let user = try host.stage.write(
            "user = \"\(login):\(host.password)\"\n", to: "curl-\(UUID().uuidString)")
        let done = try await host.stage.run(
            "curl",
            [
                "--silent", "--show-error", "--insecure", "--max-time", "20", "--config", user,
                "imaps://\(host.address):\(Postreiter.Port.imaps)/\(path)",
            ])
        return done.output
    }

    private static let ben = "ben@own.test"

    private func addBen(_ host: Postreiter) async throws {
        let file = try host.stage.write(host.password + "\n", to: "ben-password")
        _ = try await order(host, "account", "add", Self.ben, "--password-file", file)
    }

    @Test(
        "A team has an inbox with an address, which the administrator opens to a domain",
        .installed("curl", "python3", "swaks"))
    func team() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await addBen(host)
            _ = try await order(host, "account", "add", "team@own.test", "--shared")
            let accounts = try await order(host, "account", "list")
            #expect(accounts.contains(/team@own\.test +shared/))
            let refused = try await host.command(
                "account", "app-password", "add", "team@own.test", "phone")
            #expect(refused.status != 0)
            let sent = try await host.submit(to: "team@own.test", subject: "to all of us")
            #expect(sent.status == 0, "\(sent.output)")
            var shown = try await order(
                host, "mailbox", "rights", "team@own.test", "INBOX", "@own.test", "lrsd")
            #expect(shown.contains(/@own\.test +lrsted/))
            #expect(
                await isTrue(within: .seconds(30)) {
                    let read = try? await curl(host, as: Self.ben, "Shared%2Fteam@own.test;UID=1")
                    return read?.contains("Subject: to all of us") == true
                })
            let answers = try await ask(
                host, as: Self.ben, "namespace", "myrights Shared/team@own.test",
                "getacl Shared/team@own.test", "select Shared/team@own.test",
                "store 1 +FLAGS (\\Seen)", "store 1 +FLAGS (\\Flagged)", "close")
            #expect(answers[0].contains(#"(("" "/")) (("Other Users/" "/")) (("Shared/" "/"))"#))
            #expect(answers[1].contains("lrsted"))
            #expect(answers[2].contains("NOPERM"))
            #expect(answers[3] == "('OK', [b'1'])")
            #expect(answers[4].hasPrefix("('OK'"))
            #expect(answers[5].contains("NOPERM"))
            _ = try await order(
                host, "mailbox", "rights", "team@own.test", "INBOX", "@own.test", "none")
            shown = try await order(
                host, "mailbox", "rights", "team@own.test", "INBOX", "--json")
            #expect(!shown.contains("\"@own.test\""), "\(shown)")
            let gone = try await ask(host, as: Self.ben, "myrights Shared/team@own.test")
            #expect(gone[0].contains("NONEXISTENT"))
        }
    }

    @Test("A person shares a mailbox by a program, until the other one goes", .installed("python3"))
    func person() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await addBen(host)
            let given = try await ask(
                host, as: host.account, "create Projects", "setacl Projects ben@own.test lrswi",
                "getacl Projects", "setacl Projects nobody@own.test lr")
            #expect(given[1].hasPrefix("('OK'"))
            #expect(given[2].contains("alice@own.test lrswipkxteacd ben@own.test lrswi"))
            #expect(given[3].contains("CANNOT"))
            let script = try stage.write(
                """
                import imaplib, ssl, sys
                context = ssl.create_default_context()
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                imap = imaplib.IMAP4_SSL(sys.argv[1], 2993, ssl_context=context, timeout=20)
                imap.login(sys.argv[2], sys.argv[3])
                place = '"Other Users/alice@own.test/Projects"'
                print(imap.append(place, "(\\\\Flagged)", None, b"Subject: from ben\\r\\n\\r\\nx\\r\\n"))
                print(imap.list('""', "Other*"))
                print(imap.select(place))
                print(imap.expunge())
                """, to: "ben.py")
            let done = try await stage.run(
                "/usr/bin/python3", [script, host.address, Self.ben, host.password])
            let lines = done.output.split(separator: "\n")
            #expect(done.status == 0 && lines.count == 4, "\(done.output)")
            #expect(lines[0].contains("APPENDUID"))
            #expect(lines[1].contains("Other Users/alice@own.test/Projects"))
            #expect(lines[2].hasPrefix("('OK'"))
            #expect(lines[3].contains("NOPERM"))
            let read = try await ask(
                host, as: host.account, "select Projects", "fetch 1 (FLAGS)")
            #expect(read[1].contains("\\\\Flagged") && !read[1].contains("Seen"))
            _ = try await order(host, "account", "remove", Self.ben, "--yes")
            let list = try await order(host, "mailbox", "rights", host.account, "Projects")
            #expect(!list.contains("ben@own.test"), "\(list)")
        }
    }

    /// Somebody's copy of one mailbox, which mbsync keeps.
    private struct Copy {
        let people: MailChanges
        let folder: String
        let mbsync: Mbsync

        init(_ host: Postreiter, of place: String, for login: String) throws {
            let name = "\(login)-\(place.hasPrefix("Shared") ? "shared" : "other")"
            let path = try host.stage.makeFolder(name) + "/"
            folder = path + "INBOX"
            people = try MailChanges(host.stage, host, as: login, in: place)
            mbsync = try Mbsync(host, login, path, place: place)
        }

        func isAsThere() async throws -> Bool {
            let (here, there) = (
                try await people.run("show-local", folder), try await people.run("show-server")
            )
            if here != there { Issue.record("here: \(here)\nthere: \(there)") }
            return here == there
        }
    }

    @Test(
        "mbsync keeps two people's copies of a mailbox the same as it while all three change",
        .installed("mbsync", "python3"),
        arguments: [
            ["Shared/team@own.test", "Shared/team@own.test"],
            ["Projects", "Other Users/alice@own.test/Projects"],
        ])
    func mbsync(places: [String]) async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await addBen(host)
            _ = try await order(host, "account", "add", "team@own.test", "--shared")
            _ = try await ask(host, as: host.account, "create Projects")
            _ = try await order(
                host, "mailbox", "rights", "team@own.test", "INBOX", "@own.test", "lrswite")
            _ = try await order(
                host, "mailbox", "rights", host.account, "Projects", Self.ben, "lrswite")
            let copies = [
                try Copy(host, of: places[0], for: host.account),
                try Copy(host, of: places[1], for: Self.ben),
            ]
            try await copies[0].people.run("fill", "20")
            for round in 1...3 {
                for (number, copy) in copies.enumerated() {
                    let seed = "\(round)-\(number)"
                    try await copy.people.run("change-server", seed)
                    try await copy.people.run("change-local", copy.folder, seed)
                }
                // Once more, for what the other one has brought.
                for copy in copies + copies + copies {
                    let done = try await copy.mbsync.synchronize()
                    #expect(done.status == 0, "\(done.output)\n\(host.log)")
                }
                for copy in copies { #expect(try await copy.isAsThere(), "round \(round)") }
            }
            let count = try await copies[0].people.run("show-server").count
            #expect(count > 10)
            #expect(try await copies[1].people.run("show-server").count == count)
        }
    }

    @Test(
        "What mbsync may not write is refused with a reason, and nothing is lost on either side",
        .installed("mbsync", "python3"))
    func refused() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await addBen(host)
            _ = try await ask(host, as: host.account, "create Projects")
            _ = try await order(
                host, "mailbox", "rights", host.account, "Projects", Self.ben, "lr")
            let own = try MailChanges(stage, host, in: "Projects")
            try await own.run("fill", "8")
            let copy = try Copy(host, of: "Other Users/alice@own.test/Projects", for: Self.ben)
            let first = try await copy.mbsync.synchronize()
            #expect(first.status == 0, "\(first.output)")
            let before = try await own.run("show-server")
            #expect(try await copy.people.run("show-local", copy.folder).count == 8)
            for seed in ["1", "2"] {
                try await copy.people.run("change-local", copy.folder, seed)
            }
            let changed = try await copy.people.run("show-local", copy.folder)
            #expect(changed != before)
            for _ in 1...2 {
                let refused = try await copy.mbsync.synchronize()
                #expect(
                    refused.output.contains("you may not do that with this mailbox"),
                    "\(refused.output)")
                #expect(try await own.run("show-server") == before)
                #expect(try await copy.people.run("show-local", copy.folder) == changed)
            }
            _ = try await order(
                host, "mailbox", "rights", host.account, "Projects", Self.ben, "lrswite")
            for _ in 1...2 {
                let done = try await copy.mbsync.synchronize()
                #expect(done.status == 0, "\(done.output)")
            }
            // A message that was refused it does not bring again, and keeps.
            #expect(try await copy.people.run("show-local", copy.folder) == changed)
            #expect(
                try await copy.people.run("show-server") == changed.filter { !$0.hasPrefix("l") })
        }
    }

    @Test(
        "A backup of an account keeps who may do what with its mailboxes, and what they have seen",
        .installed("python3"))
    func backup() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let (cara, dora) = ("cara@own.test", "dora@own.test")
            try await addBen(host)
            let file = try stage.write(host.password + "\n", to: "password")
            for login in [cara, dora] {
                _ = try await order(host, "account", "add", login, "--password-file", file)
            }
            _ = try await ask(
                host, as: dora, "create Projects", "setacl Projects -\(Self.ben) t")
            let grants = [(Self.ben, "lrsw"), (cara, "lr"), ("@own.test", "l"), ("anyone", "p")]
            for (identifier, rights) in grants {
                _ = try await order(
                    host, "mailbox", "rights", dora, "Projects", identifier, rights)
            }
            _ = try await order(host, "mailbox", "rights", dora, "INBOX", Self.ben, "lr")
            try await MailChanges(stage, host, as: dora, in: "Projects").run("fill", "4")
            let place = "Other Users/\(dora)/Projects"
            let script = try stage.write(
                """
                import imaplib, ssl, sys
                context = ssl._create_unverified_context()
                imap = imaplib.IMAP4_SSL(sys.argv[1], 2993, ssl_context=context, timeout=20)
                imap.login(sys.argv[2], sys.argv[3])
                imap.select('"' + sys.argv[4] + '"')
                if len(sys.argv) > 5: imap.store(sys.argv[5], "+FLAGS", "(\\\\Seen)")
                print(imap.uid("SEARCH", "SEEN")[1])
                """, to: "seen.py")
            func seen(_ login: String, _ name: String, _ more: String...) async throws -> String {
                let done = try await stage.run(
                    "/usr/bin/python3",
                    [script, host.address, login, host.password, name] + more)
                #expect(done.status == 0, "\(done.output)")
                return done.output
            }
            #expect(try await seen(Self.ben, place, "1,3:4") == "[b'1 3 4']\n")
            #expect(try await seen(dora, "Projects", "2") == "[b'2']\n")
            func lists() async throws -> [String] {
                var lines: [String] = []
                for name in ["INBOX", "Projects"] {
                    let list = try await order(host, "mailbox", "rights", dora, name)
                    lines += list.split(separator: "\n").map { String($0) }
                }
                return lines
            }
            let before = try await lists()
            #expect(before.count == 2 + 2 + 6, "\(before)")
            let archive = stage.path("dora.tar")
            _ = try await order(host, "account", "backup", dora, archive)
            for login in [dora, cara] {
                _ = try await order(host, "account", "remove", login, "--yes")
            }
            for _ in 1...2 {
                let done = try await host.command("account", "restore", archive)
                #expect(done.status == 0, "\(done.output)")
                // Who is not there any more gets nothing, also should he come back.
                #expect(try await lists() == before.filter { !$0.contains(cara) })
                #expect(try await seen(Self.ben, place) == "[b'1 3 4']\n")
                #expect(try await seen(dora, "Projects") == "[b'2']\n")
            }
        }
    }
}
