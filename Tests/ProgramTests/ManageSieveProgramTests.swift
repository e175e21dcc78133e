// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Programs of other people keep scripts by ManageSieve", .serialized, .built)
struct ManageSieveProgramTests {
    @Test(
        "sieve-connect stores, lists, fetches, activates and deletes a script",
        .installed("sieve-connect"))
    func sieveConnect() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let script = "require [\"fileinto\", \"mailbox\"];\r\nfileinto :create \"Work\";\r\n"
            let file = try stage.write(script, to: "work.sieve")
            let wrong = try stage.write("fileinto;\r\n", to: "wrong.sieve")
            func connect(_ arguments: String...) async throws -> (status: Int32?, output: String) {
                try await stage.run(
                    "sieve-connect",
                    [
                        "--server", host.address, "--port", "\(Postreiter.Port.managesieve)",
                        "--user", host.account, "--passwordfd", "0", "--authmech", "PLAIN",
                        "--notlsverify",
                    ] + arguments, input: host.password + "\n")
            }
            let stored = try await connect(
                "--upload", "--localsieve", file, "--remotesieve", "work")
            #expect(stored.status == 0, "\(stored.output)\n\(host.log)")
            let active = try await connect("--activate", "--remotesieve", "work")
            #expect(active.status == 0, "\(active.output)")
            let list = try await connect("--list")
            #expect(list.output.contains("\"work\" ACTIVE"), "\(list.output)")
            let copy = stage.path("copy.sieve")
            let fetched = try await connect(
                "--download", "--remotesieve", "work", "--localsieve", copy)
            #expect(fetched.status == 0, "\(fetched.output)")
            #expect(try String(contentsOfFile: copy, encoding: .utf8) == script)
            let refused = try await connect(
                "--upload", "--localsieve", wrong, "--remotesieve", "wrong")
            #expect(refused.output.contains("line 1"), "\(refused.output)")
            let none = try await connect("--deactivate")
            #expect(none.status == 0, "\(none.output)")
            let deleted = try await connect("--delete", "--remotesieve", "work")
            #expect(deleted.status == 0, "\(deleted.output)")
            let left = try await connect("--list")
            #expect(!left.output.contains("work"), "\(left.output)")
        }
    }

    @Test(
        "openssl shakes hands by STARTTLS and hears the capabilities again", .installed("openssl"))
    func openssl() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let told = try await stage.run(
                "openssl",
                [
                    "s_client", "-starttls", "sieve", "-quiet", "-connect",
                    "\(host.address):\(Postreiter.Port.managesieve)",
                ], input: "NOOP \"here\"\r\nLOGOUT\r\n")
            #expect(
                told.output.contains("\"SASL\" \"SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\""),
                "\(told.output)")
            #expect(told.output.contains("\"NOTIFY\" \"mailto\""), "\(told.output)")
            #expect(told.output.contains("\"EXTLISTS\" \"urn\""), "\(told.output)")
            #expect(told.output.contains("OK (TAG \"here\")"), "\(told.output)")
        }
    }

    /// Speaks ManageSieve, and lets GNU SASL answer what the mechanism asks.
    private static let client = #"""
        import socket, ssl, subprocess, sys

        host, port, account, password, mechanism, security = sys.argv[1:]

        def line():
            return file.readline().decode().rstrip("\r\n")

        def send(text):
            file.write(text.encode() + b"\r\n")
            file.flush()

        def offer():
            lines = [line()]
            while not lines[-1].startswith("OK"):
                lines.append(line())
            return next(line for line in lines if line.startswith('"SASL"'))

        connection = socket.create_connection((host, int(port)), 30)
        file = connection.makefile("rwb")
        offered = offer()
        if security == "tls":
            send("STARTTLS")
            assert line().startswith("OK")
            connection = ssl._create_unverified_context().wrap_socket(connection)
            file = connection.makefile("rwb")
            offered = offer()
        print(offered)

        gsasl = subprocess.Popen(
            ["gsasl", "--quiet", "--client", "--mechanism", mechanism,
             "--authentication-id", account, "--password", password],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def feed(text):
            gsasl.stdin.write(text.encode() + b"\n")
            gsasl.stdin.flush()

        def token():
            text = b""
            while not text.endswith(b"\n"):
                octet = gsasl.stdout.read(1)
                assert octet, text
                text += octet
                if text.endswith(b" channel binding: "):
                    feed("")
                    text = b""
            text = text.decode().rstrip("\n")
            return token() if text == mechanism else text

        send('AUTHENTICATE "%s" "%s"' % (mechanism, token()))
        answer = line()
        # The server's proof is answered with nothing, or, if it is false, by an end.
        while answer.startswith('"'):
            feed(answer.strip('"'))
            send('"%s"' % token())
            answer = line()
        gsasl.kill()
        print(answer)
        """#

    /// What a host offers, and how it answers GNU SASL.
    private static func attempt(
        _ host: Postreiter, _ account: String, _ password: String,
        mechanism: String = "SCRAM-SHA-1", security: String = "none"
    ) async throws -> String {
        let script = try host.stage.write(client, to: "client.py")
        let done = try await host.stage.run(
            "python3",
            [
                script, host.address, "\(Postreiter.Port.managesieve)", account, password,
                mechanism, security,
            ])
        #expect(done.status == 0, "\(done.output)\n\(host.log)")
        return done.output
    }

    private static let hiding = "\"SASL\" \"SCRAM-SHA-256 SCRAM-SHA-1\"\n"
    private static let isIn = "OK \"logged in\"\n"
    private static let isWrong = "NO \"wrong name or password\"\n"

    @Test(
        "GNU SASL logs in by SCRAM-SHA-1, with the password and with that of a device",
        .installed("gsasl", "python3"))
    func scram() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let (account, password) = (host.account, host.password)
            #expect(
                try await Self.attempt(host, account, password) == Self.hiding + Self.isIn)
            #expect(
                try await Self.attempt(host, account, "wrong horse") == Self.hiding + Self.isWrong)
            #expect(
                try await Self.attempt(host, "nobody@own.test", password)
                    == Self.hiding + Self.isWrong)
            for mechanism in ["SCRAM-SHA-1", "SCRAM-SHA-256"] {
                #expect(
                    try await Self.attempt(
                        host, account, password, mechanism: mechanism, security: "tls")
                        == Self.hiding.replacing("\"\n", with: " PLAIN LOGIN\"\n") + Self.isIn)
            }
            let made = try await host.command(
                "account", "app-password", "create", account, "phone", "--json")
            let phone = try #require(
                made.output.firstMatch(of: /([a-z0-9]{4}-){4}[a-z0-9]{4}/)?.output.0)
            #expect(
                try await Self.attempt(host, "\(account)/phone", String(phone))
                    == Self.hiding + Self.isIn)
            let used = try await host.command(
                "account", "app-password", "list", account, "--json")
            #expect(used.output.contains("managesieve"), "\(used.output)")
        }
    }

    @Test(
        "A password that an older release has kept opens by SCRAM-SHA-1 after a login by PLAIN",
        .installed("gsasl", "python3", "sqlite3", "curl"))
    func olderPassword() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            await host.stop()
            let forgotten = try await stage.run(
                "sqlite3",
                [
                    "\(host.data)/postreiter.sqlite",
                    "UPDATE directory_account SET sha1_verifier = NULL",
                ])
            try #require(forgotten.status == 0, "\(forgotten.output)")
            try await host.start()
            let (account, password) = (host.account, host.password)
            #expect(
                try await Self.attempt(host, account, password) == Self.hiding + Self.isWrong)
            #expect(await host.hasLogged("no keys for SCRAM-SHA-1 are kept yet"))
            #expect(try await host.mailbox().isEmpty)
            #expect(try await Self.attempt(host, account, password) == Self.hiding + Self.isIn)
            await host.stop()
            try await host.start()
            #expect(try await Self.attempt(host, account, password) == Self.hiding + Self.isIn)
        }
    }

    @Test(
        "A backup of an account brings SCRAM-SHA-1 back; who does not want it reloads without",
        .installed("gsasl", "python3"))
    func backup() async throws {
        try await withStage { stage in
            let old = try await Postreiter(stage)
            let new = try await Postreiter(stage)
            let (user, file) = ("dora@own.test", stage.path("dora.tar"))
            let password = try stage.write(old.password + "\n", to: "password")
            let added = try await old.command(
                "account", "add", user, "--password-file", password)
            try #require(added.status == 0, "\(added.output)")
            // It was never used, so no mailbox is in its backup.
            let saved = try await old.command("account", "backup", user, file)
            try #require(saved.status == 0, "\(saved.output)")
            let restored = try await new.command("account", "restore", file)
            try #require(restored.status == 0, "\(restored.output)")
            #expect(try await Self.attempt(new, user, old.password) == Self.hiding + Self.isIn)

            let settings = try String(contentsOfFile: new.configuration, encoding: .utf8)
            try Data((settings + "managesieve:\n  scram-sha-1: no\n").utf8).write(
                to: URL(fileURLWithPath: new.configuration))
            let reload = try await new.command("reload")
            #expect(reload.status == 0, "\(reload.output)")
            #expect(
                try await Self.attempt(new, user, old.password)
                    == "\"SASL\" \"SCRAM-SHA-256\"\nNO \"unknown mechanism\"\n")
        }
    }
}
