// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A Postfix of its own: receives for one domain into files, with STARTTLS.
struct Postfix {
    let address: String
    let port: Int
    private let folder: URL
    private let master: ChildProcess

    /// Starts it as root; `domain`'s mail goes into `mailboxes/box`, a maildir.
    init(_ stage: Stage, address: String, port: Int = 2525, domain: String) async throws {
        self.address = address
        self.port = port
        folder = stage.folder.appendingPathComponent("postfix-\(address)")
        let name = folder.lastPathComponent
        for part in ["configuration", "queue", "data", "mailboxes"] {
            try stage.makeFolder("\(name)/\(part)")
        }
        try Self.give(folder.appendingPathComponent("data"), to: "postfix")
        try Self.give(folder.appendingPathComponent("mailboxes"), to: "nobody")
        let certificate = try await Certificate(stage, name: "mx.\(domain)")
        try stage.write(
            Self.main(folder.path, domain, certificate),
            to: "\(name)/configuration/main.cf")
        try stage.write(
            Self.services(address, port), to: "\(name)/configuration/master.cf")
        let configuration = folder.appendingPathComponent("configuration").path
        let check = try await stage.run("postfix", ["-c", configuration, "check"])
        try #require(check.status == 0, "\(check.output)")
        // The postfix command would leave its master behind. The master must not lead a group of
        // processes, as each child here does; so a shell is the child, and takes it along.
        let script = """
            /usr/lib/postfix/sbin/master -c "$1" &
            trap "kill $!; wait $!; exit 0" TERM
            wait $!
            """
        master = try stage.start("sh", ["-c", script, "postfix", configuration])
        let isUp = await isListening(address, port)
        try #require(isUp, "Postfix did not start: \(master.output)\n\(log)")
    }

    /// What it logged.
    var log: String {
        (try? String(
            contentsOf: folder.appendingPathComponent("data/maillog"), encoding: .utf8)) ?? ""
    }

    /// The messages it has delivered so far.
    var messages: [String] {
        let new = folder.appendingPathComponent("mailboxes/box/new")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: new.path)) ?? []
        return names.sorted().compactMap {
            try? String(contentsOf: new.appendingPathComponent($0), encoding: .utf8)
        }
    }

    private static func give(_ folder: URL, to user: String) throws {
        let owner = try #require(getpwnam(user)).pointee
        #expect(chown(folder.path, owner.pw_uid, owner.pw_gid) == 0)
    }

    /// The service's address stands in master.cf; here Postfix wants one of an interface.
    private static func main(
        _ folder: String, _ domain: String, _ certificate: Certificate
    ) -> String {
        """
        compatibility_level = 3.6
        queue_directory = \(folder)/queue
        data_directory = \(folder)/data
        maillog_file = \(folder)/data/maillog
        maillog_file_prefixes = /var, /tmp
        myhostname = mx.\(domain)
        mydestination =
        mynetworks = 192.0.2.0/32
        inet_interfaces = 127.0.0.1
        inet_protocols = ipv4
        default_transport = error:this Postfix sends nothing
        alias_maps =
        alias_database =
        local_recipient_maps =
        virtual_mailbox_domains = \(domain)
        virtual_mailbox_base = \(folder)/mailboxes
        virtual_mailbox_maps = static:box/
        virtual_uid_maps = static:65534
        virtual_gid_maps = static:65534
        smtpd_tls_security_level = may
        smtpd_tls_cert_file = \(certificate.chain)
        smtpd_tls_key_file = \(certificate.key)
        smtpd_tls_received_header = yes
        smtpd_client_connection_count_limit = 0
        smtpd_relay_restrictions = reject_unauth_destination

        """
    }

    private static func services(_ address: String, _ port: Int) -> String {
        """
        \(address):\(port) inet n - n - - smtpd
        pickup unix n - n 60 1 pickup
        cleanup unix n - n - 0 cleanup
        qmgr unix n - n 300 1 qmgr
        tlsmgr unix - - n 1000? 1 tlsmgr
        rewrite unix - - n - - trivial-rewrite
        bounce unix - - n - 0 bounce
        defer unix - - n - 0 bounce
        trace unix - - n - 0 bounce
        verify unix - - n - 1 verify
        flush unix n - n 1000? 0 flush
        proxymap unix - - n - - proxymap
        proxywrite unix - - n - 1 proxymap
        showq unix n - n - - showq
        error unix - - n - - error
        retry unix - - n - - error
        virtual unix - n n - - virtual
        anvil unix - - n - 1 anvil
        postlog unix-dgram n - n - 1 postlogd

        """
    }
}

/// A self-signed certificate made by openssl.
struct Certificate {
    let chain: String
    let key: String

    init(_ stage: Stage, name: String) async throws {
        chain = stage.path("\(name).pem")
        key = stage.path("\(name).key")
        let made = try await stage.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)", "-days", "2",
                "-keyout", key, "-out", chain,
            ])
        try #require(made.status == 0, "\(made.output)")
    }
}
