// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("What bounds and opens mailboxes, with the program itself", .serialized, .built)
struct MailboxKeepingTests {
    private static let client = """
        import imaplib, smtplib, ssl, sys
        host, login, password, what = sys.argv[1:5]
        rest = sys.argv[5:]
        if what == "rcpt":
            smtp = smtplib.SMTP(host, 2525, timeout=20)
            smtp.ehlo("there.test")
            smtp.mail("", ["SIZE=" + rest[0]])
            code, text = smtp.rcpt(login)
            print(code, text.decode())
            sys.exit(0)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        imap = imaplib.IMAP4_SSL(host, 2993, ssl_context=context, timeout=20)
        try:
            imap.login(login, password)
        except imaplib.IMAP4.error as error:
            print("refused", error)
            sys.exit(0)
        if what == "append":
            size, count = int(rest[0]), int(rest[1])
            for number in range(count):
                text = b"Subject: %d\\r\\n\\r\\n" % number + b"x" * size + b"\\r\\n"
                answer = imap.append("INBOX", None, None, text)
                print(answer[0], answer[1][0].decode())
        elif what == "empty":
            imap.select("INBOX")
            imap.store("1:*", "+FLAGS.SILENT", "(\\\\Deleted)")
            imap.expunge()
            print("emptied")
        elif what == "quota":
            print(imap.getquotaroot("INBOX"))
        elif what == "subjects":
            imap.select("INBOX", readonly=True)
            answer = imap.uid("FETCH", "1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            for item in answer[1]:
                if isinstance(item, tuple):
                    print(item[0].split()[2].decode(), item[1].decode().strip())
        imap.logout()
        """

    private func ask(
        _ host: Postreiter, _ what: String..., password: String? = nil
    ) async throws -> String {
        let script = try host.stage.write(Self.client, to: "client.py")
        let done = try await host.stage.run(
            "/usr/bin/python3",
            [script, host.address, host.account, password ?? host.password] + what)
        #expect(done.status == 0, "\(done.output)")
        return done.output
    }

    private func order(_ host: Postreiter, _ words: String...) async throws -> String {
        let done = try await host.command(words)
        #expect(done.status == 0, "\(done.output)")
        return done.output
    }

    @Test("A quota is set, shown, heeded by SMTP and IMAP, and lifted", .installed("python3"))
    func quota() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            var shown = try await order(host, "account", "quota", host.account, "--storage", "1M")
            #expect(shown.contains("1.0 MiB"))
            #expect(try await ask(host, "rcpt", "2000000").hasPrefix("552 5.2.2"))
            #expect(try await ask(host, "rcpt", "200000").hasPrefix("250"))
            let answers = try await ask(host, "append", "400000", "3").split(separator: "\n")
            #expect(answers.count == 3)
            #expect(answers[1].hasPrefix("OK") && answers[2].hasPrefix("NO [OVERQUOTA]"))
            #expect(try await ask(host, "rcpt", "400000").hasPrefix("452 4.2.2"))
            #expect(try await ask(host, "quota").contains("STORAGE 782 1024"))
            shown = try await order(host, "account", "quota", host.account, "--json")
            #expect(shown.contains("\"percent\":76"), "\(shown)")
            _ = try await order(host, "domain", "quota", host.domain, "--messages", "1")
            #expect(try await ask(host, "rcpt", "1").hasPrefix("452 4.2.2"))
            _ = try await order(
                host, "account", "quota", host.account, "--storage", "none", "--messages", "none")
            #expect(try await ask(host, "rcpt", "400000").hasPrefix("250"))
            let refused = try await host.command("account", "quota", host.account, "--storage", "x")
            #expect(refused.status != 0 && refused.output.contains("is no size"))
        }
    }

    @Test("Removed messages come back after a crash, each once", .installed("python3"))
    func undelete() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            _ = try await ask(host, "append", "10", "3")
            _ = try await ask(host, "empty")
            #expect(try await ask(host, "subjects").isEmpty)
            await host.crash()
            try await host.start()
            let list = try await order(host, "mailbox", "deleted", host.account)
            #expect(list.contains("INBOX"), "\(list)")
            let back = try await order(host, "mailbox", "undelete", host.account)
            #expect(back.contains("3 messages back in INBOX"), "\(back)")
            await host.crash()
            try await host.start()
            #expect(
                try await ask(host, "subjects")
                    == "4 Subject: 0\n5 Subject: 1\n6 Subject: 2\n")
            let again = try await host.command("mailbox", "undelete", host.account)
            #expect(again.status != 0 && again.output.contains("nothing that could be brought"))
        }
    }

    @Test("An app password opens what it is for until it is revoked", .installed("python3"))
    func appPassword() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let made = try await order(
                host, "account", "app-password", "create", host.account, "phone", "--for", "imap",
                "--json")
            let match = try #require(made.firstMatch(of: /"password":"([a-z0-9-]{24})"/))
            let password = String(match.1)
            let append = try await ask(host, "append", "10", "1", password: password)
            #expect(append.hasPrefix("OK"))
            let list = try await order(host, "account", "app-password", "list", host.account)
            #expect(list.contains("phone") && list.contains(host.address) || list.contains("127."))
            #expect(!list.contains("never"))
            _ = try await order(
                host, "account", "app-password", "revoke", host.account, "phone")
            let refused = try await ask(host, "append", "10", "1", password: password)
            #expect(refused.hasPrefix("refused"), "\(refused)")
            #expect(try await ask(host, "append", "10", "1").hasPrefix("OK"))
        }
    }
}
