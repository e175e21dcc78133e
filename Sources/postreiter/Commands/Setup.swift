// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import Directory
import LiveWorld
import Mail
import Settings
import World

/// `postreiter setup`: everything a first server needs, and what to publish in the zone.
struct Setup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a first configuration, certificate and account for a domain.")
    @Argument(help: "The domain whose mail this host shall take.") var domain: String
    @OptionGroup var server: ServerOptions
    @Option(help: "The name of this host; default mx1.DOMAIN.") var hostName: String?
    @Option(help: "Where the store lives.") var dataFolder = "/var/lib/postreiter"
    @Option(help: "The first account; default postmaster@DOMAIN.") var account: String?
    @Option(help: "A file with its password; without it one is made up and printed.")
    var passwordFile: String?
    @Option(help: "A public address of this host (repeatable), for the records to publish.")
    var address: [String] = []
    @Option(help: "Who the server becomes once it has its ports; the data folder is given to it.")
    var user: String?
    @Option(help: "With which group; default the user's own.") var group: String?
    @Option(
        help: """
            For a try on one machine: listen on this loopback address and high ports (2525 for \
            SMTP and so on), and answer for the domain's zone.
            """)
    var trial: String?

    func run() async throws {
        let plan = try SetupPlan(self)
        guard !Files.exists(server.config) else {
            throw CommandFailure.cannotCreate(
                "\(server.config) exists already; remove it, or name another file with --config")
        }
        let password = try passwordFile.map(Self.firstLine) ?? Self.newPassword()
        guard password.count >= Registry.minimumPasswordCharacters else {
            throw CommandFailure.data(
                "the password must have at least \(Registry.minimumPasswordCharacters) characters")
        }
        // Others pass through to the maildrop, and see nothing.
        try Files.makeFolder(plan.dataFolder, mode: 0o711)
        try plan.writeCertificate()
        try Files.makeFolder(plan.dataFolder + "/zones", mode: 0o700)
        if let slash = server.config.lastIndex(of: "/") {
            try Files.makeFolder(String(server.config[..<slash]))
        }
        try Files.write(Array(plan.configuration.utf8), to: server.config)
        let settings = try server.settings()
        let zone = try await Offline.withAdministration(settings) { administration in
            _ = try await administration.perform(
                "domain.add", ["domain": .string("\(plan.domain)")])
            _ = try await administration.perform(
                "account.add",
                ["address": .string("\(plan.account)"), "password": .string(password)])
            // Also without an address yet: what is to be published is what is told.
            return try await administration.perform(
                "zone.create",
                [
                    "zone": .string("\(plan.domain)"), "force": true,
                    "language": JSON(Live.locale?.rawValue),
                ])
        }
        if let owner = plan.owner { try Files.give(plan.dataFolder, to: owner) }
        Output.line(plan.report(configuration: server.config, ZoneOutcome(zone)))
        Output.line(
            "\nThe account \(plan.account) has \(passwordFile == nil ? "the password  \(password)" : "the password of \(passwordFile ?? "")")"
        )
        Output.line("Start the server with  postreiter serve --config \(server.config)")
    }

    private static func firstLine(of path: String) throws -> String {
        let octets = try Files.read(path)
        return String(lossy: octets.prefix { $0 != .lineFeed && $0 != .carriageReturn })
    }

    /// 80 random bits in letters that are not mistaken for each other.
    static func newPassword() -> String {
        let letters = Array("abcdefghjkmnpqrstuvwxyz23456789")
        var generator = Live.surroundings.entropy.generator
        let groups = (0..<4).map { _ in
            String((0..<4).compactMap { _ in letters.randomElement(using: &generator) })
        }
        return groups.joined(separator: "-")
    }
}

/// What `setup` is going to write.
struct SetupPlan {
    let domain: Domain
    let hostName: Domain
    let account: Address
    let dataFolder: String
    let addresses: [IPAddress]
    let trial: IPAddress?
    /// Whom the data folder is given.
    let owner: ServerUser?
    private let group: String?

    init(_ setup: Setup) throws {
        do {
            domain = try Domain(setup.domain)
            hostName = try Domain(setup.hostName ?? "mx1.\(domain)")
            account = try Address(setup.account ?? "postmaster@\(domain)")
        } catch {
            throw CommandFailure.usage("a name or address cannot be used: \(error)")
        }
        guard account.domain == domain else {
            throw CommandFailure.usage("the first account, \(account), must be in \(domain)")
        }
        dataFolder = setup.dataFolder
        owner = try Self.owner(setup)
        group = setup.group
        var given: [IPAddress] = []
        for text in setup.address + (setup.trial.map { [$0] } ?? []) {
            guard let address = IPAddress(text) else {
                throw CommandFailure.usage("`\(text)` is no IP address")
            }
            given.append(address)
        }
        addresses = given
        trial = setup.trial.flatMap { IPAddress($0) }
        if let trial, !trial.isLoopback {
            throw CommandFailure.usage(
                "--trial takes an address of this machine alone, such as 127.0.0.5")
        }
    }

    private static func owner(_ setup: Setup) throws(CommandFailure) -> ServerUser? {
        guard let name = setup.user else {
            guard setup.group == nil else { throw .usage("--group goes with --user") }
            return nil
        }
        let user: ServerUser
        do {
            user = try ServerUser(user: name, group: setup.group)
        } catch {
            throw .data(error.description)
        }
        guard ServerUser.isRoot || user.isCurrent else {
            throw .cannotCreate("only root can give \(setup.dataFolder) to \(name)")
        }
        return user
    }

    /// Self-signed until a real one is given: other exchangers do not look, mail programs ask.
    func writeCertificate() throws {
        let made: SelfSignedCertificate
        do {
            made = try SelfSignedCertificate(names: [hostName.name], addresses: addresses)
        } catch {
            throw CommandFailure.temporary("no certificate could be made: \(error)")
        }
        try Files.write(made.certificate, to: dataFolder + "/certificate.pem")
        try Files.write(made.privateKey, to: dataFolder + "/private-key.pem", mode: 0o600)
    }

    var configuration: String {
        guard let trial else { return Self.usual(hostName, dataFolder, addresses) + rights }
        let at = { (port: UInt16) in "\"\(SocketAddress(trial, port: port))\"" }
        return """
            # A try on one machine: loopback and high ports. Every key: postreiter check --keys
            host-name: \(hostName)
            data-folder: \(dataFolder)
            listen:
              smtp: [\(at(2525))]
              submission: [\(at(2587))]
              submissions: [\(at(2465))]
              imap: [\(at(2143))]
              imaps: [\(at(2993))]
              pop3: [\(at(2110))]
              pop3s: [\(at(2995))]
              managesieve: [\(at(2190))]
              dns: [\(at(2053))]
              metrics: [\(at(2125))]
            resolver: [\(at(2053))]
            sending:
              port: 2525
            dkim:
              confirmation-minutes: 0

            """ + rights
    }

    private var rights: String {
        guard let owner else { return "" }
        return "user: \(owner.name)\n" + (group.map { "group: \($0)\n" } ?? "")
    }

    private static func usual(
        _ hostName: Domain, _ dataFolder: String, _ addresses: [IPAddress]
    ) -> String {
        let known =
            addresses.isEmpty
            ? ""
            : """
            public-addresses: [\(addresses.map { "\"\($0)\"" }.joined(separator: ", "))]

            """
        return """
            # Every key: postreiter check --keys
            host-name: \(hostName)
            data-folder: \(dataFolder)
            \(known)listen:
              smtp: ["0.0.0.0:25", "[::]:25"]
              submission: ["0.0.0.0:587", "[::]:587"]
              submissions: ["0.0.0.0:465", "[::]:465"]
              imap: ["0.0.0.0:143", "[::]:143"]
              imaps: ["0.0.0.0:993", "[::]:993"]
              pop3: ["0.0.0.0:110", "[::]:110"]
              pop3s: ["0.0.0.0:995", "[::]:995"]
              managesieve: ["0.0.0.0:4190", "[::]:4190"]
              metrics: ["127.0.0.1:9125"]
              # The name server for the zones kept here (`postreiter zone list`):
              # dns: ["192.0.2.1:53"]
              # Tells mail programs their settings, once the certificate has the names autoconfig,
              # autodiscover and ua-auto-config of each domain (`postreiter domain setup`):
              # https: ["0.0.0.0:443", "[::]:443"]
              # http: ["0.0.0.0:80", "[::]:80"]

            """
    }

    /// What was made, and what belongs into the zone, wherever that is kept.
    func report(configuration path: String, _ zone: ZoneOutcome) -> String {
        let missing =
            addresses.isEmpty
            ? [
                "\(hostName). A <the IPv4 address of this host>",
                "\(hostName). AAAA <its IPv6 address, if it has one>",
            ] : []
        return """
            Written: \(path), a self-signed certificate, and the zone \(domain): postreiter zone show \(domain)

            Publish in the zone of \(domain), if that is kept elsewhere:
              \((zone.publishedRecords + missing).joined(separator: "\n  "))
            and ask whoever gave you the address to let it point back to \(hostName) (PTR).

            \(zone.noteLines.joined(separator: "\n"))
            """
    }
}
