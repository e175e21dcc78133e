// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A Dovecot of its own that takes mail for people by LMTP, and shows it to them by IMAP.
struct Dovecot {
    static let port = 2400
    static let imapPort = 2401
    static let password = "secret"
    let address: String
    /// The socket on which it listens too.
    let socket: String
    private let folder: URL
    private let master: ChildProcess

    init(_ stage: Stage, address: String, people: [String], domain: String) async throws {
        self.address = address
        let folder = URL(fileURLWithPath: try stage.makeFolder("dovecot"))
        self.folder = folder
        socket = folder.path + "/run/lmtp"
        let owner = try #require(getpwnam("nobody")).pointee
        for name in ["run", "state", "mail"] { try stage.makeFolder("dovecot/\(name)") }
        #expect(chown(folder.path + "/mail", owner.pw_uid, owner.pw_gid) == 0)
        let users = people.map {
            "\($0)@\(domain):{PLAIN}\(Self.password):\(owner.pw_uid):\(owner.pw_gid)::\(folder.path)/mail/\($0)::\n"
        }
        try stage.write(users.joined(), to: "dovecot/users")
        let file = try stage.write(
            Self.configuration(folder.path, address), to: "dovecot/dovecot.conf")
        master = try stage.start("dovecot", ["-F", "-c", file])
        let isUp = await isListening(address, Self.port)
        try #require(isUp, "Dovecot did not start: \(master.output)\n\(log)")
    }

    /// What it logged.
    var log: String {
        (try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)) ?? ""
    }

    func messages(of person: String) -> [String] {
        maildir(folder.appendingPathComponent("mail/\(person)"))
    }

    private static func configuration(_ folder: String, _ address: String) -> String {
        """
        protocols = lmtp imap
        base_dir = \(folder)/run
        state_dir = \(folder)/state
        log_path = \(folder)/log
        default_internal_user = nobody
        default_internal_group = nogroup
        default_login_user = nobody
        ssl = no
        disable_plaintext_auth = no
        mail_location = maildir:~
        namespace inbox {
          inbox = yes
          separator = /
        }
        first_valid_uid = 1
        first_valid_gid = 1
        recipient_delimiter = +
        passdb {
          driver = passwd-file
          args = username_format=%u \(folder)/users
        }
        userdb {
          driver = passwd-file
          args = username_format=%u \(folder)/users
        }
        service lmtp {
          inet_listener lmtp {
            address = \(address)
            port = \(port)
          }
          unix_listener lmtp {
            mode = 0666
          }
        }
        service imap-login {
          inet_listener imap {
            address = \(address)
            port = \(imapPort)
          }
          inet_listener imaps {
            port = 0
          }
        }

        """
    }
}
