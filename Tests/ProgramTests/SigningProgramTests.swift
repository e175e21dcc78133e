// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite(
    "Mail of hosted domains is signed, on the program itself, as dkimpy sees it", .built,
    .installed("swaks", "curl", "dig", "dkimverify"))
struct SigningProgramTests {
    /// Verifies every signature of a message; keys come from our name server.
    private static let script =
        dkimNames + """
            message = open(sys.argv[1], 'rb').read()
            for index in range(message.split(b'\\r\\n\\r\\n')[0].count(b'DKIM-Signature:')):
                one = dkim.DKIM(message)
                result = one.verify(idx=index, dnsfunc=names)
                algorithm = one.signature_fields[b'a'].decode()
                print(algorithm, one.domain.decode(), one.selector.decode(),
                      'pass' if result else 'fail')
            """

    /// What came of each signature, such as `rsa-sha256 own.test pr2026a-rsa pass`.
    private func signatures(
        _ message: String, _ host: Postreiter, _ stage: Stage
    ) async throws -> [String] {
        let script = try stage.write(Self.script, to: "verify.py")
        let file = try stage.write(message, to: "message.eml")
        let (_, output) = try await stage.run(
            "/usr/bin/python3", [script, file, host.address, "\(Postreiter.Port.dns)"])
        return output.split(separator: "\n").map(String.init)
    }

    private struct Key: Decodable {
        var selector: String
        var algorithm: String
        var state: String
        var signing: Bool
        var name: String
    }

    private struct Status: Decodable {
        var signs: Bool
        var place: String
        var keys: [Key]
    }

    private func status(_ host: Postreiter, _ command: String = "status") async throws -> Status {
        let (status, output) = try await host.command("dkim", command, "own.test", "--json")
        try #require(status == 0, "\(output)")
        return try JSONDecoder().decode(Status.self, from: Data(output.utf8))
    }

    /// Looks until keys with these endings are the ones that sign.
    private func waitUntil(_ host: Postreiter, signsWith endings: [String]) async throws -> Status {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(100)
        while true {
            let status = try await status(host)
            let signing = status.keys.filter(\.signing).map(\.selector)
            if signing.count == endings.count,
                zip(signing.sorted(), endings.sorted()).allSatisfy({ $0.hasSuffix($1) })
            {
                return status
            }
            try #require(clock.now < end, "\(status)\n\(host.log)")
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    private func message(_ subject: String, _ host: Postreiter) async throws -> String {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(30)
        while true {
            if let message = try await host.mailbox().first(where: { $0.contains(subject) }) {
                return message
            }
            try #require(clock.now < end, "\(host.log)")
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    @Test(
        "Keys come into the zone, are seen, sign what is submitted, and are replaced",
        .timeLimit(.minutes(20)))
    func life() async throws {
        try await withStage { stage in
            let host = try await Postreiter(
                stage, environment: ["POSTREITER_DKIM_CONFIRMATION_MINUTES": "0"])
            let first = try await waitUntil(host, signsWith: ["a-rsa", "a-ed"])
            #expect(first.place == "zone")
            for key in first.keys {
                let (_, record) = try await stage.run(
                    "dig",
                    [
                        "+short", "@\(host.address)", "-p", "\(Postreiter.Port.dns)", key.name,
                        "TXT",
                    ])
                #expect(record.hasPrefix("\"v=DKIM1; k=\(key.algorithm); p="), "\(record)")
            }
            let sent = try await host.submit(
                to: host.account, subject: "signed one",
                options: ["--body", "first  \\n.\\n..two\\n\\n\\tlast \\n\\n\\n"])
            #expect(sent.status == 0, "\(sent.output)")
            let one = try await message("signed one", host)
            let selectors = first.keys.map(\.selector)
            let rsa = try #require(selectors.first { $0.hasSuffix("rsa") })
            let edwards = try #require(selectors.first { $0.hasSuffix("ed") })
            #expect(
                try await signatures(one, host, stage) == [
                    "rsa-sha256 own.test \(rsa) pass", "ed25519-sha256 own.test \(edwards) pass",
                ])
            let forged = one.replacing("Subject: signed one", with: "Subject: forged one")
            #expect(
                try await signatures(forged, host, stage).allSatisfy { $0.hasSuffix("fail") })
            // A program of this machine.
            let left = try await stage.run(
                Postreiter.binary,
                [
                    "sendmail", "-C", host.configuration, "-t", "-i", "-f", "alice@own.test",
                ],
                input: "To: \(host.account)\nSubject: signed two\n\nbody\n.\nend\n")
            #expect(left.status == 0, "\(left.output)")
            let two = try await message("signed two", host)
            #expect(try await signatures(two, host, stage).count == 2)
            #expect(try await signatures(two, host, stage).allSatisfy { $0.hasSuffix("pass") })
            // A notification is signed by the domain above this host's name.
            let lost = try await host.submit(to: "x@gone.own.test", subject: "signed three")
            #expect(lost.status == 0, "\(lost.output)")
            let notice = try await message("MAILER-DAEMON", host)
            #expect(try await signatures(notice, host, stage).count == 2)
            #expect(try await signatures(notice, host, stage).allSatisfy { $0.hasSuffix("pass") })
            // Successors.
            let rotated = try await status(host, "rotate")
            #expect(rotated.keys.count == 4)
            let second = try await waitUntil(host, signsWith: ["b-rsa", "b-ed"])
            #expect(second.keys.filter { $0.state == "retired" }.count == 2)
            _ = try await host.submit(to: host.account, subject: "signed four")
            let four = try await message("signed four", host)
            #expect(
                try await signatures(four, host, stage).allSatisfy {
                    $0.contains("b-") && $0.hasSuffix("pass")
                })
            // What was signed before still verifies.
            #expect(try await signatures(one, host, stage).allSatisfy { $0.hasSuffix("pass") })
            // Everything goes on after a restart.
            await host.stop()
            try await host.start()
            #expect(try await status(host).signs)
            let again = try await host.command("dkim", "rotate", "nobody.example")
            #expect(again.status == 65, "\(again.output)")
        }
    }

    @Test("A domain is named as people write it, in any script", .timeLimit(.minutes(20)))
    func international() async throws {
        try await withStage { stage in
            let file = stage.path("key.pem")
            let (status, record) = try await stage.run(
                Postreiter.binary,
                [
                    "dkim", "keygen", "Bücher.example", "--algorithm", "ed25519", "--selector",
                    "s", "--output", file,
                ])
            #expect(status == 0, "\(record)")
            #expect(record.hasPrefix("s._domainkey.xn--bcher-kva.example."), "\(record)")
            let host = try await Postreiter(stage)
            let added = try await host.command("domain", "add", "bücher.example")
            #expect(added.status == 0, "\(added.output)")
            let known = await isTrue(within: .seconds(300)) {
                let keys = try? await host.command("dkim", "status", "BÜCHER.example")
                return keys?.status == 0 && keys?.output.contains("a-ed") == true
            }
            #expect(known, "\(host.log)")
            let named = try await host.command("dkim", "status", "bücher.example")
            #expect(
                named.output.contains("a-rsa._domainkey.xn--bcher-kva.example."), "\(named.output)")
            let json = try await host.command("dkim", "status", "bücher.example", "--json")
            #expect(json.output.contains(#""domain":"xn--bcher-kva.example""#), "\(json.output)")
        }
    }

    @Test("A key made without a server signs, and its file is for its owner alone")
    func offline() async throws {
        try await withStage { stage in
            for kind in ["rsa", "ed25519"] {
                let file = stage.path("\(kind).pem")
                let (status, record) = try await stage.run(
                    Postreiter.binary,
                    [
                        "dkim", "keygen", "example.org", "--algorithm", kind, "--selector", "s",
                        "--output", file,
                    ])
                #expect(status == 0, "\(record)")
                let attributes = try FileManager.default.attributesOfItem(atPath: file)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
                #expect(record.hasPrefix("s._domainkey.example.org."), "\(record)")
                let zone = try stage.write(record, to: "\(kind).zone")
                let plain = try stage.write(
                    "From: a@example.org\r\nSubject: x\r\n\r\nbody\r\n", to: "plain.eml")
                let signed = try await stage.run(
                    Postreiter.binary,
                    [
                        "dkim", "sign", plain, "--domain", "example.org", "--selector", "s",
                        "--key", file,
                    ])
                #expect(signed.status == 0, "\(signed.output)")
                let path = try stage.write(signed.output, to: "signed.eml")
                let verified = try await stage.run(
                    Postreiter.binary, ["dkim", "verify", path, "--zone", zone])
                #expect(verified.output.hasPrefix("pass"), "\(verified.output)")
                let again = try await stage.run(
                    Postreiter.binary,
                    [
                        "dkim", "keygen", "example.org", "--algorithm", kind, "--selector", "s",
                        "--output", file,
                    ])
                #expect(again.status == 73, "nothing is overwritten")
            }
        }
    }
}
