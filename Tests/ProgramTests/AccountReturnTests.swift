// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("An account comes back on another server", .serialized, .built)
struct AccountReturnTests {
    /// What a mail program asks; the account is filled so that all of it differs from a new one.
    private static let client = """
        import imaplib, re, sys
        host, port, user, password, what = sys.argv[1:6]
        imap = imaplib.IMAP4_SSL(host, int(port))
        imap.login(user, password)
        imaplib.Commands.update({name: ("AUTH", "SELECTED") for name in (
            "SETMETADATA", "GETMETADATA", "ENABLE", "MOVE")})
        def run(*words):
            status, data = imap._simple_command(*words)
            assert status == "OK", (words, data)
            return data
        def fill():
            for number in range(1, 31):
                date = imaplib.Time2Internaldate(1700000000 + 60 * number)
                text = "Subject: %d\\r\\nMessage-ID: <%d@x>\\r\\n\\r\\ntext %d\\r\\n" % (
                    number, number, number)
                flags = ["", "(\\\\Seen)", "(\\\\Flagged $Work)", "(\\\\Answered own-%d)" % number][
                    number % 4]
                imap.append("INBOX", flags or None, date, text.encode())
            imap.select("INBOX")
            imap.uid("STORE", "3,7:9,30", "+FLAGS", "(\\\\Deleted)")
            imap.expunge()
            imap.create("Work/Done")
            imap.uid("COPY", "1:20", "Work/Done")
            imap.unsubscribe("Archive")
            imap.delete("Drafts")
            imap.create("Old")
            imap.subscribe("Old")
            imap.delete("Old")
            run("SETMETADATA", "INBOX", '(/private/comment "mine" /shared/comment "ours")')
            run("SETMETADATA", '""', '(/private/vendor/x/y "server")')
        def shown():
            out = []
            lines = sorted(imap.list()[1])
            out += lines + sorted(imap.lsub()[1])
            out += [str(run("GETMETADATA", name, "(DEPTH infinity) (/private /shared)"))
                    + str(imap.untagged_responses.pop("METADATA", None))
                    for name in ("INBOX", '""')]
            for line in lines:
                name = line.split(b' "/" ')[1].decode()
                out.append(name + str(imap.status(
                    name, "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT SIZE)")))
                imap.select(name, readonly=True)
                out.append(str(imap.untagged_responses.get("FLAGS")))
                out += imap.uid(
                    "FETCH", "1:*", "(FLAGS INTERNALDATE SAVEDATE BODY.PEEK[])")[1]
            return out
        if what == "fill":
            fill()
        elif what == "modseq":
            imap.select("INBOX")
            print(imap.untagged_responses["HIGHESTMODSEQ"][-1].decode())
        elif what == "resync":
            run("ENABLE", "QRESYNC")
            imap.select("INBOX")
            validity = imap.untagged_responses["UIDVALIDITY"][-1].decode()
            imap._simple_command("SELECT", "INBOX", "(QRESYNC (%s %s 1:40))" % (
                validity, sys.argv[6]))
            print(imap.untagged_responses.get("VANISHED"))
            print(len(imap.untagged_responses.get("FETCH", [])))
        else:
            for line in shown():
                print(line)
        """

    @Test(
        "nothing is different for mail programs: no UID, flag, date, annotation; mbsync gets nothing",
        .installed("mbsync", "python3"))
    func anotherServer() async throws {
        try await withStage { stage in
            let old = try await Postreiter(stage)
            let user = "dora@\(old.domain)"
            let password = try stage.write(old.password + "\n", to: "password")
            let script = try stage.write(Self.client, to: "client.py")
            func ask(_ host: Postreiter, _ words: String...) async throws -> String {
                let done = try await stage.run(
                    "python3",
                    [script, host.address, "\(Postreiter.Port.imaps)", user, host.password] + words,
                    within: .seconds(60))
                try #require(done.status == 0, "\(done.output)\n\(host.log)")
                return done.output
            }
            func order(_ host: Postreiter, _ words: [String]) async throws -> String {
                let done = try await host.command(words)
                try #require(done.status == 0, "\(words) \(done.output)\n\(host.log)")
                return done.output
            }
            _ = try await order(old, ["account", "add", user, "--password-file", password])
            _ = try await ask(old, "fill")
            let first = try stage.write("keep;\r\n", to: "first")
            for (name, more) in [("sorting", ["--activate"]), ("other", [])] {
                _ = try await order(old, ["sieve", "put", user, name, first] + more)
            }
            let settings = [
                ["account", "quota", user, "--storage", "20M", "--messages", "500"],
                ["account", "retention", user, "--rule", "30 Trash"],
                ["account", "folders", user, "existing"],
                ["account", "app-password", "create", user, "phone", "--for", "imap"],
            ]
            for words in settings { _ = try await order(old, words) }
            let local = try stage.makeFolder("local") + "/"
            try await Mbsync(old, user, local).run()
            let before = try await ask(old, "show")
            let sequence = try await ask(old, "modseq")
            let file = stage.path("dora.tar")
            _ = try await order(old, ["account", "backup", user, file])

            let new = try await Postreiter(stage)
            _ = try await order(new, ["account", "restore", file])
            #expect(try await ask(new, "show") == before)
            #expect(before.contains("mine") && before.contains("own-3"), "\(before)")
            for words in [
                ["sieve", "list", user, "--json"], ["account", "quota", user, "--json"],
                ["account", "app-password", "list", user, "--json"],
                ["account", "retention", user, "--json"],
            ] {
                #expect(try await order(new, words) == order(old, words))
            }
            // The Maildir of somebody who goes on with the other server stays as it is.
            let kept = try Self.files(local)
            try await Mbsync(new, user, local).run()
            #expect(try Self.files(local) == kept)
            #expect(kept.count(where: { $0.contains("/cur/") || $0.contains("/new/") }) == 41)
            // What has gone is told, also to who was away when it went; flags are told anew.
            let told = try await ask(new, "resync", "1")
            #expect(told.contains("(EARLIER) 3,7:9,30"), "\(told)")
            let later = try await ask(new, "resync", sequence.trimmingCharacters(in: .newlines))
            #expect(later.hasSuffix("\n25\n"), "\(later)")

            // Once more changes nothing.
            _ = try await order(new, ["account", "restore", file])
            #expect(try await ask(new, "show") == before)
        }
    }

    /// The files below a folder with when they were written; what mbsync notes for itself left out.
    private static func files(_ folder: String) throws -> [String] {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String }
        return try (names ?? []).filter { !$0.contains(".mbsync") && !$0.contains("uidvalidity") }
            .sorted().compactMap { name in
                let facts = try FileManager.default.attributesOfItem(atPath: folder + name)
                guard facts[.type] as? FileAttributeType == .typeRegular else { return nil }
                return "\(name) \(facts[.systemFileNumber] ?? "")"
            }
    }
}
