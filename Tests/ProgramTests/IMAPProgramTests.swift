// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Mail programs of other people read and change mailboxes by IMAP", .serialized, .built)
struct IMAPProgramTests {
    @Test(
        "mbsync keeps a Maildir and a mailbox the same while both change",
        .installed("mbsync", "python3"))
    func mbsync() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let people = try MailChanges(stage, host)
            let folder = try stage.makeFolder("maildir") + "/"
            let inbox = folder + "INBOX"
            let mbsync = try Mbsync(host, host.account, folder)
            try await people.run("fill", "20")
            for seed in 1...4 {
                try await people.run("change-server", "\(seed)")
                try await people.run("change-local", inbox, "\(seed)")
                // The second one brings over what the first one has met on its way.
                for _ in 1...2 { try await mbsync.run() }
                let here = try await people.run("show-local", inbox)
                let there = try await people.run("show-server")
                #expect(here == there, "round \(seed)")
                #expect(here.count > 10)
            }
            for name in ["Drafts", "Sent", "Junk", "Trash", "Archive"] {
                #expect(FileManager.default.fileExists(atPath: folder + name))
            }
        }
    }

    @Test("curl appends, lists, searches and reads, over TLS and STARTTLS", .installed("curl"))
    func curl() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let file = try stage.write(
                "Subject: by curl\r\n\r\nGr\u{FC}\u{DF}e\r\n", to: "message")
            let appended = try await Self.curl(host, "imaps", "Archive", ["--upload-file", file])
            #expect(appended.status == 0, "\(appended.output)")
            for scheme in ["imap", "imaps"] {
                let list = try await Self.curl(host, scheme, "", [])
                #expect(list.output.contains(#"(\HasNoChildren \Archive) "/" Archive"#))
                let found = try await Self.curl(host, scheme, "Archive?SUBJECT%20CURL", [])
                #expect(found.output.contains("* SEARCH 1"), "\(found.output)")
                let message = try await Self.curl(host, scheme, "Archive;UID=1", [])
                #expect(message.output == "Subject: by curl\r\n\r\nGr\u{FC}\u{DF}e\r\n")
                let header = try await Self.curl(
                    host, scheme, "Archive;MAILINDEX=1;SECTION=HEADER", [])
                #expect(header.output == "Subject: by curl\r\n\r\n")
                let status = try await Self.curl(
                    host, scheme, "", ["--request", "STATUS Archive (MESSAGES UNSEEN)"])
                #expect(status.output == "* STATUS Archive (MESSAGES 1 UNSEEN 0)\r\n")
            }
        }
    }

    private static func curl(
        _ host: Postreiter, _ scheme: String, _ path: String, _ options: [String]
    ) async throws -> (status: Int32?, output: String) {
        let login = try host.stage.write(
            "user = \"\(host.account):\(host.password)\"\n", to: "curl-\(UUID().uuidString)")
        let port = scheme == "imaps" ? Postreiter.Port.imaps : Postreiter.Port.imap
        return try await host.stage.run(
            "curl",
            [
                "--silent", "--show-error", "--insecure", "--ssl-reqd", "--max-time", "20",
                "--config", login,
            ] + options + ["\(scheme)://\(host.address):\(port)/\(path)"])
    }

    @Test("fetchmail takes everything by IMAP", .installed("fetchmail", "python3"))
    func fetchmail() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let people = try MailChanges(stage, host)
            try await people.run("fill", "3")
            let mail = try stage.write("", to: "taken")
            let file = try stage.write(
                """
                set no bouncemail
                poll "\(host.address)" protocol imap port \(Postreiter.Port.imaps)
                  user "\(host.account)" password "\(host.password)" ssl no sslcertck
                  fetchall nokeep mda "cat >> \(mail)"

                """, to: "fetchmailrc")
            #expect(chmod(file, 0o600) == 0)
            let done = try await stage.run(
                "fetchmail", ["-f", file, "--nodetach", "--pidfile", stage.path("fetchmail.pid")])
            #expect(done.status == 0, "\(done.output)")
            let taken = try String(contentsOfFile: mail, encoding: .utf8)
            for number in 0..<3 { #expect(taken.contains("X-Number: \(number)\n")) }
            #expect(try await people.run("show-server").isEmpty)
        }
    }

    @Test(
        "mutt reads, flags, deletes and moves messages", .installed("mutt", "tmux", "python3"))
    func mutt() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let people = try MailChanges(stage, host)
            try await people.run("fill", "4")
            let file = try stage.write(Self.muttConfiguration(host), to: "muttrc")
            let socket = stage.path("tmux")
            func tmux(_ arguments: String...) async throws -> String {
                try await stage.run("tmux", ["-S", socket, "-f", "/dev/null"] + arguments).output
            }
            func shows(_ text: String) async throws -> Bool {
                await isTrue(within: .seconds(20)) {
                    (try? await tmux("capture-pane", "-p"))?.contains(text) == true
                }
            }
            _ = try await tmux(
                "new-session", "-d", "-x", "100", "-y", "30", "mutt -n -F \(file); sleep 60")
            #expect(try await shows("number 3"), "\(host.log)")
            // Opened, and back in the list; F and d go on to the next message.
            _ = try await tmux("send-keys", "Enter")
            #expect(try await shows("body 0"))
            _ = try await tmux("send-keys", "i")
            #expect(try await shows("number 3"))
            for keys in [["F"], ["d"], ["s", "=Archive", "Enter"]] {
                for key in keys { _ = try await tmux("send-keys", key) }
            }
            _ = try await tmux("send-keys", "$")
            let isSynchronized = await isTrue(within: .seconds(20)) {
                (try? await people.run("show-server").count) == 2
            }
            #expect(isSynchronized, "\(host.log)")
            #expect(
                try await people.run("show-server") == ["0 \\Flagged \\Seen", "3"])
            let moved = try await Self.curl(host, "imaps", "Archive;UID=1", [])
            #expect(moved.output.contains("X-Number: 2\r\n"))
            _ = try await tmux("kill-server")
        }
    }

    private static func muttConfiguration(_ host: Postreiter) -> String {
        """
        set imap_user="\(host.account)"
        set imap_pass="\(host.password)"
        set folder="imaps://\(host.address):\(Postreiter.Port.imaps)/"
        set spoolfile="+INBOX"
        set certificate_file="\(host.certificate)"
        set ssl_verify_host=no
        set confirmappend=no
        set delete=yes
        set move=no
        set wait_key=no
        set sort=mailbox-order

        """
    }

    @Test("offlineimap copies every mailbox", .installed("offlineimap", "python3"))
    func offlineimap() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let people = try MailChanges(stage, host)
            try await people.run("fill", "5")
            try await people.run("change-server", "1")
            let folder = try stage.makeFolder("copies")
            let print = try await stage.run(
                "openssl", ["x509", "-in", host.certificate, "-noout", "-fingerprint", "-sha1"])
            let fingerprint = print.output.split(separator: "=").last?.filter(\.isHexDigit) ?? ""
            let file = try stage.write(
                """
                [general]
                accounts = one
                metadata = \(stage.path("offlineimap"))
                [Account one]
                localrepository = near
                remoterepository = far
                [Repository near]
                type = Maildir
                localfolders = \(folder)
                [Repository far]
                type = IMAP
                remotehost = \(host.address)
                remoteport = \(Postreiter.Port.imaps)
                remoteuser = \(host.account)
                remotepass = \(host.password)
                ssl = yes
                cert_fingerprint = \(fingerprint.lowercased())

                """, to: "offlineimaprc")
            let done = try await stage.run(
                "offlineimap", ["-c", file, "-o", "-u", "basic"], within: .seconds(60))
            #expect(done.status == 0, "\(done.output)")
            let here = try await people.run("show-local", folder + "/INBOX")
            #expect(here == (try await people.run("show-server")))
            #expect(!here.isEmpty)
        }
    }

    @Test(
        "Dovecot takes over everything by its own IMAP client", .installed("doveadm", "python3"),
        .asRoot)
    func dovecot() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let people = try MailChanges(stage, host)
            try await people.run("fill", "12")
            try await people.run("change-server", "3")
            let home = try stage.makeFolder("home")
            let owner = try #require(getpwnam("nobody")).pointee
            #expect(chown(home, owner.pw_uid, owner.pw_gid) == 0)
            let file = try stage.write(
                """
                log_path = /dev/stderr
                base_dir = \(try stage.makeFolder("run"))
                mail_home = \(home)
                mail_location = maildir:\(home)/mail
                mail_uid = nobody
                mail_gid = nogroup
                first_valid_uid = 1
                first_valid_gid = 1
                ssl_client_require_valid_cert = no
                imapc_host = \(host.address)
                imapc_port = \(Postreiter.Port.imaps)
                imapc_ssl = imaps
                imapc_ssl_verify = no
                imapc_user = \(host.account)
                imapc_password = \(host.password)
                imapc_features = rfc822.size fetch-headers
                namespace inbox {
                  inbox = yes
                  separator = /
                }

                """, to: "dovecot.conf")
            let done = try await stage.run(
                "doveadm", ["-c", file, "backup", "-R", "imapc:"], environment: ["USER": "root"],
                within: .seconds(60))
            #expect(done.status == 0, "\(done.output)")
            let here = try await people.run("show-local", home + "/mail")
            #expect(here == (try await people.run("show-server")), "\(done.output)")
            #expect(here.count > 5)
            #expect(FileManager.default.fileExists(atPath: home + "/mail/.Archive"))
        }
    }
}
