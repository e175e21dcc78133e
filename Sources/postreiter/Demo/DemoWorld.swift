// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import LiveWorld
import Logging
import Mail
import NameService
import Settings
import World

/// A small internet on this machine: a name server, six mail servers and a mail program.
struct DemoWorld: Sendable {
    let story: Story
    let folder: DemoFolder
    let ports: DemoPlan.Ports
    let nameServer: SocketAddress
    let zones: [(path: String, zone: Zone)]
    /// Whether this machine has `::1`.
    let hasIPv6: Bool
    let post: DemoHost
    let mx1: DemoHost
    let mx2: DemoHost
    let left: DemoHost
    let right: DemoHost
    let plain: DemoHost
    let tasks: DemoTasks
    let program: MailProgram

    let anna: MailProgram.Person
    let ben: MailProgram.Person
    let claraLeft: MailProgram.Person
    let claraRight: MailProgram.Person
    let dora: MailProgram.Person
    let doraSix: MailProgram.Person

    var hosts: [DemoHost] { [post, mx1, mx2, left, right, plain] }
    var people: [MailProgram.Person] { [anna, ben, claraLeft, claraRight, dora, doraSix] }
    var time: any Time { Live.surroundings.time }

    /// In the demo a minute lasts a second where a retry is waited for.
    static let haste = 60

    /// Takes the ports, writes zones, certificates and folders; the name server begins to answer.
    init(_ story: Story, in folder: DemoFolder, tasks: DemoTasks) async throws {
        self.story = story
        self.folder = folder
        self.tasks = tasks
        let site = try await DemoSite.take()
        ports = site.ports
        hasIPv6 = site.hasIPv6
        nameServer = site.tcp.address
        zones = try Self.writeZones(folder)
        let box = ZoneBox(ZoneSet(zones.map(\.zone)))
        let log = try Self.log(folder, DemoPlan.names.name)
        tasks.add {
            await NameServer(zones: box, world: Live.surroundings, log: log)
                .run(udp: site.udp, tcp: site.tcp)
        }
        var hosts: [DemoHost] = []
        for plan in DemoPlan.hosts {
            var settings = try plan.settings(in: folder.path, ports)
            settings.language = story.language
            settings.resolver = [nameServer]
            if plan.name == DemoPlan.plain.name, hasIPv6 {
                settings.listen.smtp.append(SocketAddress(DemoSite.ipv6, port: ports.smtp))
            }
            let haste = plan.name == DemoPlan.mx2.name ? Self.haste : 1
            hosts.append(
                try DemoHost(
                    settings, resolver: try makeResolver(settings), haste: haste,
                    log: try Self.log(folder, plan.name)))
        }
        (post, mx1, mx2, left, right, plain) = (
            hosts[0], hosts[1], hosts[2], hosts[3], hosts[4], hosts[5]
        )
        let certificates = try hosts.flatMap { try Files.read($0.settings.certificates[0].chain) }
        try Files.write(certificates, to: folder.path + "/certificates.pem")
        program = MailProgram(
            network: LiveNetwork(threads: 1, trustRoots: folder.path + "/certificates.pem"),
            time: Live.surroundings.time, entropy: Live.surroundings.entropy, ports: ports)
        func person(_ name: String, _ domain: String, _ host: DemoPlan.Host) -> MailProgram.Person {
            MailProgram.Person(
                name: name, address: "\(name.asciiLowercased)@\(domain)",
                password: Setup.newPassword(), host: host)
        }
        anna = person("Anna", "lotus.example", DemoPlan.post)
        ben = person("Ben", "iris.example", DemoPlan.mx1)
        claraLeft = person("Clara", "tandem.example", DemoPlan.left)
        claraRight = person("Clara", "tandem.example", DemoPlan.right)
        dora = person("Dora", "plain.example", DemoPlan.plain)
        doraSix = person("Dora", "six.example", DemoPlan.plain)
    }

    private static func writeZones(_ folder: DemoFolder) throws -> [(path: String, zone: Zone)] {
        try Files.makeFolder(folder.path + "/zones")
        var zones: [(path: String, zone: Zone)] = []
        for (name, text) in DemoPlan.zones {
            let path = "\(folder.path)/zones/\(name).zone"
            try Files.write(Array(text.utf8), to: path)
            zones.append((path, try ZoneFolder.read(path, named: name)))
        }
        return zones
    }

    private static func log(_ folder: DemoFolder, _ name: String) throws -> Logger {
        let descriptor = try folder.openLog(name)
        let output = Log.output(to: descriptor)
        return Logger(label: name) { _ in LineLogHandler(output: output) }
    }

    // MARK: The servers and their people

    /// Starts every server and makes its domains and accounts.
    func startAll() async throws {
        for host in hosts { try await host.start(in: tasks) }
        for person in people {
            guard let host = hosts.first(where: { $0.name == person.host.name }) else { continue }
            let domain = String(person.address.drop { $0 != "@" }.dropFirst())
            _ = try await host.perform("domain.add", ["domain": .string(domain)])
            _ = try await host.perform(
                "account.add",
                [
                    "address": .string(person.address), "name": .string(person.name),
                    "password": .string(person.password),
                ])
        }
        _ = try await mx2.perform(
            "relay.add", ["domain": "iris.example", "recipients": JSON([ben.address])])
    }

    // MARK: Looking

    /// Looks again and again until there is something to see.
    func wait<Found>(
        _ english: String, _ german: String, within limit: Duration = .seconds(15),
        for look: () async throws -> Found?
    ) async throws -> Found {
        let end = time.now + limit
        while true {
            if let found = try await look() { return found }
            guard time.now < end else {
                throw DemoFailure(
                    story.choose(
                        "\(english): not within \(limit.components.seconds) seconds",
                        "\(german): nicht innerhalb von \(limit.components.seconds) Sekunden"))
            }
            try await time.sleep(for: .milliseconds(40))
        }
    }

    /// What waits at a server, as `queue list --json` prints it.
    func queue(_ host: DemoHost) async throws -> [JSON] {
        try await host.perform("queue.list", [:])["messages"]?.array ?? []
    }

    /// A message's story at a server, as `trace --json` prints it.
    func trace(_ messageID: String, at host: DemoHost) async throws -> JSON {
        let answer = try await host.perform(
            "trace",
            ["text": .string(messageID), "language": .string(story.language.rawValue)])
        guard let found = answer["messages"]?.array?.first else {
            throw DemoFailure("\(host.name) knows nothing of <\(messageID)>")
        }
        return found
    }

    /// How the server of Anna says that it handed a message over.
    ///
    /// The next server may have delivered the message before this one has noted that it is gone.
    func handover(of letter: MailProgram.Letter) async throws -> JSON {
        try await wait(
            "<\(letter.messageID)> handed over by post", "<\(letter.messageID)> übergeben von post"
        ) {
            try await trace(letter.messageID, at: post)["facts"]?.array?
                .last { $0["kind"]?.string == "delivered" }
        }
    }

    /// Until a mailbox holds `count` messages; returns them.
    func read(_ person: MailProgram.Person, until count: Int) async throws -> [MailProgram.Received]
    {
        let limit = Duration.seconds(20)
        _ = try await wait(
            "\(count) messages in the mailbox of \(person.address)",
            "\(count) Nachrichten im Postfach von \(person.address)", within: limit
        ) {
            try await program.count(person) >= count ? true : nil
        }
        return try await program.read(person)
    }
}

/// The ports of the demo, which nobody else uses.
struct DemoSite: Sendable {
    let ports: DemoPlan.Ports
    /// Of the name server, which keeps the whole block taken while the demo runs.
    let udp: any DatagramDoor
    let tcp: any Listener
    let hasIPv6: Bool

    static let ipv6 = IPAddress.v6(IPv6Address(high: 0, low: 1))

    /// Takes the first block of ports that is free on all the addresses.
    static func take() async throws -> DemoSite {
        var last: (any Error)?
        for base in DemoPlan.Ports.blocks {
            do {
                return try await take(DemoPlan.Ports(base: base))
            } catch {
                last = error
            }
        }
        throw CommandFailure.unavailable(
            "no free ports were found: \(last.map { "\($0)" } ?? "none was tried")")
    }

    private static func take(_ ports: DemoPlan.Ports) async throws -> DemoSite {
        let tcp = try await Live.network.listen(on: DemoPlan.names.at(ports.dns))
        do {
            let udp = try await Live.network.openDoor(at: tcp.address)
            do {
                for host in DemoPlan.hosts {
                    for port in [
                        ports.smtp, ports.submission, ports.submissions, ports.pop3, ports.pop3s,
                    ] { try await tryOut(try host.at(port)) }
                }
                try await tryOut(try DemoPlan.absent.at(ports.smtp))
                let hasIPv6 = await hasIPv6(ports)
                return DemoSite(ports: ports, udp: udp, tcp: tcp, hasIPv6: hasIPv6)
            } catch {
                await udp.close()
                throw error
            }
        } catch {
            await tcp.close()
            throw error
        }
    }

    private static func tryOut(_ address: SocketAddress) async throws {
        await (try await Live.network.listen(on: address)).close()
    }

    private static func hasIPv6(_ ports: DemoPlan.Ports) async -> Bool {
        do {
            try await tryOut(SocketAddress(ipv6, port: ports.smtp))
            return true
        } catch {
            return false
        }
    }
}
