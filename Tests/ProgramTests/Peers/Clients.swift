// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension Stage {
    /// `dig +short`, or all that dig says with `full`.
    func dig(
        _ server: String, port: Int, _ question: String..., tcp: Bool = false, full: Bool = false
    ) async throws -> String {
        let answer = try await run(
            "dig",
            ["@\(server)", "-p", "\(port)", "+time=3", "+tries=2", tcp ? "+tcp" : "+notcp"]
                + (full ? [] : ["+short"]) + question)
        #expect(answer.status == 0, "\(answer.output)")
        return answer.output
    }

    /// swaks with these options; the output is the whole dialogue.
    func swaks(
        server: String, port: Int, from: String, to: String, _ options: [String] = []
    ) async throws -> (status: Int32?, output: String) {
        try await run(
            "swaks",
            [
                "--server", server, "--port", "\(port)", "--from", from, "--to", to,
                "--helo", "client.test", "--timeout", "20",
            ] + options)
    }

    /// smtp-source: so many messages of so many octets over so many connections at a time.
    func smtpSource(
        server: String, port: Int, from: String, to: String, messages: Int, octets: Int = 1024,
        sessions: Int = 1
    ) async throws -> (status: Int32?, output: String) {
        try await run(
            "smtp-source",
            [
                "-d", "-m", "\(messages)", "-l", "\(octets)", "-s", "\(sessions)", "-f", from,
                "-t", to, "-M", "client.test", "\(server):\(port)",
            ], within: .seconds(60))
    }

    /// curl reads a mailbox: the list of messages, or one of them.
    func curl(
        _ scheme: String, server: String, port: Int, user: String, password: String,
        message: Int? = nil, options: [String] = []
    ) async throws -> (status: Int32?, output: String) {
        let configuration = try write(
            "user = \"\(user):\(password)\"\n", to: "curl-\(UUID().uuidString)")
        return try await run(
            "curl",
            [
                "--silent", "--show-error", "--insecure", "--max-time", "20", "--config",
                configuration, "\(scheme)://\(server):\(port)/\(message.map(String.init) ?? "")",
            ] + options)
    }

    /// fetchmail takes all messages by POP3 and appends them to a file, which is returned.
    func fetchmail(
        server: String, port: Int, user: String, password: String, ssl: String
    ) async throws -> (status: Int32?, output: String, mail: String) {
        let name = "fetchmail-\(UUID().uuidString)"
        let mail = path(name + ".mbox")
        try write("", to: name + ".mbox")
        let file = try write(
            """
            set no bouncemail
            poll "\(server)" protocol pop3 port \(port) uidl
              user "\(user)" password "\(password)" \(ssl) nokeep
              mda "cat >> \(mail)"

            """, to: name)
        #expect(chmod(file, 0o600) == 0)
        let done = try await run(
            "fetchmail",
            [
                "-f", file, "--nodetach", "-v", "--idfile", path(name + ".ids"), "--pidfile",
                path(name + ".pid"),
            ])
        return (done.status, done.output, try String(contentsOfFile: mail, encoding: .utf8))
    }

    /// openssl s_client says what it finds, and sends `input`.
    func openssl(
        server: String, port: Int, startTLS: String? = nil, name: String,
        trusting certificate: String, input: String = "QUIT\r\n"
    ) async throws -> String {
        try await run(
            "openssl",
            [
                "s_client", "-connect", "\(server):\(port)", "-servername", name, "-CAfile",
                certificate, "-verify_hostname", name, "-ign_eof",
            ] + (startTLS.map { ["-starttls", $0] } ?? []), input: input
        ).output
    }
}
