// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Mailboxes move between Dovecot and here", .serialized, .built)
struct MailboxPeerTests {
    @Test(
        "Dovecot reads an exported Maildir, changes it, and it is taken back",
        .installed("doveadm"), .asRoot)
    func maildir() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            #expect(try await host.command(Maildir(stage).importing(host)).status == 0)
            for layout in ["maildir++", "fs"] {
                let path = stage.path("out-\(layout)")
                let export = ["mailbox", "export", host.account, "--maildir", path]
                for written in [5, 0] {
                    let done = try await host.command(export + ["--layout", layout, "--json"])
                    #expect(done.status == 0, "\(done.output)")
                    let sum = done.output.components(separatedBy: #""written":"#).dropFirst()
                        .compactMap { Int($0.prefix { $0.isNumber }) }.reduce(0, +)
                    #expect(sum == written, "\(done.output)")
                }
                let dovecot = try DovecotFiles(
                    stage, "maildir:\(path)" + (layout == "fs" ? ":LAYOUT=fs" : ""),
                    separator: "/")
                let seen = try await dovecot.run(
                    "fetch", "uid flags date.received text", "mailbox", "INBOX", "all")
                #expect(seen.contains(#"flags: \Flagged \Seen $Label1"#), "\(seen)")
                #expect(
                    seen.contains("text:\nSubject: one\n\nGr\u{FC}\u{DF}e\nFrom x\n"), "\(seen)")
                #expect(seen.contains("uid: 1\n") && seen.contains("uid: 2\n"), "\(seen)")
                #expect(seen.contains("date.received: 2023-11-14"), "\(seen)")
                // The sizes as IMAP states them, of each mailbox.
                let status = try await dovecot.run(
                    "-f", "tab", "mailbox", "status", "messages vsize", "*")
                for mailbox in try await Self.mailboxes(host, host.account) {
                    #expect(
                        status.contains(
                            "\(mailbox.name)\t\(mailbox.messages)\t\(mailbox.octets)\n"),
                        "\(mailbox) \(status)")
                }
                let subscribed = try await dovecot.run("mailbox", "list", "-s")
                #expect(subscribed.contains("Entw\u{FC}rfe/Alt\n"), "\(subscribed)")
                #expect(!subscribed.contains("empty"), "\(subscribed)")

                // What Dovecot does to it comes back.
                _ = try await dovecot.run(
                    "flags", "add", "\\Answered work", "mailbox", "INBOX", "uid", "2")
                _ = try await dovecot.run("mailbox", "create", "Neu/Tief")
                _ = try await dovecot.run("copy", "Neu/Tief", "mailbox", "INBOX", "all")
                let user = "bob-\(layout.prefix(2))@\(host.domain)"
                try await Self.add(user, stage, host)
                let back = try await host.command("mailbox", "import", user, "--maildir", path)
                #expect(back.status == 0, "\(back.output)")
                let list = try await host.command("mailbox", "list", user, "--json").output
                #expect(list.contains(#""mailbox":"Neu/Tief","messages":2,"unseen":1"#), "\(list)")
                let inbox = try await Self.fetch(host, "INBOX", of: user)
                #expect(inbox.contains(#"FLAGS (\Answered work)"#), "\(inbox)")
            }
        }
    }

    @Test(
        "Dovecot reads exported mbox files, and they are taken back", .installed("doveadm"), .asRoot
    )
    func mbox() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            #expect(try await host.command(Maildir(stage).importing(host)).status == 0)
            let path = stage.path("out")
            let export = ["mailbox", "export", host.account, "--mbox", path]
            let done = try await host.command(export + ["--mbox-format", "mboxcl2"])
            #expect(done.status == 0, "\(done.output)")
            #expect(done.output.contains("; all is there as it is here"))
            let dovecot = try DovecotFiles(
                stage, "mbox:\(path):INBOX=\(path)/INBOX", separator: "/")
            let seen = try await dovecot.run(
                "fetch", "flags date.received text", "mailbox", "INBOX", "all")
            #expect(seen.contains(#"flags: \Flagged \Seen"#), "\(seen)")
            #expect(seen.contains("Gr\u{FC}\u{DF}e\nFrom x\n"), "\(seen)")
            #expect(seen.contains("date.received: 2023-11-14"), "\(seen)")
            try await Self.add("bob@\(host.domain)", stage, host)
            let back = try await host.command(
                "mailbox", "import", "bob@\(host.domain)", "--mbox", path)
            #expect(back.status == 0, "\(back.output)")
            #expect(
                back.output.contains("5 messages in 3 folders, 5 new; all is here"),
                "\(back.output)")
        }
    }

    @Test(
        "an account moves here from Dovecot by IMAP, and what happens there later follows",
        .installed("dovecot", "doveadm"), .asRoot)
    func imap() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let source = try Maildir(stage)
            let dovecot = try DovecotFiles(
                stage, "maildir:\(source.path)", separator: ".", prefix: "INBOX.",
                listening: stage.address())
            try await dovecot.serve()
            let password = try stage.write("secret\n", to: "password")
            let command = [
                "mailbox", "import", host.account, "--imap", "\(dovecot.address):2401", "--no-tls",
                "--user", "anna", "--password-file", password,
            ]
            let dry = try await host.command(command + ["--dry-run"])
            #expect(dry.status == 0, "\(dry.output)\n\(dovecot.log)")
            #expect(dry.output.contains("5 messages in 4 folders, 5 would be new"), "\(dry.output)")
            let first = try await host.command(command)
            #expect(first.status == 0, "\(first.output)\n\(dovecot.log)")
            #expect(
                first.output.contains("5 messages in 4 folders, 5 new; all is here"),
                "\(first.output)")
            let list = try await host.command("mailbox", "list", host.account, "--json").output
            #expect(list.contains(#""mailbox":"Entwürfe/Alt","messages":2"#), "\(list)")
            #expect(list.contains(#""mailbox":"INBOX","messages":2,"unseen":1"#), "\(list)")
            let inbox = try await Self.fetch(host, "INBOX", of: host.account)
            #expect(inbox.contains(#"FLAGS (\Seen \Flagged $Label1)"#), "\(inbox)")
            #expect(inbox.contains(#"INTERNALDATE "14-Nov-2023 22:13:20 +0000""#), "\(inbox)")

            _ = try await dovecot.run(
                "flags", "remove", "\\Flagged", "mailbox", "INBOX", "uid", "1")
            _ = try await dovecot.run("copy", "INBOX.empty", "mailbox", "INBOX", "all")
            let second = try await host.command(command)
            #expect(second.status == 0, "\(second.output)")
            #expect(
                second.output.contains("7 messages in 4 folders, 2 new; all is here"),
                "\(second.output)")
            let changed = try await Self.fetch(host, "INBOX", of: host.account)
            #expect(!changed.contains("Flagged"), "\(changed)")
            // Reads everything there once more.
            let verified = try await host.command(command + ["--verify"])
            #expect(verified.status == 0, "\(verified.output)")

            let wrong = try stage.write("wrong\n", to: "wrong")
            let refused = try await host.command(command.dropLast() + [wrong])
            #expect(refused.status == 66 && refused.output.contains("does not let anna in"))
        }
    }

    @Test("an account moves from a server like ours, with TLS and STARTTLS")
    func ourselves() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            #expect(try await host.command(Maildir(stage).importing(host)).status == 0)
            try await Self.add("bob@\(host.domain)", stage, host)
            let password = try stage.write(host.password + "\n", to: "password")
            func move(_ port: Int, _ options: String...) async throws -> (
                status: Int32?, output: String
            ) {
                try await host.command(
                    [
                        "mailbox", "import", "bob@\(host.domain)", "--imap",
                        "\(host.address):\(port)", "--user", host.account, "--password-file",
                        password,
                    ] + options)
            }
            let untrusted = try await move(Postreiter.Port.imaps)
            #expect(untrusted.status == 75, "\(untrusted.output)")
            let first = try await move(Postreiter.Port.imaps, "--insecure")
            #expect(first.status == 0, "\(first.output)\n\(host.log)")
            #expect(
                first.output.contains("5 messages in 8 folders, 5 new; all is here"),
                "\(first.output)")
            let again = try await move(Postreiter.Port.imap, "--starttls", "--insecure")
            #expect(again.status == 0, "\(again.output)")
            #expect(again.output.contains("5 messages in 8 folders, 0 new; all is here"))
        }
    }

    // MARK: Helpers

    private static func add(_ user: String, _ stage: Stage, _ host: Postreiter) async throws {
        let file = try stage.write(host.password + "\n", to: "password-\(user)")
        let added = try await host.command("account", "add", user, "--password-file", file)
        #expect(added.status == 0, "\(added.output)")
    }

    private static func mailboxes(
        _ host: Postreiter, _ user: String
    ) async throws -> [(name: String, messages: Int, octets: Int)] {
        let text = try await host.command("mailbox", "list", user, "--json").output
        let json = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        return (json?["mailboxes"] as? [[String: Any]] ?? []).map {
            (
                $0["mailbox"] as? String ?? "", $0["messages"] as? Int ?? -1,
                $0["octets"] as? Int ?? -1
            )
        }
    }

    private static func fetch(
        _ host: Postreiter, _ mailbox: String, of user: String
    ) async throws -> String {
        try await host.stage.run(
            "curl",
            [
                "--silent", "--show-error", "--insecure", "--user", "\(user):\(host.password)",
                "--request", "UID FETCH 1:* (FLAGS INTERNALDATE)",
                "imaps://\(host.address):\(Postreiter.Port.imaps)/\(mailbox)",
            ]
        ).output.replacingOccurrences(of: "\\Recent ", with: "")
            .replacingOccurrences(of: "\\Recent", with: "")
    }
}

/// A Dovecot of its own, with one user whose mail lies where a test says.
///
/// Unchecked: used by the one task of its test.
private final class DovecotFiles: @unchecked Sendable {
    let address: String
    private let stage: Stage
    private let file: String
    private let folder: String
    /// Where the mail is.
    private let path: String

    init(
        _ stage: Stage, _ location: String, separator: String, prefix: String = "",
        listening address: String = "127.0.0.1"
    ) throws {
        self.stage = stage
        let owner = try #require(getpwnam("nobody")).pointee
        path = String(location.split(separator: ":")[1])
        self.address = address
        let name = "dovecot-\(UUID().uuidString.prefix(8))"
        folder = try stage.makeFolder(name)
        for inner in ["run", "state", "home"] { try stage.makeFolder("\(name)/\(inner)") }
        try stage.write(
            "anna:{PLAIN}secret:\(owner.pw_uid):\(owner.pw_gid)::\(folder)/home::\n",
            to: "\(name)/users")
        file = try stage.write(
            """
            protocols = imap
            base_dir = \(folder)/run
            state_dir = \(folder)/state
            log_path = \(folder)/log
            default_internal_user = nobody
            default_internal_group = nogroup
            default_login_user = nobody
            ssl = no
            disable_plaintext_auth = no
            mail_location = \(location)
            mail_home = \(folder)/home
            mail_uid = nobody
            mail_gid = nogroup
            first_valid_uid = 1
            first_valid_gid = 1
            namespace inbox {
              inbox = yes
              separator = \(separator)
              prefix = \(prefix)
            }
            passdb {
              driver = passwd-file
              args = \(folder)/users
            }
            userdb {
              driver = passwd-file
              args = \(folder)/users
            }
            service imap-login {
              inet_listener imap {
                address = \(address)
                port = 2401
              }
              inet_listener imaps {
                port = 0
              }
            }

            """, to: "\(name)/dovecot.conf")
    }

    var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

    /// Gives the mail to the user as whom Dovecot reads it.
    private func own() async throws {
        let done = try await stage.run(
            "chown", ["-R", "nobody:nogroup", path, folder + "/home"])
        #expect(done.status == 0, "\(done.output)")
    }

    func serve() async throws {
        try await own()
        let master = try stage.start("dovecot", ["-F", "-c", file])
        let isUp = await isListening(address, 2401)
        try #require(isUp, "Dovecot did not start: \(master.output)\n\(log)")
    }

    /// Runs doveadm for the user.
    func run(_ arguments: String...) async throws -> String {
        try await own()
        let done = try await stage.run(
            "doveadm", ["-c", file] + arguments,
            environment: ["USER": "root", "HOME": folder + "/home"])
        #expect(done.status == 0, "\(arguments) \(done.output)\n\(log)")
        return done.output
    }
}
