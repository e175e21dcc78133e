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

/// Changes mailboxes and Maildirs at random, and lists what is in them, by Python's own modules.
private struct MailChanges {
    private let stage: Stage
    private let host: Postreiter
    private let program: String

    init(_ stage: Stage, _ host: Postreiter) throws {
        self.stage = stage
        self.host = host
        program = try stage.write(Self.text, to: "mail.py")
    }

    /// One line for each message: its number and its flags.
    @discardableResult
    func run(_ command: String, _ arguments: String...) async throws -> [String] {
        let server = [host.address, "\(Postreiter.Port.imap)", host.account, host.password]
        let done = try await stage.run(
            "/usr/bin/python3",
            [program, command] + (command.hasSuffix("local") ? [] : server) + arguments,
            within: .seconds(60))
        try #require(done.status == 0, "\(done.output)\n\(host.log)")
        return done.output.split(separator: "\n").map {
            $0.split(separator: " ").joined(separator: " ")
        }
    }

    private static let text = #"""
        import imaplib, mailbox, os, random, re, ssl, sys

        FLAGS = {"S": "\\Seen", "R": "\\Answered", "F": "\\Flagged"}

        def connect(host, port, user, password):
            box = imaplib.IMAP4(host, int(port))
            box.starttls(ssl._create_unverified_context())
            box.login(user, password)
            assert box.select("INBOX")[0] == "OK"
            return box

        def text(number):
            return ("From: a@own.test\r\nSubject: number %s\r\nX-Number: %s\r\n\r\nbody %s\r\n"
                    % (number, number, number)).encode()

        def server_messages(box):
            found = {}
            kind, answer = box.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (X-NUMBER)])")
            assert kind == "OK", answer
            for item in answer:
                if not isinstance(item, tuple): continue
                uid = re.search(rb"UID (\d+)", item[0]).group(1).decode()
                number = item[1].decode().split(":")[1].strip()
                found[number] = (uid, re.search(rb"FLAGS \(([^)]*)\)", item[0]).group(1).decode())
            return found

        def local_folder(path):
            for name in ("cur", "new", "tmp"): os.makedirs(os.path.join(path, name), exist_ok=True)
            return mailbox.Maildir(path, create=False)

        def change_server(box, chance, prefix):
            for number, (uid, _) in sorted(server_messages(box).items()):
                what = chance.random()
                if what < 0.1:
                    box.uid("STORE", uid, "+FLAGS.SILENT", "(\\Deleted)")
                elif what < 0.4:
                    sign = chance.choice("+-")
                    box.uid("STORE", uid, sign + "FLAGS", "(%s)" % chance.choice(sorted(FLAGS.values())))
            assert box.expunge()[0] == "OK"
            for index in range(chance.randrange(4)):
                flags = chance.choice([None, "(\\Seen)", "(\\Flagged \\Answered)"])
                assert box.append("INBOX", flags, None, text("%s%d" % (prefix, index)))[0] == "OK"

        def change_local(folder, chance, prefix):
            for key in sorted(folder.keys()):
                what = chance.random()
                if what < 0.1:
                    folder.remove(key)
                elif what < 0.4:
                    message = folder[key]
                    message.set_subdir("cur")
                    if chance.random() < 0.5: message.add_flag(chance.choice("SRF"))
                    else: message.remove_flag(chance.choice("SRF"))
                    old = folder._lookup(key)
                    name = key + ":2," + message.get_flags()
                    os.rename(os.path.join(folder._path, old), os.path.join(folder._path, "cur", name))
            for index in range(chance.randrange(4)):
                message = mailbox.MaildirMessage(text("%s%d" % (prefix, index)).replace(b"\r\n", b"\n"))
                message.set_subdir("cur")
                message.set_flags(chance.choice(["", "S", "FR"]))
                folder.add(message)

        command, *rest = sys.argv[1:]
        if command.endswith("local"):
            folder = local_folder(rest[0])
        else:
            box = connect(*rest[:4])
        if command == "fill":
            for number in range(int(rest[4])):
                assert box.append("INBOX", None, None, text(number))[0] == "OK"
        elif command == "change-server": change_server(box, random.Random(rest[4]), "s" + rest[4] + "-")
        elif command == "change-local": change_local(folder, random.Random(rest[1]), "l" + rest[1] + "-")
        elif command == "show-server":
            for number, (_, flags) in sorted(server_messages(box).items()):
                print(number, " ".join(sorted(set(flags.split()) & set(FLAGS.values()))))
        elif command == "show-local":
            lines = []
            for message in folder:
                flags = sorted(FLAGS[flag] for flag in message.get_flags() if flag in FLAGS)
                lines.append("%s %s" % (message["X-Number"], " ".join(flags)))
            print("\n".join(sorted(lines)))

        """#
}
