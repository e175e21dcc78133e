// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The program itself, set up for a trial on one loopback address and serving.
final class Postreiter {
    let address: String
    let domain: String
    let account: String
    let password = "correct horse battery staple"
    private let stage: Stage
    private let configuration: String
    private let data: String
    private let passwordFile: String
    private var server: ChildProcess?

    /// Beside the tests, where the build puts both.
    static let binary =
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("postreiter").path

    /// The ports of `postreiter setup --trial`.
    enum Port {
        static let smtp = 2525
        static let submission = 2587
        static let submissions = 2465
        static let pop3 = 2110
        static let pop3s = 2995
        static let dns = 2053
    }

    /// `zones`: further master files by origin, which its name server answers for.
    init(_ stage: Stage, domain: String = "own.test", zones: [String: String] = [:]) async throws {
        self.stage = stage
        self.domain = domain
        address = stage.address()
        account = "alice@\(domain)"
        let name = "postreiter-\(address)"
        data = try stage.makeFolder("\(name)/data")
        configuration = stage.path("\(name)/postreiter.yaml")
        passwordFile = try stage.write(password + "\n", to: "\(name)/password")
        let setup = try await stage.run(
            Self.binary,
            [
                "setup", domain, "--config", configuration, "--data-folder", data, "--trial",
                address, "--account", account, "--password-file", passwordFile,
            ])
        try #require(setup.status == 0, "\(setup.output)")
        for (origin, text) in zones.sorted(by: { $0.key < $1.key }) {
            try stage.write(text, to: "\(name)/data/zones/\(origin).zone")
        }
        try await start()
    }

    var hostName: String { "mx1.\(domain)" }
    var certificate: String { data + "/certificate.pem" }
    var privateKey: String { data + "/private-key.pem" }
    var log: String { server?.output ?? "" }

    func start() async throws {
        let server = try stage.start(Self.binary, ["serve", "--config", configuration])
        self.server = server
        let serves = await isListening(address, Port.dns)
        try #require(serves, "postreiter does not serve: \(server.output)")
        let takesMail = await isListening(address, Port.submissions)
        try #require(takesMail, "postreiter does not serve: \(server.output)")
    }

    func stop() async { await server?.end() }

    /// A command of the command line, about this server.
    func command(_ arguments: String...) async throws -> (status: Int32?, output: String) {
        try await stage.run(Self.binary, arguments + ["--config", configuration])
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
