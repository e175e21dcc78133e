// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DMARC
import DNS
import Foundation
import LiveWorld
import SPF
import World

/// What verdicts on mail cost; `Scripts/bench-verdicts` runs it beside others.
///
/// usage: bench-verdicts prepare FOLDER
///            writes message.eml, and signed.eml and record.txt for the key in FOLDER/rsa.pem
///        bench-verdicts dkim-verify|dkim-sign|all FOLDER SECONDS
///        bench-verdicts spf FOLDER SECONDS DOMAIN CLIENT
///            prints how often it is done in a second of CPU time
@main
struct Program {
    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count >= 2 else { throw Failure("usage: bench-verdicts WHAT FOLDER ...") }
        let stage = try Stage(folder: arguments[1])
        if arguments[0] == "prepare" { return try stage.prepare() }
        guard arguments.count >= 3, let seconds = Double(arguments[2]) else {
            throw Failure("how many seconds?")
        }
        switch arguments[0] {
        case "dkim-verify": try await stage.verify(seconds, signatures: 1)
        case "dkim-sign": try await stage.sign(seconds)
        case "all": try await stage.judge(seconds)
        case "spf":
            guard arguments.count == 5, let client = IPAddress(arguments[4]) else {
                throw Failure("which domain, and which client?")
            }
            try await stage.check(seconds, domain: arguments[3], client: client)
        default: throw Failure("there is no measurement \(arguments[0])")
        }
    }
}

struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Does something until so much CPU time is spent; how often it did so in each second of it.
private func rate(_ seconds: Double, of work: () async throws -> Void) async rethrows -> Double {
    for _ in 0..<10 { try await work() }
    let begin = cpuSeconds()
    var now = begin
    var rounds = 0
    while now - begin < seconds {
        for _ in 0..<50 { try await work() }
        rounds += 50
        now = cpuSeconds()
    }
    return Double(rounds) / (now - begin)
}

private func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

private struct Stage {
    let folder: String

    init(folder: String) throws { self.folder = folder }

    private func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)")))
    }

    private func write(_ octets: [UInt8], _ name: String) throws {
        try Data(octets).write(to: URL(filePath: "\(folder)/\(name)"))
    }

    private func key(_ name: String) throws -> LiveSigningKey {
        guard let key = LiveSigningKey(pem: String(lossy: try read(name))) else {
            throw Failure("\(name) holds no key")
        }
        return key
    }

    private func identities() throws -> [Signer.Identity] {
        [
            .init(domain: "bench.example", selector: "test", key: try key("rsa.pem")),
            .init(domain: "bench.example", selector: "ed", key: try key("ed25519.pem")),
        ]
    }

    private func signed(_ identities: [Signer.Identity]) throws -> Sample {
        let plain = Sample.plain
        var settings = Signer.Settings()
        settings.time = 1_763_719_200
        var signer = Signer(
            header: FieldList(plain.header), settings: settings,
            cryptography: LiveMailCryptography())
        plain.body.withUnsafeBytes { signer.update($0) }
        return plain.adding(try signer.finish(identities))
    }

    private func records() throws -> String {
        let keys = try identities().map { identity in
            "\(identity.selector)._domainkey.bench.example TXT v=DKIM1; "
                + "k=\(identity.key.kind.rawValue); p=\(Base64.encode(identity.key.publicKey))"
        }
        return String(lossy: try read("records")) + "\n" + keys.joined(separator: "\n")
    }

    func prepare() throws {
        try write(Sample.plain.octets, "message.eml")
        try write(try signed([try identities()[0]]).octets, "signed.eml")
        let key = Base64.encode(try identities()[0].key.publicKey)
        try write(Array("v=DKIM1; k=rsa; p=\(key)\n".utf8), "record.txt")
    }

    func verify(_ seconds: Double, signatures: Int) async throws {
        let sample = try signed(Array(try identities().prefix(signatures)))
        let table = try RecordTable(try records())
        let cryptography = LiveMailCryptography()
        let found = try await rate(seconds) {
            var verification = Verification(
                header: FieldList(sample.header), cryptography: cryptography)
            sample.body.withUnsafeBytes { verification.update($0) }
            let result = await verification.finish(resolver: table, now: 1_763_719_300)
            guard result.findings.map(\.result) == Array(repeating: .pass, count: signatures)
            else { throw Failure("the message does not verify: \(result)") }
        }
        print(Int(found))
    }

    func sign(_ seconds: Double) async throws {
        let identities = [try self.identities()[0]]
        let sample = Sample.plain
        let cryptography = LiveMailCryptography()
        var settings = Signer.Settings()
        settings.time = 1_763_719_200
        let found = try await rate(seconds) {
            var signer = Signer(
                header: FieldList(sample.header), settings: settings, cryptography: cryptography)
            sample.body.withUnsafeBytes { signer.update($0) }
            guard try signer.finish(identities).count == 1 else { throw Failure("no signature") }
        }
        print(Int(found))
    }

    func check(_ seconds: Double, domain: String, client: IPAddress) async throws {
        let check = HostCheck(
            resolver: try RecordTable(try records()), time: LiveTime(), receiver: "mx.example")
        let sender = "user@" + domain
        var result: SPFResult?
        let found = await rate(seconds) {
            let verdict = await check.verdict(
                on: .init(address: client, hello: "client.example", sender: sender))
            result = verdict.result
        }
        print(result?.rawValue ?? "", Int(found))
    }

    /// SPF, two DKIM signatures, and DMARC.
    func judge(_ seconds: Double) async throws {
        let sample = try signed(try identities())
        let table = try RecordTable(try records())
        let cryptography = LiveMailCryptography()
        let check = HostCheck(resolver: table, time: LiveTime(), receiver: "mx.example")
        let alignment = AlignmentCheck(resolver: table)
        guard let client = IPAddress("192.0.2.1") else { return }
        let found = try await rate(seconds) {
            let sender = await check.verdict(
                on: .init(
                    address: client, hello: "client.example", sender: "user@many.example"))
            let header = FieldList(sample.header)
            var verification = Verification(header: header, cryptography: cryptography)
            sample.body.withUnsafeBytes { verification.update($0) }
            let signatures = await verification.finish(resolver: table, now: 1_763_719_300)
            let verdict = await alignment.verdict(
                authors: AuthorDomains(header),
                sender: Name(dotted: "many.example".utf8).map { .init(sender.result, $0) },
                signatures: signatures.findings.compactMap { finding in
                    finding.domain.flatMap { Name(dotted: $0.utf8) }
                        .map { .init(finding.result, $0) }
                })
            guard sender.result == .pass, signatures.result == .pass, verdict.result == .pass
            else { throw Failure("the message does not pass: \(verdict)") }
        }
        print(Int(found))
    }
}
