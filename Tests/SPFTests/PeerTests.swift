// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Foundation
import SimulatedWorld
import Testing
import World

@testable import SPF

/// Records at random, for a seed.
private struct RecordMaker: RandomNumberGenerator {
    private var state: UInt64
    static let domains = 400

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }

    private mutating func pick(_ texts: [String]) -> String {
        texts.randomElement(using: &self) ?? ""
    }

    private mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0..<100, using: &self) < percent
    }

    /// Hosts that the records speak of.
    ///
    /// Left out is where pyspf goes ways of its own: it takes `%{d0}`, which RFC 7208 §7.3
    /// forbids, and counts exchangers without an address as void lookups, where §4.6.4 speaks of
    /// terms that find nothing.
    static let hosts = """
        v4.example A 192.0.2.1
        v4.example A 198.51.100.7
        v6.example AAAA 2001:db8::1
        both.example A 192.0.2.66
        both.example AAAA 2001:db8:0:1::9
        mx.example MX 10 both.example
        mx.example MX 20 other.example
        other.example A 203.0.113.1
        other.example AAAA 2001:db8::1
        many.example MX 10 both.example
        slow.example TIMEOUT now
        1.2.0.192.in-addr.arpa PTR v4.example
        66.2.0.192.in-addr.arpa PTR both.example
        66.2.0.192.in-addr.arpa PTR a.b.c0.example
        a.b.c0.example A 192.0.2.66
        1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR v6.example
        192.0.2.1.x.example A 127.0.0.2
        1.2.0.192.in-addr.x.example A 127.0.0.2
        user.x.example A 127.0.0.2
        tag.user.x.example A 127.0.0.2
        passing.example TXT v=spf1 +all
        failing.example TXT v=spf1 -all
        nothing.example TXT v=spf1
        here.example TXT v=spf1 ip4:192.0.2.0/26 ip6:2001:db8::/64 -all
        deep.example TXT v=spf1 include:here.example include:passing.example ~all
        twice.example TXT v=spf1 -all
        twice.example TXT v=spf1 +all
        broken.example TXT v=spf1 nonsense -all
        split.example TXT v=spf1 ip4:192.0.2.|0/24 -a|ll
        words.example TXT not a policy

        """

    private mutating func host() -> String {
        pick([
            "v4.example", "v6.example", "both.example", "mx.example", "absent.example",
            "many.example", "V4.Example", "slow.example", "v4.example.", "%{d}", "%{h}",
        ])
    }

    private mutating func policyName() -> String {
        pick([
            "passing.example", "failing.example", "nothing.example", "here.example",
            "deep.example", "twice.example", "broken.example", "split.example", "words.example",
            "absent.example", "c\(Int.random(in: 0..<Self.domains, using: &self)).example",
        ])
    }

    private mutating func prefix() -> String {
        pick(["", "", "", "/24", "/0", "/32", "//64", "//0", "/26//64", "/8//128"])
    }

    private mutating func mechanism() -> String {
        switch Int.random(in: 0..<13, using: &self) {
        case 0: return "all"
        case 1, 2:
            return "ip4:" + pick(["192.0.2.1", "192.0.2.0/26", "198.51.100.0/24", "0.0.0.0/0"])
        case 3: return "ip6:" + pick(["2001:db8::1", "2001:DB8::/32", "::/0", "::ffff:1.2.3.4"])
        case 4: return "a" + prefix()
        case 5: return "a:" + host() + prefix()
        case 6: return "mx" + prefix()
        case 7: return "mx:" + host() + prefix()
        case 8, 9: return "include:" + policyName()
        case 10:
            return "exists:"
                + pick([
                    "%{i}.x.example", "%{ir}.%{v}.x.example", "%{l}.x.example", "%{l1r-}.x.example",
                    "%{L1r+-}.%{l2}.x.example", "absent.example", "v4.example", "%{o2}", "%{p}",
                    "%{lr-}.x.example", "%{d2r}.example", "slow.example",
                ])
        case 11: return pick(["ptr", "ptr:example", "ptr:v4.example", "ptr:%{d}"])
        default: return pick(["A:v4.example", "IP4:192.0.2.1", "InClUdE:passing.example"])
        }
    }

    private mutating func fault() -> String {
        pick([
            "ip4:192.0.2.256", "ip4:192.0.2.0/33", "ip4:1.2.3", "ip4", "ip6:1:2", "ip6:::/129",
            "a:", "a/33", "a//129", "include", "include:", "exists", "exists:", "all:x", "all/8",
            "nonsense", "%{d}", "a:%{x}.example", "exists:%(i)", "ptr:", "mx/",
            "redirect=", "exp=", "redirect=a.example redirect=b.example", "a:nolabel",
            "ip4:192.0.2.1/024", "-", "a:foo..example", "ip4:192.0.2.1//32", "a:x.123",
        ])
    }

    mutating func policy() -> String {
        var terms: [String] = []
        for _ in 0..<Int.random(in: 0...6, using: &self) {
            terms.append(pick(["", "", "+", "-", "~", "?"]) + mechanism())
        }
        if chance(8) { terms.insert(fault(), at: Int.random(in: 0...terms.count, using: &self)) }
        if chance(15) { terms.append("redirect=" + policyName()) }
        if chance(10) { terms.append(pick(["x-unknown=%{d}", "exp=words.example", "y=1"])) }
        if chance(50) { terms.append(pick(["-all", "~all", "?all", "all"])) }
        let space = chance(5) ? "  " : " "
        return pick(["v=spf1", "v=spf1", "v=spf1", "V=SPF1"]) + terms.map { space + $0 }.joined()
            + (chance(5) ? " " : "")
    }
}

@Suite("RFC 7208 as pyspf sees it")
struct PeerTests {
    private static let script = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Benchmarks/Peers/pyspf.py").path

    /// Whether the Debian package python3-spf is there.
    private static let isThere: Bool = {
        let answer = try? run(["-c", "import spf; print('there')"], input: "")
        return answer == "there\n"
    }()

    private static func run(_ arguments: [String], input: String) throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "postreiter-pyspf-\(ProcessInfo.processInfo.globallyUniqueString)")
        try Data(input.utf8).write(to: folder)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: folder)
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let octets = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: octets, as: UTF8.self)
    }

    private static let clients = [
        "192.0.2.1", "192.0.2.66", "198.51.100.7", "203.0.113.1", "2001:db8::1", "2001:db8:0:1::9",
    ]

    @Test(
        "several hundred policies come to the same for both, for each client",
        .enabled(if: isThere, "the Debian package python3-spf is not installed"),
        arguments: [7208, 4408] as [UInt64])
    func agreement(seed: UInt64) async throws {
        var maker = RecordMaker(seed: seed)
        var records = RecordMaker.hosts
        var policies: [String] = []
        for number in 0..<RecordMaker.domains {
            policies.append(maker.policy())
            records += "c\(number).example TXT \(policies[number])\n"
            if number.isMultiple(of: 7) { records += "c\(number).example A 192.0.2.1\n" }
        }
        var questions: [(client: String, sender: String, number: Int)] = []
        for number in 0..<RecordMaker.domains {
            for client in Self.clients {
                let local = ["user", "user-tag", "a+b"][number % 3]
                questions.append((client, "\(local)@c\(number).example", number))
            }
        }
        let file = FileManager.default.temporaryDirectory.appending(
            path: "postreiter-records-\(ProcessInfo.processInfo.globallyUniqueString)")
        try Data(records.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let input = questions.map { "\($0.client) \($0.sender) both.example\n" }.joined()
        let theirs = try Self.run([Self.script, file.path], input: input).split(separator: "\n")
        try #require(theirs.count == questions.count, "pyspf has not answered each question")

        let names = try NameTable(records)
        let check = HostCheck(resolver: names, time: Simulation(seed: 1))
        for (question, their) in zip(questions, theirs) {
            let address = try #require(IPAddress(question.client))
            let ours = await check.verdict(
                on: .init(address: address, hello: "both.example", sender: question.sender))
            guard ours.result.rawValue != their else { continue }
            #expect(
                ours.result.rawValue == their,
                "\(question.client) \(question.sender): \(policies[question.number]) \(ours)")
        }
    }
}
