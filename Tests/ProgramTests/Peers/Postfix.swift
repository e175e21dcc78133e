// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A Postfix of its own: receives for one domain into files, with STARTTLS, and sends on what is
/// for `relayDomain`, each recipient `anybody+pipelining` without PIPELINING, and so on.
struct Postfix {
    let address: String
    let port: Int
    private let folder: URL
    private let master: ChildProcess

    /// Starts it as root; mail for `domain` and the domains below it goes into `mailboxes/box`, a
    /// maildir.
    ///
    /// `doors`: further addresses to receive on; `next`: `ADDRESS:PORT` for the relay domain;
    /// `settings`: further lines of main.cf.
    init(
        _ stage: Stage, address: String, port: Int = 2525, domain: String, doors: [Door] = [],
        relayDomain: String = "", next: String = "", settings: [String] = []
    ) async throws {
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
            Self.main(folder.path, domain, certificate)
                + Self.relaying(relayDomain, next) + settings.map { $0 + "\n" }.joined(),
            to: "\(name)/configuration/main.cf")
        let path = folder.path
        try stage.write(
            Self.services(address, port)
                + doors.map { Self.service($0, port, path) }.joined()
                + (next.isEmpty ? "" : Self.ways.map(Self.transport).joined()),
            to: "\(name)/configuration/master.cf")
        try stage.write("/^EHLO/ XEHLO\n", to: "\(name)/no-ehlo")
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
    var messages: [String] { maildir(folder.appendingPathComponent("mailboxes/box")) }

    static let ways: [Offer?] = [nil] + Offer.allCases

    private static func relaying(_ domain: String, _ next: String) -> String {
        guard !next.isEmpty else { return "" }
        let place = next.split(separator: ":")
        let maps = ways.map {
            "{alice+\($0.name)@\(domain)=by-\($0.name):[\(place[0])]:\(place[1])}"
        }
        return """
            relay_domains = \(domain)
            relay_recipient_maps =
            transport_maps = inline:{ \(maps.joined(separator: ", ")) }
            smtp_tls_security_level = may

            """
    }

    private static func service(_ door: Door, _ port: Int, _ folder: String) -> String {
        let option =
            switch door.without {
            case nil: ""
            case .extended: "-o smtpd_command_filter=regexp:\(folder)/no-ehlo"
            case .tls: "-o smtpd_tls_security_level=none"
            case .some(let offer): "-o smtpd_discard_ehlo_keywords=\(offer.rawValue)"
            }
        let options = ([option] + door.options.map { "-o \($0)" }).joined(separator: " ")
        return "\(door.address):\(port) inet n - n - - smtpd \(options)\n"
    }

    private static func transport(_ without: Offer?) -> String {
        let option =
            switch without {
            case nil: ""
            case .extended: "-o smtp_never_send_ehlo=yes"
            case .tls: "-o smtp_tls_security_level=none"
            case .some(let offer): "-o smtp_discard_ehlo_keywords=\(offer.rawValue)"
            }
        return "by-\(without.name) unix - - n - - smtp \(option)\n"
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
        virtual_mailbox_domains = \(([nil] + Offer.allCases).map { "\($0.name).\(domain)" }
            .joined(separator: ", ")), \(domain)
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
