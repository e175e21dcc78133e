// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The program itself, set up for a trial on one loopback address and serving.
///
/// Unchecked: used by the one task of its test.
final class Postreiter: @unchecked Sendable {
    let address: String
    let domain: String
    let account: String
    let password = "correct horse battery staple"
    let configuration: String
    let data: String
    let stage: Stage
    private let environment: [String: String]
    private let passwordFile: String
    private(set) var server: ChildProcess?

    /// What TESTED_BINARY names, or what the build puts beside the tests.
    static let binary =
        ProcessInfo.processInfo.environment["TESTED_BINARY"]
        ?? URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("postreiter").path

    /// The ports of `postreiter setup --trial`.
    enum Port {
        static let smtp = 2525
        static let submission = 2587
        static let submissions = 2465
        static let pop3 = 2110
        static let pop3s = 2995
        static let imap = 2143
        static let imaps = 2993
        static let managesieve = 2190
        static let dns = 2053
    }

    /// Sets it up and starts it, unless `serving` is false.
    ///
    /// `zones`: further master files by origin, which its name server answers for; `environment`
    /// overrides keys of the configuration.
    init(
        _ stage: Stage, domain: String = "own.test", zones: [String: String] = [:],
        address: String? = nil, dataFolder: String? = nil, environment: [String: String] = [:],
        serving: Bool = true
    ) async throws {
        self.stage = stage
        self.domain = domain
        self.environment = environment
        self.address = address ?? stage.address()
        account = "alice@\(domain)"
        let name = "postreiter-\(stage.address())"
        data = try dataFolder ?? stage.makeFolder("\(name)/data")
        configuration = stage.path("\(name)/postreiter.yaml")
        passwordFile = try stage.write(password + "\n", to: "\(name)/password")
        let setup = try await stage.run(
            Self.binary,
            [
                "setup", domain, "--config", configuration, "--data-folder", data, "--trial",
                self.address, "--account", account, "--password-file", passwordFile,
            ])
        try #require(setup.status == 0, "\(setup.output)")
        for (origin, text) in zones.sorted(by: { $0.key < $1.key }) {
            try Data(text.utf8).write(
                to: URL(fileURLWithPath: "\(data)/zones/\(origin).zone"))
        }
        if serving { try await start() }
    }

    var hostName: String { "mx1.\(domain)" }
    var certificate: String { data + "/certificate.pem" }
    var privateKey: String { data + "/private-key.pem" }
    var log: String { server?.output ?? "" }

    /// Waits until the log has all these texts.
    ///
    /// A line is written beside what it tells of: it may come after the reply that a test has read.
    func hasLogged(_ texts: String..., within limit: Duration = .seconds(20)) async -> Bool {
        let clock = ContinuousClock()
        let end = clock.now + limit
        for text in texts {
            let isThere = await server?.hasPrinted(text, within: max(.zero, end - clock.now))
            guard isThere == true else { return false }
        }
        return true
    }

    func start() async throws {
        let server = try launch()
        // The last address that it takes; one that has ended by itself need not be waited for.
        let serves = await isTrue(within: .seconds(30)) {
            guard server.isRunning else { return true }
            return await isListening(address, Port.dns, within: .zero)
        }
        // Ports are taken before the store is opened: only a greeting says that it serves.
        let host = address
        let awaitsProxy = environment["POSTREITER_TRUST_PROXY_PROTOCOL"] != nil
        let greeting = try? await onThread {
            let wire = try Wire(host, Port.smtp)
            if awaitsProxy { try wire.write("PROXY UNKNOWN\r\n") }
            return try wire.readReply()
        }
        try #require(
            serves && server.isRunning && greeting?.hasPrefix("220") == true,
            "postreiter does not serve: \(server.output)")
    }

    /// `serve` without waiting for anything.
    @discardableResult
    func launch() throws -> ChildProcess {
        let server = try stage.start(
            Self.binary, ["serve", "--config", configuration], environment: environment)
        self.server = server
        return server
    }

    /// Tries to serve, which is to fail soon.
    func refusal() async throws -> (status: Int32?, output: String) {
        let server = try launch()
        let status = await server.status(within: .seconds(20))
        return (status, server.output)
    }

    func stop() async { await server?.end() }
    func stop(within grace: Duration) async { await server?.end(within: grace) }
    func crash() async { await server?.crash() }

    /// A line such as VmHWM of /proc/PID/status, in KiB.
    func memory(_ key: String) throws -> Int {
        let id = try #require(server).id
        let status = try String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix(key + ":") }
        return try #require(line?.split { !$0.isNumber }.first.flatMap { Int($0) })
    }

    /// Waits until nothing is left to deliver; returns what waits still, empty if nothing.
    func waitUntilDelivered(within limit: Duration = .seconds(30)) async throws -> String {
        let clock = ContinuousClock()
        let end = clock.now + limit
        while true {
            let queue = try await command("queue", "destinations", "--json").output
            if queue.contains("\"destinations\":[]") { return "" }
            if clock.now > end { return queue }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    /// A command of the command line, about this server.
    func command(_ arguments: String...) async throws -> (status: Int32?, output: String) {
        try await command(arguments)
    }

    func command(_ arguments: [String]) async throws -> (status: Int32?, output: String) {
        try await stage.run(
            Self.binary, arguments + ["--config", configuration], environment: environment,
            within: .seconds(60))
    }

    /// A zone whose only exchanger is at an address.
    static func zone(_ origin: String, exchanger address: String) -> String {
        """
        $ORIGIN \(origin).
        $TTL 60
        @ SOA ns hostmaster 1 3600 900 86400 60
        @ NS ns
        ns A 127.0.0.1
        @ MX 10 mx
        mx A \(address)

        """
    }

    /// swaks over STARTTLS or, on the port for it, TLS, with the account's password.
    func submit(
        to recipient: String, subject: String, port: Int = Port.submission,
        mechanism: String = "PLAIN", from: String? = nil, password: String? = nil,
        options: [String] = []
    ) async throws -> (status: Int32?, output: String) {
        try await stage.swaks(
            server: address, port: port, from: from ?? account, to: recipient,
            [
                port == Port.submissions ? "--tls-on-connect" : "--tls", "--auth", mechanism,
                "--auth-user", account, "--auth-password", password ?? self.password, "--header",
                "Subject: \(subject)",
            ] + options)
    }

    /// The account's messages, read by curl over TLS.
    func mailbox() async throws -> [String] {
        let list = try await stage.curl(
            "pop3s", server: address, port: Port.pop3s, user: account, password: password)
        try #require(list.status == 0, "\(list.output)")
        var messages: [String] = []
        for number in list.output.split(whereSeparator: \.isNewline).indices.enumerated() {
            let message = try await stage.curl(
                "pop3s", server: address, port: Port.pop3s, user: account, password: password,
                message: number.offset + 1)
            try #require(message.status == 0, "\(message.output)")
            messages.append(message.output)
        }
        return messages
    }

    /// The account's messages, however many and large, over one connection.
    func wholeMailbox() async throws -> [Data] {
        let list = try await stage.curl(
            "pop3s", server: address, port: Port.pop3s, user: account, password: password)
        try #require(list.status == 0, "\(list.output)")
        let count = list.output.split(whereSeparator: \.isNewline).count
        guard count > 0 else { return [] }
        let name = "mailbox-\(UUID().uuidString)"
        let folder = try stage.makeFolder(name)
        let login = try stage.write("user = \"\(account):\(password)\"\n", to: "\(name).curl")
        let read = try await stage.run(
            "curl",
            [
                "--silent", "--show-error", "--insecure", "--config", login, "--output",
                "\(folder)/#1", "pop3s://\(address):\(Port.pop3s)/[1-\(count)]",
            ], within: .seconds(600))
        try #require(read.status == 0, "\(read.output)")
        return try (1...count).map {
            try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))
        }
    }

    /// Waits until the account has so many messages.
    func mailbox(count: Int, within limit: Duration = .seconds(30)) async throws -> [String] {
        let clock = ContinuousClock()
        let end = clock.now + limit
        var messages = try await mailbox()
        while messages.count < count, clock.now < end {
            try await Task.sleep(for: .milliseconds(100))
            messages = try await mailbox()
        }
        return messages
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips the test unless the program has been built beside the tests.
    static var built: Self {
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: Postreiter.binary),
            "\(Postreiter.binary) is not built")
    }
}
