// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// An Exim of its own: receives for one domain into files and sends all else to one host.
struct Exim {
    let domain: String
    private let folder: URL
    private let daemon: ChildProcess

    static let port = 2525
    /// Where `Scripts/packages test` unpacks it.
    static let program = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".build/peers/exim4/usr/sbin/exim4").path

    /// Starts it as root; mail that is not its own goes to `next`, `ADDRESS:PORT`.
    init(
        _ stage: Stage, domain: String, doors: [Door], ways: [Offer?] = [], next: String = ""
    ) async throws {
        self.domain = domain
        folder = URL(fileURLWithPath: try stage.makeFolder("exim-\(domain)"))
        let owner = try #require(getpwnam("Debian-exim")).pointee
        for name in ["spool", "log", "mail"] {
            let path = try stage.makeFolder("exim-\(domain)/\(name)")
            #expect(chown(path, owner.pw_uid, owner.pw_gid) == 0)
        }
        let certificate = try await Certificate(stage, name: "mx.\(domain)")
        chmod(certificate.key, 0o644)
        let file = try stage.write(
            Self.configuration(folder.path, domain, doors, ways, next, certificate),
            to: "exim-\(domain)/exim.conf")
        daemon = try stage.start(Self.program, ["-C", file, "-bdf", "-q1s"])
        for door in doors {
            let isUp = await isListening(door.address, Self.port)
            try #require(isUp, "Exim did not start: \(daemon.output)\n\(log)")
        }
    }

    /// What it logged.
    var log: String {
        let file = folder.appendingPathComponent("log/mainlog")
        return (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    }

    /// The messages it has delivered so far.
    var messages: [String] { maildir(folder.appendingPathComponent("mail/box")) }

    private static func configuration(
        _ folder: String, _ domain: String, _ doors: [Door], _ ways: [Offer?], _ next: String,
        _ certificate: Certificate
    ) -> String {
        func offered(_ offer: Offer, yes: String, no: String) -> String {
            let closed = doors.filter { $0.without == offer }.map(\.address)
            guard !closed.isEmpty else { return yes }
            let list = closed.joined(separator: ":")
            return "${if inlist{$received_ip_address}{\(list)}{\(no)}{\(yes)}}"
        }
        return """
            primary_hostname = mx.\(domain)
            exim_path = \(program)
            spool_directory = \(folder)/spool
            log_file_path = \(folder)/log/%slog
            pid_file_path =
            exim_user = Debian-exim
            exim_group = Debian-exim
            deliver_drop_privilege = true
            local_interfaces = <; \(doors.map(\.address).joined(separator: " ; "))
            daemon_smtp_ports = \(port)
            tls_certificate = \(certificate.chain)
            tls_privatekey = \(certificate.key)
            tls_advertise_hosts = \(offered(.tls, yes: "*", no: ""))
            pipelining_advertise_hosts = \(offered(.pipelining, yes: "*", no: ""))
            chunking_advertise_hosts = \(offered(.chunking, yes: "*", no: ""))
            dsn_advertise_hosts = \(offered(.dsn, yes: "*", no: ""))
            smtputf8_advertise_hosts = \(offered(.international, yes: "*", no: ""))
            accept_8bitmime = true
            host_lookup =
            rfc1413_hosts =
            keep_environment =
            hosts_treat_as_local = *
            acl_smtp_rcpt = accept
            acl_smtp_data = accept
            begin acl
            begin routers
            mailbox:
              driver = accept
              domains = \(domain) : *.\(domain)
              transport = maildir
            \(ways.map { router($0, next) }.joined(separator: "\n"))
            begin transports
            maildir:
              driver = appendfile
              directory = \(folder)/mail/box
              maildir_format
              create_directory
              return_path_add
            \(ways.map(transport).joined(separator: "\n"))
            begin retry
            * * F,1h,1s

            """
    }

    /// What is for `anybody+pipelining` goes without PIPELINING.
    private static func router(_ without: Offer?, _ next: String) -> String {
        let place = next.split(separator: ":")
        return """
            to_\(without.name):
              driver = manualroute
              local_parts = \\N^.*\\+\(without.name)$\\N
              route_list = * \(place[0])::\(place[1])
              transport = by_\(without.name)
              self = send
            """
    }

    private static func transport(_ without: Offer?) -> String {
        let options =
            switch without {
            case .pipelining: "hosts_avoid_pipelining = *"
            case .chunking: "hosts_try_chunking ="
            case .tls: "hosts_avoid_tls = *"
            case .extended: "hosts_avoid_esmtp = *"
            case .dsn, .eightBit, .international, .size, nil: "hosts_override = false"
            }
        return """
            by_\(without.name):
              driver = smtp
              \(options)
            """
    }
}

/// The messages in a maildir that nobody reads.
func maildir(_ folder: URL) -> [String] {
    let new = folder.appendingPathComponent("new")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: new.path)) ?? []
    return names.sorted().compactMap {
        try? String(contentsOf: new.appendingPathComponent($0), encoding: .utf8)
    }
}
