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
                told.output.contains("\"SASL\" \"SCRAM-SHA-256 PLAIN LOGIN\""), "\(told.output)")
            #expect(told.output.contains("\"NOTIFY\" \"mailto\""), "\(told.output)")
            #expect(told.output.contains("\"EXTLISTS\" \"urn\""), "\(told.output)")
            #expect(told.output.contains("OK (TAG \"here\")"), "\(told.output)")
        }
    }
}
