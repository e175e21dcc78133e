// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The filters that people run beside a mail server, the real ones.
@Suite("ClamAV, OpenDKIM and rspamd judge what we take", .serialized, .built)
struct FilterProgramTests {
    private static let port = Postreiter.Port.smtp

    /// The last reply to one message, or the first refusal.
    private static func send(
        _ host: Postreiter, _ message: String, from sender: String = "bob@client.test"
    ) async throws -> String {
        let (address, account) = (host.address, host.account)
        return try await onThread {
            let wire = try Wire(address, port)
            _ = try wire.readReply()
            for command in [
                "EHLO client.test", "MAIL FROM:<\(sender)>", "RCPT TO:<\(account)>",
            ] {
                let reply = try wire.ask(command)
                guard reply.hasPrefix("250") else { return reply }
            }
            _ = try wire.ask("DATA")
            let reply = try wire.ask(message.replacing("\n", with: "\r\n") + "\r\n.")
            _ = try wire.ask("QUIT")
            return reply
        }
    }

    private static let letter = """
        From: <bob@client.test>
        To: <alice@own.test>
        Subject: a letter
        Date: Fri, 21 Nov 2025 19:00:00 +0000
        Message-ID: <1@client.test>

        """

    @Test(
        "ClamAV refuses a virus by its milter, and lets a letter through",
        .installed("clamd", "clamav-milter", "openssl", "curl"), .asRoot)
    func clamAV() async throws {
        try await withStage { stage in
            let database = try stage.makeFolder("database")
            // Name, any kind of file, anywhere, and the octets in hexadecimal.
            let sign = "A-VIRUS-FOR-THE-TEST".utf8.map { String($0, radix: 16) }.joined()
            try stage.write("Test.Virus:0:*:\(sign)\n", to: "database/test.ndb")
            let clamdSocket = stage.path("clamd.sock")
            let clamd = try stage.write(
                """
                LocalSocket \(clamdSocket)
                DatabaseDirectory \(database)
                OfficialDatabaseOnly no
                Foreground yes
                User root
                TemporaryDirectory \(stage.folder.path)
                """, to: "clamd.conf")
            let daemon = try stage.start("clamd", ["--config-file=\(clamd)"])
            let milterSocket = stage.path("milter.sock")
            let milter = try stage.write(
                """
                MilterSocket unix:\(milterSocket)
                ClamdSocket unix:\(clamdSocket)
                Foreground yes
                User root
                OnInfected Reject
                RejectMsg A virus: %v
                AddHeader Replace
                TemporaryDirectory \(stage.folder.path)
                """, to: "milter.conf")
            let isReady = await isTrue(within: .seconds(60)) {
                FileManager.default.fileExists(atPath: clamdSocket)
            }
            try #require(isReady, "\(daemon.output)")
            let filter = try stage.start("clamav-milter", ["--config-file=\(milter)"])
            let listens = await isTrue(within: .seconds(30)) {
                FileManager.default.fileExists(atPath: milterSocket)
            }
            try #require(listens, "\(filter.output)")
            let host = try await Postreiter(
                stage, environment: ["POSTREITER_DEFENCE_FILTERS": "unix:\(milterSocket)"])
            let clean = try await Self.send(host, Self.letter + "Hello.")
            #expect(clean.hasPrefix("250 2.0.0"), "\(clean)\n\(host.log)\n\(filter.output)")
            let virus = try await Self.send(host, Self.letter + "See: A-VIRUS-FOR-THE-TEST")
            #expect(
                virus.hasPrefix("550 5.7.1 A virus: Test.Virus"),
                "\(virus)\n\(host.log)\n\(filter.output)")
            let mailbox = try await host.mailbox(count: 1)
            #expect(
                mailbox.first?.contains("\r\nX-Virus-Status: Clean\r\n") == true, "\(mailbox)")
            // It is required: without it mail waits.
            await filter.end()
            let later = try await Self.send(host, Self.letter + "Again.")
            #expect(later.hasPrefix("451 4.7.1"), "\(later)")
        }
    }

    @Test(
        "OpenDKIM signs as a milter what we take",
        .installed("opendkim", "openssl", "curl"), .asRoot)
    func openDKIM() async throws {
        try await withStage { stage in
            let key = stage.path("key.pem")
            let made = try await stage.run("openssl", ["genrsa", "-out", key, "2048"])
            try #require(made.status == 0)
            let address = stage.address()
            let configuration = try stage.write(
                """
                Mode s
                Domain client.test
                Selector s1
                KeyFile \(key)
                Socket inet:8891@\(address)
                Background no
                RequireSafeKeys no
                UserID root
                InternalHosts 0.0.0.0/0
                Syslog no
                PidFile \(stage.path("opendkim.pid"))
                """, to: "opendkim.conf")
            let opendkim = try stage.start("opendkim", ["-f", "-x", configuration])
            try #require(await isListening(address, 8_891), "\(opendkim.output)")
            let host = try await Postreiter(
                stage, environment: ["POSTREITER_DEFENCE_FILTERS": "inet:\(address):8891"])
            let reply = try await Self.send(host, Self.letter + "Hello.")
            #expect(reply.hasPrefix("250 2.0.0"), "\(reply)\n\(host.log)")
            let message = try await host.mailbox(count: 1).first ?? ""
            #expect(message.contains("DKIM-Signature: v=1; a=rsa-sha256;"), "\(message)")
            #expect(message.contains("d=client.test; s=s1;"), "\(message)")
        }
    }

    /// A milter as people write them: it changes whatever a milter may.
    private static let editor = #"""
        #include <libmilter/mfapi.h>
        #include <string.h>
        #include <sysexits.h>

        static sfsistat end(SMFICTX *context) {
          const char *body = "A new body,\nwith gr\xc3\xbc\xc3\x9f" "en.\n";
          if (smfi_chgheader(context, "Subject", 1, "changed") != MI_SUCCESS
              || smfi_addheader(context, "MIME-Version", "1.0") != MI_SUCCESS
              || smfi_addheader(context, "Content-Type", "text/plain; charset=utf-8")
                 != MI_SUCCESS
              || smfi_addheader(context, "Content-Transfer-Encoding", "8bit") != MI_SUCCESS
              || smfi_chgfrom(context, "<alice+bounces@own.test>", "RET=HDRS") != MI_SUCCESS
              || smfi_delrcpt(context, "<x@elsewhere.test>") != MI_SUCCESS
              || smfi_addrcpt_par(context, "<alice@own.test>", "NOTIFY=NEVER") != MI_SUCCESS
              || smfi_replacebody(context, (unsigned char *)body, strlen(body)) != MI_SUCCESS)
            return SMFIS_TEMPFAIL;
          return SMFIS_CONTINUE;
        }

        int main(int count, char **arguments) {
          struct smfiDesc description = {
            "editor", SMFI_VERSION,
            SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR
              | SMFIF_DELRCPT | SMFIF_CHGFROM,
            0, 0, 0, 0, 0, 0, 0, end, 0, 0, 0, 0, 0
          };
          if (count != 2 || smfi_setconn(arguments[1]) == MI_FAILURE
              || smfi_register(description) == MI_FAILURE)
            return EX_UNAVAILABLE;
          return smfi_main();
        }

        """#

    @Test(
        "A milter built on libmilter changes sender, recipients, header and body, and then we sign",
        .installed("cc", "openssl", "curl", "swaks", "dig", "dkimverify"),
        .enabled(
            if: FileManager.default.fileExists(atPath: "/usr/include/libmilter/mfapi.h"),
            "libmilter-dev is not installed"))
    func editor() async throws {
        try await withStage { stage in
            let source = try stage.write(Self.editor, to: "editor.c")
            let program = stage.path("editor")
            let made = try await stage.run(
                "cc", ["-o", program, source, "-lmilter", "-lpthread"])
            try #require(made.status == 0, "\(made.output)")
            let socket = stage.path("editor.sock")
            let filter = try stage.start(program, ["unix:\(socket)"])
            let listens = await isTrue(within: .seconds(30)) {
                FileManager.default.fileExists(atPath: socket)
            }
            try #require(listens, "\(filter.output)")
            let host = try await Postreiter(
                stage,
                environment: [
                    "POSTREITER_DEFENCE_FILTERS": "unix:\(socket)",
                    "POSTREITER_DKIM_CONFIRMATION_MINUTES": "0",
                ])
            let signs = await isTrue(within: .seconds(100)) {
                let status = try? await host.command("dkim", "status", "own.test", "--json")
                return (status?.output.components(separatedBy: "\"signing\":true,").count ?? 0) > 2
            }
            try #require(signs, "\(host.log)")
            let sent = try await host.submit(to: "x@elsewhere.test", subject: "as it was")
            #expect(sent.output.contains("250 2.0.0"), "\(sent.output)\n\(host.log)")
            let message = try #require(try await host.mailbox(count: 1).first, "\(host.log)")
            #expect(message.contains("Return-Path: <alice+bounces@own.test>"), "\(message)")
            #expect(message.contains("\r\nSubject: changed\r\n"), "\(message)")
            #expect(
                message.hasSuffix("\r\n\r\nA new body,\r\nwith grüßen.\r\n"), "\(message)")
            let findings = try await ConversionProgramTests.findings(message, host, stage)
            #expect(
                findings == ["dkim own.test pass", "dkim own.test pass", "arc none"],
                "\(findings)\n\(message)")
            let story = try await host.command("trace", "alice@own.test").output
            for part in [
                "Filters changed it: its sender was <alice@own.test>; removed <x@elsewhere.test>; "
                    + "added <alice@own.test>", "its body was replaced",
                "It was deleted for <x@elsewhere.test>",
            ] { #expect(story.contains(part), "\(part)\n\(story)") }
        }
    }

    @Test(
        "rspamd's symbols and action count, and explain spam tells of them",
        .installed("rspamd", "openssl", "curl"), .asRoot)
    func rspamd() async throws {
        try await withStage { stage in
            let address = stage.address()
            let data = try stage.makeFolder("rspamd")
            // A rule of our own, and nothing that asks the network.
            let rules = try stage.write(
                """
                rspamd_config:register_symbol({
                  name = 'TEST_WORD', score = 20.0, type = 'normal', group = 'test',
                  callback = function(task)
                    local subject = task:get_header('Subject') or ''
                    if subject:find('buy now') then return true, 1.0, 'subject' end
                    return false
                  end
                })
                """, to: "rules.lua")
            // The list of all top-level domains, which it brings, takes seconds to read.
            let domains = try stage.write("test\n", to: "domains")
            let configuration = try stage.write(
                """
                options {
                  url_tld = "\(domains)";
                  pidfile = "\(stage.path("rspamd.pid"))";
                  tempdir = "\(data)";
                  filters = "";
                  dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }
                  task_timeout = 8s;
                }
                logging { type = "console"; level = "info"; }
                actions { reject = 15; add_header = 6; greylist = null; }
                worker "normal" { bind_socket = "\(address):11333"; count = 1; }
                lua = "\(rules)";
                """, to: "rspamd.conf")
            let daemon = try stage.start(
                "rspamd", ["-f", "-i", "-c", configuration, "--var", "DBDIR=\(data)"])
            try #require(await isListening(address, 11_333), "\(daemon.output)")
            let host = try await Postreiter(
                stage, environment: ["POSTREITER_DEFENCE_RSPAMD": "\(address):11333"])
            let clean = try await Self.send(host, Self.letter + "Hello.")
            #expect(clean.hasPrefix("250 2.0.0"), "\(clean)\n\(host.log)\n\(daemon.output)")
            let spam = try await Self.send(
                host, Self.letter.replacing("a letter", with: "buy now") + "Buy.")
            #expect(
                spam.hasPrefix("550 5.7.1"), "\(spam)\n\(host.log)\n\(daemon.output)")
            let id = spam.drop { $0 != "(" }.dropFirst().prefix { $0 != ")" }
            let explained = try await host.command("explain", "spam", String(id))
            #expect(explained.status == 0, "\(explained.output)")
            #expect(
                explained.output.contains(" 20.00  rspamd=TEST_WORD")
                    && explained.output.contains("It was refused. (rspamd says: reject)"),
                "\(explained.output)")
            #expect(try await host.mailbox(count: 1).count == 1)
        }
    }

    @Test(
        "Who is banned is told why and until the end of the ban, and a ban can be taken back",
        .installed("openssl"))
    func bans() async throws {
        try await withStage { stage in
            // Otherwise this machine is of the site, and never banned.
            let host = try await Postreiter(
                stage, environment: ["POSTREITER_TRUST_NETWORKS": "192.0.2.0/24"])
            let added = try await host.command(
                "ban", "add", "127.0.0.0/8", "--cause", "it never stops", "--hours", "2")
            #expect(added.status == 0 && added.output.contains("127.0.0.0/8 is banned until"))
            let address = host.address
            let greeting = try await onThread { try Wire(address, Self.port).readReply() }
            #expect(
                greeting?.hasPrefix("554 5.7.1 No mail is taken from your network: it never stops")
                    == true, "\(greeting ?? "")")
            let list = try await host.command("ban", "list")
            #expect(list.output.contains("it never stops"), "\(list.output)")
            let removed = try await host.command("ban", "remove", "127.0.0.0/8")
            #expect(removed.status == 0, "\(removed.output)")
            let again = try await onThread { try Wire(address, Self.port).readReply() }
            #expect(again?.hasPrefix("220") == true)
            let unknown = try await host.command("ban", "remove", "127.0.0.1")
            #expect(unknown.status == 65 && unknown.output.contains("is not banned"))
        }
    }
}
