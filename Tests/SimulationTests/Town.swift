// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Directory
import Logging
import Mail
import NameService
import SMTP
import SimulatedWorld
import World

/// Several whole servers and their neighbours in one simulation.
///
/// `mx1.example` holds the mailboxes of `town.example`, `mx3.example` those of
/// `harbour.example`; each is the other's backup or has `mx2.example` for one. `out.example` is
/// where the accounts of `out.example` submit and read. `elsewhere.example` has three foreign
/// hosts with moods, two of them equals; `dark.example` never answers, `nullmx.example` wants no
/// mail, and `gone.example` does not exist. The zone is `Signposts.zone`.
final class Town: @unchecked Sendable {
    let simulation: Simulation
    let network: SimulatedNetwork
    let ledger = Ledger()
    let primary: Site
    let backup: Site
    let sender: Site
    let harbour: Site
    /// Of `elsewhere.example`: two equals and the one behind them.
    let foreigners: [ForeignHost]
    let nameHosts: [SimulatedHost]
    var calendarJumps = 0
    var hoursSetBack = 0
    /// Since when nothing goes wrong any more; nil as long as it may, zero if nothing ever did.
    var calmSince: Instant?
    /// Whether an exchanger's address may have been unknown at times.
    var mayNamesFail = false
    private let zones = ZoneBox()
    private let foreignHosts: [SimulatedHost]
    private let clientHost: SimulatedHost
    private let strangerHost: SimulatedHost
    /// From which `bank.example` says that its mail comes.
    private let bankHost: SimulatedHost
    private let bank: Bank
    /// Foreign messages whose reverse-path has been answered, by host.
    private var returned: [String: Int] = [:]
    /// Whom reverse-paths of ours stand for.
    private var senders: [Address: Address] = [:]
    /// What the zone says of keys, once it was seen.
    private var keyRecords: [Name: String] = [:]

    var sites: [Site] { [primary, backup, sender, harbour] }
    var hosts: [SimulatedHost] { sites.map(\.host) + foreignHosts + nameHosts }

    static let password = "the post rider's horse"

    init(_ simulation: Simulation) throws {
        self.simulation = simulation
        let network = SimulatedNetwork(simulation)
        self.network = network
        func host(_ name: String, _ addresses: String...) throws -> SimulatedHost {
            network.host(name, addresses: addresses.compactMap { IPAddress($0) })
        }
        nameHosts = [try host("ns1", "192.0.2.53"), try host("ns2", "198.51.100.53")]
        let nameServers = nameHosts.map { SocketAddress($0.addresses[0], port: 53) }
        foreignHosts = [
            try host("mail", "203.0.113.25"), try host("mail2", "203.0.113.26"),
            try host("mail3", "203.0.113.27"),
        ]
        clientHost = try host("client", "203.0.113.200")
        strangerHost = try host("stranger", "203.0.113.66")
        bankHost = try host("bank", "203.0.113.80")
        bank = Bank(simulation)
        try host("dark", "203.0.113.99").stop(.vanish)
        foreigners = foreignHosts.map {
            ForeignHost(simulation, name: "\($0.name).elsewhere.example")
        }
        primary = Site(
            "mx1.example", on: try host("mx1", "192.0.2.1", "2001:db8::1"), in: simulation,
            nameServers: nameServers, provision: Self.provisionPrimary)
        backup = Site(
            "mx2.example", on: try host("mx2", "198.51.100.1"), in: simulation,
            nameServers: nameServers, provision: Self.provisionBackup)
        sender = Site(
            "out.example", on: try host("out", "203.0.113.1", "2001:db8:1::1"), in: simulation,
            nameServers: nameServers, provision: Self.provisionSender)
        harbour = Site(
            "mx3.example", on: try host("mx3", "198.51.100.3", "2001:db8:3::1"),
            in: simulation, nameServers: nameServers, provision: Self.provisionHarbour)
        sender.trustedSealers = ["town.example"]
        try publish()
    }

    /// Has everybody begin work.
    func open() async {
        for (index, host) in nameHosts.enumerated() { startNameServer(index, host) }
        for (host, foreigner) in zip(foreignHosts, foreigners) {
            let address = SocketAddress(host.addresses[0], port: 25)
            _ = simulation.process(host.name, on: host) {
                try await foreigner.run($0.network, at: address)
            }
        }
        for site in sites { await site.boot() }
    }

    private func startNameServer(_ index: Int, _ host: SimulatedHost) {
        let address = SocketAddress(host.addresses[0], port: 53)
        _ = simulation.process("ns\(index + 1)", on: host) { [zones] surroundings in
            let server = NameServer(
                zones: zones, world: surroundings,
                log: Logger(label: "ns") { _ in SwiftLogNoOpLogHandler() })
            let udp = try await surroundings.network.openDoor(at: address)
            let tcp = try await surroundings.network.listen(on: address)
            await server.run(udp: udp, tcp: tcp)
        }
    }

    private func publish() throws {
        let origin = try Name("example")
        let keys = keyRecords.sorted { "\($0.key)" < "\($1.key)" }
            .map { "\($0.key). IN TXT \(Self.strings($0.value))" }
        let text = ["$TTL 300", Signposts.zone, bank.record] + keys + [""]
        let file = MasterFile.parse(Array(text.joined(separator: "\n").utf8), origin: origin)
        precondition(file.faults.isEmpty, "\(file.faults)")
        zones.publish(try Zone(origin: origin, records: file.records))
    }

    /// As character-strings, none too long (RFC 1035 §3.3).
    static func strings(_ text: String) -> String {
        var rest = text[...]
        var strings: [String] = []
        while !rest.isEmpty {
            strings.append("\"\(rest.prefix(200))\"")
            rest = rest.dropFirst(200)
        }
        return strings.joined(separator: " ")
    }

    /// Puts the keys of all servers into the zone, as a postmaster does who is told of them.
    func keepZone() async throws {
        while true {
            try await simulation.sleep(for: .minutes(2))
            var isNew = false
            for (name, record) in sites.flatMap(\.keyRecords) where keyRecords[name] != record {
                keyRecords[name] = record
                isNew = true
            }
            if isNew { try publish() }
        }
    }
}

// MARK: - Who is at home where

extension Town {
    private static let author = "simulation"

    /// Those that lead to one address elsewhere.
    private static let aliases = [
        ("moved@town.example", "emil@out.example"),
        ("away@town.example", "fritz@elsewhere.example"),
    ]

    @Sendable private static func provisionPrimary(_ registry: Registry) async throws {
        try await registry.add(domain: LocalDomain(try Domain("town.example")), by: author)
        for name in ["alice", "bob", "carol"] {
            try await registry.addAccount(
                try Address("\(name)@town.example"), password: password, by: author)
        }
        try await registry.addAlias(
            try Address("team@town.example"),
            to: [try Address("alice@town.example"), try Address("bob@town.example")], by: author)
        for (alias, target) in aliases {
            try await registry.addAlias(
                try Address(alias), to: [try Address(target)], by: author)
        }
        try await registry.add(
            relay: RelayDomain(try Domain("harbour.example")),
            recipients: [
                try Address("ida@harbour.example"), try Address("jan@harbour.example"),
            ], by: author)
    }

    @Sendable private static func provisionBackup(_ registry: Registry) async throws {
        // The backup knows a recipient that the primary has forgotten.
        let known = ["alice", "bob", "carol", "team", "ghost", "moved", "away"]
        try await registry.add(
            relay: RelayDomain(try Domain("town.example")),
            recipients: try known.map { try Address("\($0)@town.example") }, by: author)
        try await registry.add(
            relay: RelayDomain(try Domain("harbour.example")),
            recipients: [
                try Address("ida@harbour.example"), try Address("jan@harbour.example"),
                try Address("gone@harbour.example"),
            ], by: author)
    }

    @Sendable private static func provisionHarbour(_ registry: Registry) async throws {
        try await registry.add(domain: LocalDomain(try Domain("harbour.example")), by: author)
        for name in ["ida", "jan"] {
            try await registry.addAccount(
                try Address("\(name)@harbour.example"), password: password, by: author)
        }
    }

    @Sendable private static func provisionSender(_ registry: Registry) async throws {
        try await registry.add(domain: LocalDomain(try Domain("out.example")), by: author)
        for name in ["dora", "emil"] {
            try await registry.addAccount(
                try Address("\(name)@out.example"), password: password, by: author)
        }
    }

    /// Where mail to an address ends up.
    func targets(of address: Address) -> [Address] {
        if let alias = Self.aliases.first(where: { $0.0 == address.description }) {
            return [try? Address(alias.1)].compactMap(\.self)
        }
        if let original = senders[address] { return [original] }
        guard address.description == "team@town.example" else { return [address] }
        return ["alice", "bob"].compactMap { try? Address("\($0)@town.example") }
    }

    /// How an author may have written an address: itself, or an alias that leads to it.
    func writtenAs(_ address: String) -> [String] {
        if let alias = Self.aliases.first(where: { $0.1 == address.lowercased() }) {
            return [address, alias.0]
        }
        let isOfTeam = ["alice@town.example", "bob@town.example"].contains(address.lowercased())
        return isOfTeam ? [address, "team@town.example"] : [address]
    }

    /// Whether somebody here reads what is sent to that address.
    func hasMailbox(_ address: Address) -> Bool { isOurs(address) && exists(address) }

    /// Whether mail to that address must arrive in the end.
    func exists(_ address: Address) -> Bool {
        let people = [
            "alice@town.example", "bob@town.example", "carol@town.example", "dora@out.example",
            "emil@out.example", "ida@harbour.example", "jan@harbour.example",
        ]
        return people.contains(address.description)
            || ["elsewhere.example", "plain.example", "bank.example", "liar.example"].contains(
                address.domain?.name)
    }

    func isOurs(_ address: Address) -> Bool {
        ["town.example", "out.example", "harbour.example"].contains(address.domain?.name)
    }

    /// Whether a server or a disk may have failed, or a claim ended, between a reply and the
    /// note of it.
    var wereMishaps: Bool {
        calendarJumps > 0 || sites.contains { $0.mishaps > 0 }
    }
}

// MARK: - Who writes to whom

extension Town {
    /// Letters that accounts submit at `out.example`, and those that strangers bring.
    func writeLetters(_ count: Int, over duration: Duration) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<count {
                let pause = simulation.faults.duration(in: .zero...duration)
                group.addTask { [self] in
                    try await simulation.sleep(for: pause)
                    try await simulation.faults.happens(0.6) ? submit() : intrude()
                }
            }
            try await group.waitForAll()
        }
    }

    private static let everybody = [
        "alice@town.example", "bob@town.example", "carol@town.example", "dora@out.example",
        "emil@out.example", "fritz@elsewhere.example", "greta@elsewhere.example",
        "hugo@elsewhere.example", "ilse@elsewhere.example", "karl@plain.example",
        "ida@harbour.example", "jan@harbour.example", "gone@harbour.example",
        "ghost@town.example", "nobody@town.example", "x@gone.example", "y@nullmx.example",
    ]
    /// Tried for five days, which is dear: rare.
    private static let unreachable = "z@dark.example"

    private func submit() async throws {
        let author = try Address(simulation.faults.pick(["dora@out.example", "emil@out.example"]))
        var names = Self.everybody.shuffled(using: &simulation.faults)
        names.removeLast(names.count - simulation.faults.number(in: 1...4))
        if simulation.faults.happens(0.15) { names = ["team@town.example"] }
        if simulation.faults.happens(0.05) { names.append(Self.unreachable) }
        let recipients = try names.map { try Address($0) }
        let letter = ledger.write { number in
            Letter(
                number, from: .address(author), author: author, to: recipients,
                octets: size(), isFromStranger: false, &simulation.faults)
        }
        simulation.tell("letter \(letter.number) from \(author) to \(names)")
        try await MailProgram(
            simulation: simulation, network: clientHost.network, ledger: ledger,
            server: SocketAddress(sender.host.addresses[0], port: 587),
            credentials: (name: author.description, password: Self.password)
        ).post(letter)
    }

    /// Now and then too large for a row of the database.
    private func size() -> Int {
        simulation.faults.happens(0.02)
            ? (1 << 20) + simulation.faults.below(200_000) : simulation.faults.below(5000)
    }

    private func intrude() async throws {
        let authors = ["fritz@elsewhere.example", "forged@gone.example", "victim@dark.example"]
        let author = try Address(simulation.faults.pick(authors))
        let reversePath: ReversePath = simulation.faults.happens(0.2) ? .null : .address(author)
        let name = simulation.faults.pick(
            Self.everybody + [
                "alice@town.example", "ghost@town.example", "team@town.example",
                "ida@harbour.example", "gone@harbour.example", Self.unreachable,
            ])
        let recipient = try Address(name)
        let site = simulation.faults.pick(sites)
        let letter = ledger.write { number in
            Letter(
                number, from: reversePath, author: author, to: [recipient],
                octets: simulation.faults.below(3000), isFromStranger: true, &simulation.faults)
        }
        simulation.tell(
            "letter \(letter.number) from <\(reversePath)> to \(name) at \(site.name)")
        try await MailProgram(
            simulation: simulation, network: strangerHost.network, ledger: ledger,
            server: SocketAddress(site.host.addresses[0], port: 25)
        ).post(letter)
    }
}

// MARK: - Whose domain says who sends

extension Town {
    /// Letters of `bank.example`, which has everything rejected that is not its own; those of
    /// forgers, and of a domain whose records are nonsense.
    func writeClaims(_ count: Int, over duration: Duration) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<count {
                let pause = simulation.faults.duration(in: .minutes(20)...duration)
                group.addTask { [self] in
                    try await simulation.sleep(for: pause)
                    try await claim()
                }
            }
            group.addTask { [self] in try await answerForwarded() }
            // All but the one that never ends.
            for _ in 0..<count { try await group.next() }
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    private func claim() async throws {
        let (site, name) = simulation.faults.pick([
            (primary, "alice@town.example"), (backup, "bob@town.example"),
            (harbour, "ida@harbour.example"), (sender, "dora@out.example"),
            (primary, "moved@town.example"), (primary, "moved@town.example"),
            (backup, "moved@town.example"), (primary, "away@town.example"),
        ])
        // What is not signed is known at the second server by the first one's seal.
        let isSealed =
            !name.hasPrefix("moved") || site === primary && site.seals(for: "town.example")
        let isSigned = !isSealed || simulation.faults.happens(0.5)
        let claim = simulation.faults.pick([Letter.Claim.authentic, .authentic, .forged, .odd])
        let author = try Address(claim == .odd ? "liz@liar.example" : "giro@bank.example")
        let reversePath: ReversePath =
            claim == .forged && simulation.faults.happens(0.3)
            ? .address(try Address("fritz@elsewhere.example")) : .address(author)
        let recipient = try Address(name)
        let letter = ledger.write { number in
            Letter(
                number, from: reversePath, author: author, to: [recipient],
                octets: simulation.faults.below(3000), isFromStranger: true, claim: claim,
                signedBy: { [bank] header, body in
                    switch claim {
                    case .authentic: isSigned ? bank.signature(header, body) : []
                    // Somebody else's letter.
                    case .forged: isSigned ? bank.signature(header, body + [0x21]) : []
                    default: []
                    }
                }, &simulation.faults)
        }
        let isAtHome = claim == .authentic && !isSigned
        simulation.tell(
            "letter \(letter.number) from \(author) (\(claim), signed: \(isSigned)) "
                + "to \(name) at \(site.name)")
        try await MailProgram(
            simulation: simulation, network: (isAtHome ? bankHost : strangerHost).network,
            ledger: ledger, server: SocketAddress(site.host.addresses[0], port: 25)
        ).post(letter)
    }

    /// Foreign hosts send a notification to each reverse-path of ours that came to them.
    private func answerForwarded() async throws {
        while true {
            try await simulation.sleep(for: .minutes(10))
            for (host, foreigner) in zip(foreignHosts, foreigners) {
                let first = returned[host.name] ?? 0
                returned[host.name] = foreigner.messages.count
                for message in foreigner.messages[first...] {
                    try await answer(message, from: host)
                }
            }
        }
    }

    private func answer(_ message: ForeignHost.Message, from host: SimulatedHost) async throws {
        guard message.reversePath.hasPrefix("SRS0="),
            let number = Witness.Summary.letter(in: message.octets[...]),
            let original = ledger.letters[number].reversePath.address
        else { return }
        let path = try Address(message.reversePath)
        senders[path] = original
        let daemon = try Address("mailer-daemon@elsewhere.example")
        let letter = ledger.write { number in
            Letter(
                number, from: .null, author: daemon, to: [path], octets: 100,
                isFromStranger: false, claim: .returned(to: original), &simulation.faults)
        }
        let site = simulation.faults.pick([primary, primary, backup])
        simulation.tell("letter \(letter.number) answers \(number) to \(path) at \(site.name)")
        try await MailProgram(
            simulation: simulation, network: host.network, ledger: ledger,
            server: SocketAddress(site.host.addresses[0], port: 25)
        ).post(letter)
    }
}
