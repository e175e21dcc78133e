// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Our name server, and other programs that share a key with it.
private struct Exchange {
    let stage: Stage
    let host: Postreiter
    let key: PeerKey

    static let zone = "transfer.test"

    /// Enough records that a difference is shorter than the zone.
    static let records = (0..<40).map { "host\($0) A 192.0.2.\($0)\n" }.joined()

    static func text(serial: Int = 1, _ more: String = "") -> String {
        """
        $ORIGIN \(zone).
        $TTL 300
        @ SOA ns hostmaster \(serial) 3600 900 86400 60
        @ NS ns
        ns A 127.0.0.1
        \(records)\(more)

        """
    }

    init(_ stage: Stage, zone: String? = Exchange.text()) async throws {
        self.stage = stage
        host = try await Postreiter(stage)
        let answer = try await host.command("zone", "key", "add", "peer.key")
        let secret = answer.output.split(separator: "\n").first { $0.hasPrefix("secret ") }
        key = PeerKey(
            name: "peer.key", secret: String(try #require(secret, "\(answer)").dropFirst(7)))
        guard let zone else { return }
        let file = try stage.write(zone, to: "\(Self.zone).zone")
        try await command("zone", "import", file, "--force")
    }

    @discardableResult
    func command(_ arguments: String...) async throws -> String {
        let result = try await host.command(arguments)
        try #require(result.status == 0, "\(arguments): \(result.output)")
        return result.output
    }

    var port: String { "\(Postreiter.Port.dns)" }

    /// What dig prints about us.
    func dig(_ arguments: [String], isSigned: Bool = true) async throws -> String {
        try await stage.run(
            "dig",
            ["@\(host.address)", "-p", port, "+time=5", "+norec"]
                + (isSigned ? ["-y", key.argument] : []) + arguments
        ).output
    }

    /// What another server answers, in short.
    func ask(_ address: String, _ port: Int, _ name: String, _ type: String) async throws -> String
    {
        try await stage.run(
            "dig", ["@\(address)", "-p", "\(port)", "+time=1", "+tries=1", "+short", name, type]
        ).output
    }

    /// Waits until a server answers something.
    func answers(
        _ address: String, _ port: Int, _ name: String, _ type: String, _ expected: String
    ) async -> Bool {
        await isTrue(within: .seconds(30)) {
            let output = (try? await ask(address, port, name, type)) ?? ""
            return output.contains(expected)
        }
    }

    /// Sends an update by nsupdate; the status, and what it printed.
    func update(
        _ lines: String..., key: String? = nil, isStream: Bool = false, zone: String = zone
    ) async throws -> (status: Int32?, output: String) {
        let script = ["server \(host.address) \(port)", "zone \(zone)"] + lines + ["send", ""]
        return try await stage.run(
            "nsupdate", (isStream ? ["-v"] : []) + ["-y", key ?? self.key.argument],
            input: script.joined(separator: "\n"))
    }
}

@Suite("Zone transfer and dynamic update with real programs", .serialized)
struct ZoneExchangeProgramTests {
    @Test(
        "dig and kdig transfer with the key, whole and by differences; strangers get nothing",
        .installed("dig"), .installed("kdig"))
    func clients() async throws {
        try await withStage { stage in
            let exchange = try await Exchange(stage)
            #expect(
                try await exchange.dig([Exchange.zone, "AXFR"], isSigned: false)
                    .contains("Transfer failed"))
            #expect(
                try await exchange.dig([Exchange.zone, "AXFR"]).contains("Transfer failed"))
            try await exchange.command(
                "zone", "transfer", "allow", Exchange.zone, "--key", "peer.key")
            let whole = try await exchange.dig([Exchange.zone, "AXFR"])
            #expect(whole.contains("XFR size: 44 records"), "\(whole)")
            #expect(!whole.contains("verify"), "\(whole)")
            try await exchange.command(
                "zone", "record", "add", "new.\(Exchange.zone)", "A", "192.0.2.200", "--force")
            // RFC 1995 §4: new SOA, old SOA, what goes, new SOA, what comes, new SOA.
            for way in ["+tcp", "+notcp"] {
                let part = try await exchange.dig([way, Exchange.zone, "IXFR=1"])
                #expect(part.contains("192.0.2.200") && !part.contains("host1."), "\(part)")
                let starts = part.split(separator: "\n").count { $0.contains("IN\tSOA") }
                #expect(starts == 4, "\(way) \(part)")
            }
            let current = try await exchange.dig(["+tcp", Exchange.zone, "IXFR=2"])
            #expect(current.contains("XFR size: 1 records"), "\(current)")
            let unknown = try await exchange.dig(["+tcp", Exchange.zone, "IXFR=77"])
            #expect(unknown.contains("XFR size:"), "\(unknown)")
            let kdig = try await stage.run(
                "kdig",
                [
                    "@\(exchange.host.address)", "-p", exchange.port, "-y", exchange.key.argument,
                    Exchange.zone, "AXFR",
                ]
            ).output
            #expect(kdig.contains("192.0.2.200") && kdig.contains("45 records"), "\(kdig)")
            let kdigPart = try await stage.run(
                "kdig",
                [
                    "@\(exchange.host.address)", "-p", exchange.port, "-y", exchange.key.argument,
                    Exchange.zone, "IXFR=1",
                ]
            ).output
            #expect(kdigPart.contains("192.0.2.200"), "\(kdigPart)")
            let wrong = try await stage.run(
                "dig",
                [
                    "@\(exchange.host.address)", "-p", exchange.port, "-y",
                    "hmac-sha256:peer.key:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB", Exchange.zone, "SOA",
                ]
            ).output
            #expect(wrong.contains("NOTAUTH") && wrong.contains("BADSIG"), "\(wrong)")
            let other = try await stage.run(
                "dig",
                [
                    "@\(exchange.host.address)", "-p", exchange.port, "-y",
                    "hmac-sha1:peer.key:\(exchange.key.secret)", Exchange.zone, "SOA",
                ]
            ).output
            #expect(other.contains("NOTAUTH") && other.contains("BADKEY"), "\(other)")
            let signed = try await exchange.dig([Exchange.zone, "SOA"])
            #expect(signed.contains("NOERROR") && !signed.contains("Couldn't verify"), "\(signed)")
        }
    }

    @Test(
        "nsupdate: prerequisites of all forms, what is granted, and what is refused",
        .installed("nsupdate"), .installed("dig"))
    func nsupdate() async throws {
        try await withStage { stage in
            let exchange = try await Exchange(stage)
            let zone = Exchange.zone
            let add = "update add www.\(zone) 300 A 192.0.2.1"
            #expect(try await exchange.update(add).output.contains("REFUSED"))
            try await exchange.command("zone", "update", "allow", zone, "peer.key")
            for isStream in [false, true] {
                let added = try await exchange.update(
                    isStream ? "update add www.\(zone) 300 A 192.0.2.2" : add, isStream: isStream)
                #expect(added.status == 0, "\(added)")
            }
            // It is answered when nsupdate has its response.
            let answer = try await exchange.ask(
                exchange.host.address, Postreiter.Port.dns, "www.\(zone)", "A")
            #expect(answer.contains("192.0.2.1") && answer.contains("192.0.2.2"), "\(answer)")
            let table = [
                ("prereq yxdomain www.\(zone)", nil), ("prereq yxdomain no.\(zone)", "NXDOMAIN"),
                ("prereq nxdomain no.\(zone)", nil), ("prereq nxdomain www.\(zone)", "YXDOMAIN"),
                ("prereq yxrrset www.\(zone) A", nil),
                ("prereq yxrrset www.\(zone) MX", "NXRRSET"),
                ("prereq nxrrset www.\(zone) MX", nil),
                ("prereq nxrrset www.\(zone) A", "YXRRSET"),
                (
                    "prereq yxrrset www.\(zone) A 192.0.2.1\nprereq yxrrset www.\(zone) A 192.0.2.2",
                    nil
                ),
                ("prereq yxrrset www.\(zone) A 192.0.2.1", "NXRRSET"),
            ]
            for (number, (prerequisite, failure)) in table.enumerated() {
                let result = try await exchange.update(
                    prerequisite, "update add t\(number).\(zone) 60 TXT \"\(number)\"")
                let text = try await exchange.ask(
                    exchange.host.address, Postreiter.Port.dns, "t\(number).\(zone)", "TXT")
                if let failure {
                    #expect(result.status != 0 && result.output.contains(failure), "\(result)")
                    #expect(text.isEmpty, "\(prerequisite)")
                } else {
                    #expect(result.status == 0, "\(prerequisite) \(result)")
                    #expect(text.contains("\(number)"))
                }
            }
            let outside = try await exchange.update("update add www.other.test 60 A 192.0.2.1")
            #expect(outside.output.contains("NOTZONE"), "\(outside)")
            let elsewhere = try await exchange.update(
                "update add www.other.test 60 A 192.0.2.1", zone: "other.test")
            #expect(elsewhere.output.contains("REFUSED"), "\(elsewhere)")
            let servers = try await exchange.update("update add \(zone) 60 NS ns2.other.test.")
            #expect(servers.output.contains("REFUSED"), "\(servers)")
            let stranger = try await exchange.update(
                "update add x.\(zone) 60 A 192.0.2.1",
                key: "hmac-sha256:peer.key:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB")
            #expect(stranger.status != 0 && stranger.output.contains("BADSIG"), "\(stranger)")
            let deleted = try await exchange.update("update delete www.\(zone)")
            #expect(deleted.status == 0, "\(deleted)")
            let history = try await exchange.command("zone", "history", zone)
            #expect(history.contains("key peer.key") && history.contains("dynamic update"))
        }
    }

    @Test(
        "NSD as our secondary: notified with the key, it follows by AXFR and then IXFR",
        .installed("nsd"), .installed("dig"))
    func secondaryNSD() async throws {
        try await withStage { stage in
            let exchange = try await Exchange(stage)
            let (zone, host) = (Exchange.zone, exchange.host)
            try await exchange.command("zone", "transfer", "allow", "*", "--key", "peer.key")
            let nsd = try await NSD(
                stage, address: stage.address(), zones: [zone: ""], key: exchange.key,
                options: [
                    "request-xfr: \(host.address)@\(exchange.port) peer.key",
                    "allow-notify: \(host.address) peer.key",
                ])
            try await exchange.command(
                "zone", "notify", "add", zone, "\(nsd.address):\(nsd.port)", "--key", "peer.key")
            let isCopied = await exchange.answers(
                nsd.address, nsd.port, "host7.\(zone)", "A", "192.0.2.7")
            #expect(isCopied, "\(nsd.process.output)")
            let isWhole = await host.hasLogged("kind=whole")
            #expect(isWhole)
            try await exchange.command(
                "zone", "record", "add", "new.\(zone)", "A", "192.0.2.200", "--force")
            let isThere = await exchange.answers(
                nsd.address, nsd.port, "new.\(zone)", "A", "192.0.2.200")
            #expect(isThere, "\(nsd.process.output)\n\(host.log)")
            let isPart = await host.hasLogged("kind=differences")
            #expect(isPart, "\(host.log)")
        }
    }

    @Test(
        "NSD as our primary: its notification brings its changes here, and a restart serves them",
        .installed("nsd"), .installed("dig"))
    func primaryNSD() async throws {
        try await withStage { stage in
            let exchange = try await Exchange(stage, zone: nil)
            let (zone, host) = (Exchange.zone, exchange.host)
            let nsd = try await NSD(
                stage, address: stage.address(), zones: [zone: Exchange.text()],
                key: exchange.key,
                options: [
                    "provide-xfr: \(host.address) peer.key",
                    "notify: \(host.address)@\(exchange.port) peer.key",
                    "store-ixfr: yes", "create-ixfr: yes",
                ])
            try await exchange.command(
                "zone", "secondary", "add", zone, "\(nsd.address):\(nsd.port)", "--key",
                "peer.key")
            let isCopied = await exchange.answers(
                host.address, Postreiter.Port.dns, "host7.\(zone)", "A", "192.0.2.7")
            #expect(isCopied, "\(host.log)")
            try stage.write(
                Exchange.text(serial: 2, "new A 192.0.2.200\n"),
                to: "nsd-\(nsd.address)/\(zone).zone")
            kill(nsd.process.id, SIGHUP)
            let isThere = await exchange.answers(
                host.address, Postreiter.Port.dns, "new.\(zone)", "A", "192.0.2.200")
            #expect(isThere, "\(nsd.process.output)\n\(host.log)")
            let list = try await exchange.command("zone", "secondary", "list")
            #expect(list.contains(zone) && list.contains(" 2 "), "\(list)")
            await nsd.process.end()
            await host.stop()
            try await host.start()
            let answer = try await exchange.ask(
                host.address, Postreiter.Port.dns, "new.\(zone)", "A")
            #expect(answer.contains("192.0.2.200"), "\(answer)")
        }
    }

    @Test(
        "Knot as our primary: its changes come as differences",
        .installed("knotd"), .installed("knotc"), .installed("dig"))
    func primaryKnot() async throws {
        try await withStage { stage in
            let exchange = try await Exchange(stage, zone: nil)
            let (zone, host) = (Exchange.zone, exchange.host)
            let knot = try await Knot(
                stage, address: stage.address(), zones: [zone: Exchange.text()],
                peer: .init(
                    address: host.address, port: Postreiter.Port.dns, key: exchange.key),
                options: ["notify: peer"])
            try await exchange.command(
                "zone", "secondary", "add", zone, "\(knot.address):\(knot.port)", "--key",
                "peer.key")
            let isCopied = await exchange.answers(
                host.address, Postreiter.Port.dns, "host7.\(zone)", "A", "192.0.2.7")
            #expect(isCopied, "\(host.log)")
            for number in 1...3 {
                try await knot.control(stage, "zone-begin", zone)
                try await knot.control(
                    stage, "zone-set", zone, "new\(number)", "60", "A", "192.0.2.20\(number)")
                try await knot.control(stage, "zone-unset", zone, "host\(number)")
                try await knot.control(stage, "zone-commit", zone)
                let isThere = await exchange.answers(
                    host.address, Postreiter.Port.dns, "new\(number).\(zone)", "A",
                    "192.0.2.20\(number)")
                #expect(isThere, "\(knot.process.output)\n\(host.log)")
            }
            let isPart = await host.hasLogged("kind=differences")
            #expect(isPart, "\(host.log)")
            let gone = try await exchange.ask(
                host.address, Postreiter.Port.dns, "host2.\(zone)", "A")
            #expect(gone.isEmpty)
        }
    }

    @Test(
        "Knot sets up what our catalog lists, and takes down what it lists no more",
        .installed("knotd"), .installed("dig"))
    func catalogKnot() async throws {
        try await withStage { stage in
            let exchange = try await Exchange(stage)
            let (zone, host) = (Exchange.zone, exchange.host)
            try await exchange.command("zone", "transfer", "allow", "*", "--key", "peer.key")
            try await exchange.command("zone", "catalog", "add", "catalog.test")
            let knot = try await Knot(
                stage, address: stage.address(), zones: ["catalog.test": ""],
                peer: .init(
                    address: host.address, port: Postreiter.Port.dns, key: exchange.key),
                options: [
                    "master: peer", "catalog-role: interpret", "catalog-template: member",
                ],
                template: [
                    "  - id: member", "    storage: \"\(stage.folder.path)\"",
                    "    zonefile-sync: -1", "    master: peer", "    acl: peer",
                ])
            try await exchange.command(
                "zone", "notify", "add", "*", "\(knot.address):\(knot.port)", "--key", "peer.key")
            let isThere = await exchange.answers(
                knot.address, knot.port, "host7.\(zone)", "A", "192.0.2.7")
            #expect(isThere, "\(knot.process.output)")
            let file = try stage.write(
                Exchange.text().replacing(zone, with: "second.test"), to: "second.test.zone")
            try await exchange.command("zone", "import", file, "--force")
            let isSecondThere = await exchange.answers(
                knot.address, knot.port, "host7.second.test", "A", "192.0.2.7")
            #expect(isSecondThere, "\(knot.process.output)\n\(host.log)")
            try await exchange.command("zone", "remove", zone, "--force")
            let isGone = await isTrue(within: .seconds(30)) {
                let output = try? await stage.run(
                    "dig", ["@\(knot.address)", "-p", "\(knot.port)", "+time=1", zone, "SOA"]
                ).output
                return output?.contains("REFUSED") == true
            }
            #expect(isGone, "\(knot.process.output)")
        }
    }

    @Test(
        "A domain whose zone Knot keeps gets our mail records by update, and keeps its own",
        .installed("knotd"), .installed("dig"))
    func pushToKnot() async throws {
        try await withStage { stage in
            let exchange = try await Exchange(stage, zone: nil)
            let (zone, host) = (Exchange.zone, exchange.host)
            let knot = try await Knot(
                stage, address: stage.address(),
                zones: [zone: Exchange.text(serial: 1, "_dmarc TXT \"v=DMARC1; p=reject\"\n")],
                peer: .init(
                    address: host.address, port: Postreiter.Port.dns, key: exchange.key))
            try await exchange.command("domain", "add", zone)
            try await exchange.command(
                "zone", "push", "set", zone, "\(knot.address):\(knot.port)", "--key", "peer.key")
            let preview = try await exchange.command("zone", "push", "now", zone, "--dry-run")
            #expect(preview.contains("+") && preview.contains("MX"), "\(preview)")
            #expect(try await exchange.ask(knot.address, knot.port, zone, "MX").isEmpty)
            let pushed = try await exchange.command("zone", "push", "now", zone)
            #expect(pushed.contains("MX"), "\(pushed)")
            let mx = try await exchange.ask(knot.address, knot.port, zone, "MX")
            #expect(mx.contains("10 \(host.hostName)."), "\(mx)")
            let spf = try await exchange.ask(knot.address, knot.port, zone, "TXT")
            #expect(spf.contains("v=spf1"), "\(spf)")
            let policy = try await exchange.ask(knot.address, knot.port, "_dmarc.\(zone)", "TXT")
            #expect(policy.contains("p=reject") && !policy.contains("p=none"), "\(policy)")
            // Once more: there is nothing left to do.
            let again = try await exchange.command("zone", "push", "now", zone)
            #expect(!again.contains("+") || again.isEmpty, "\(again)")
        }
    }
}
