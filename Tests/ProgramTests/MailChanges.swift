// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Changes mailboxes and Maildirs at random, and lists what is in them, by Python's own modules.
struct MailChanges {
    private let stage: Stage
    private let host: Postreiter
    private let program: String
    private let login: String
    private let mailbox: String

    /// `login`: as whom, by default the host's first account.
    init(
        _ stage: Stage, _ host: Postreiter, as login: String? = nil, in mailbox: String = "INBOX"
    ) throws {
        self.stage = stage
        self.host = host
        self.login = login ?? host.account
        self.mailbox = mailbox
        program = try stage.write(Self.text, to: "mail.py")
    }

    /// One line for each message: its number and its flags.
    @discardableResult
    func run(_ command: String, _ arguments: String...) async throws -> [String] {
        let server = [host.address, "\(Postreiter.Port.imap)", login, host.password, mailbox]
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

        def connect(host, port, user, password, name):
            global place
            place = '"%s"' % name
            box = imaplib.IMAP4(host, int(port))
            box.starttls(ssl._create_unverified_context())
            box.login(user, password)
            assert box.select(place)[0] == "OK"
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
                assert box.append(place, flags, None, text("%s%d" % (prefix, index)))[0] == "OK"

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
            box = connect(*rest[:5])
        if command == "fill":
            for number in range(int(rest[5])):
                assert box.append(place, None, None, text(number))[0] == "OK"
        elif command == "change-server": change_server(box, random.Random(rest[5]), "s" + rest[5] + "-")
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
