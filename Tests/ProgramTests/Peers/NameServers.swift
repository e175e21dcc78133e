// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A key that name servers share (TSIG).
struct PeerKey: Sendable {
    var name: String
    var secret: String

    /// For dig, kdig and nsupdate.
    var argument: String { "hmac-sha256:\(name):\(secret)" }
}

/// An nsd of its own with some zones.
struct NSD {
    let address: String
    let port: Int
    let process: ChildProcess

    /// Starts it with master files by origin; empty ones are copied from elsewhere.
    ///
    /// `options` are further lines for each zone.
    init(
        _ stage: Stage, address: String, port: Int = 5353, zones: [String: String],
        key: PeerKey? = nil, options: [String] = []
    ) async throws {
        self.address = address
        self.port = port
        let name = "nsd-\(address)"
        let folder = try stage.makeFolder(name)
        var configuration = """
            server:
              ip-address: \(address)@\(port)
              username: ""
              chroot: ""
              zonesdir: "\(folder)"
              database: ""
              pidfile: "\(folder)/nsd.pid"
              xfrdfile: "\(folder)/xfrd.state"
              zonelistfile: "\(folder)/zone.list"
              xfrdir: "\(folder)"
              cookie-secret-file: ""
              server-count: 1
              verbosity: 1
              rrl-ratelimit: 0
              ipv4-edns-size: 1232
            remote-control:
              control-enable: no

            """
        if let key {
            configuration += """
                key:
                  name: "\(key.name)"
                  algorithm: hmac-sha256
                  secret: "\(key.secret)"

                """
        }
        for (origin, text) in zones.sorted(by: { $0.key < $1.key }) {
            if !text.isEmpty { try stage.write(text, to: "\(name)/\(origin).zone") }
            configuration += "zone:\n  name: \"\(origin)\"\n  zonefile: \"\(origin).zone\"\n"
            for option in options { configuration += "  \(option)\n" }
        }
        let file = try stage.write(configuration, to: "\(name)/nsd.conf")
        process = try stage.start("nsd", ["-d", "-c", file])
        let isUp = await isListening(address, port)
        try #require(isUp, "nsd did not start: \(process.output)")
    }
}

/// A knotd of its own with some zones.
struct Knot {
    let address: String
    let port: Int
    let process: ChildProcess
    private let socket: String

    /// Another server that it has to do with, by a key.
    struct Peer {
        var address: String
        var port: Int
        var key: PeerKey
    }

    /// Starts it with master files by origin; empty ones are copied from elsewhere.
    ///
    /// A peer, which is called `peer` in `options`, further lines for each zone, may transfer, notify
    /// and update.
    init(
        _ stage: Stage, address: String, port: Int = 5353, zones: [String: String],
        peer: Peer? = nil, options: [String] = [], template: [String] = []
    ) async throws {
        self.address = address
        self.port = port
        let name = "knot-\(address)"
        let folder = try stage.makeFolder(name)
        socket = "\(folder)/knot.sock"
        var configuration = """
            server:
                rundir: "\(folder)"
                listen: \(address)@\(port)
                udp-max-payload: 1232
            database:
                storage: "\(folder)"
            control:
                listen: "\(socket)"

            """
        if let peer {
            configuration += """
                key:
                  - id: \(peer.key.name)
                    algorithm: hmac-sha256
                    secret: \(peer.key.secret)
                remote:
                  - id: peer
                    address: \(peer.address)@\(peer.port)
                    key: \(peer.key.name)
                acl:
                  - id: peer
                    key: \(peer.key.name)
                    action: [transfer, notify, update]

                """
        }
        configuration += """
            template:
              - id: default
                storage: "\(folder)"
                zonefile-sync: -1
                journal-content: \(peer == nil ? "none" : "changes")

            """
        for line in template { configuration += line + "\n" }
        configuration += "zone:\n"
        for (origin, text) in zones.sorted(by: { $0.key < $1.key }) {
            if !text.isEmpty { try stage.write(text, to: "\(name)/\(origin).zone") }
            configuration += "  - domain: \(origin)\n    file: \(origin).zone\n"
            if peer != nil { configuration += "    acl: peer\n" }
            for option in options { configuration += "    \(option)\n" }
        }
        let file = try stage.write(configuration, to: "\(name)/knot.conf")
        process = try stage.start("knotd", ["-c", file])
        let isUp = await isListening(address, port)
        try #require(isUp, "knotd did not start: \(process.output)")
    }

    /// Has it changed something while it runs.
    func control(_ stage: Stage, _ arguments: String...) async throws {
        let result = try await stage.run("knotc", ["--socket", socket] + arguments)
        try #require(result.status == 0, "\(arguments): \(result.output)")
    }
}

/// An unbound of its own that asks certain servers for certain zones, and nobody else.
struct Unbound {
    let address: String
    let port: Int
    private let process: ChildProcess

    /// `stubs`: `ADDRESS@PORT` of the server that is asked, by zone; `anchors`: DS or DNSKEY
    /// records that are trusted, without any nothing is validated.
    init(
        _ stage: Stage, address: String, port: Int = 5353, stubs: [String: String],
        anchors: [String] = []
    ) async throws {
        self.address = address
        self.port = port
        let name = "unbound-\(address)"
        let folder = try stage.makeFolder(name)
        var configuration = """
            server:
              interface: \(address)
              port: \(port)
              access-control: 127.0.0.0/8 allow
              do-not-query-localhost: no
              username: ""
              chroot: ""
              directory: "\(folder)"
              pidfile: "\(folder)/unbound.pid"
              use-syslog: no
              logfile: ""
              do-daemonize: no
              do-ip6: no
              module-config: "\(anchors.isEmpty ? "iterator" : "validator iterator")"
              local-zone: "test." nodefault
            remote-control:
              control-enable: no

            """
        if !anchors.isEmpty {
            let lines = anchors.map { "  trust-anchor: \"\($0)\"\n" }.joined()
            configuration += "server:\n" + lines
        }
        for (zone, server) in stubs.sorted(by: { $0.key < $1.key }) {
            configuration += "stub-zone:\n  name: \"\(zone)\"\n  stub-addr: \(server)\n"
        }
        let file = try stage.write(configuration, to: "\(name)/unbound.conf")
        process = try stage.start("unbound", ["-d", "-c", file])
        let isUp = await isListening(address, port)
        try #require(isUp, "unbound did not start: \(process.output)")
    }
}
