// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@Suite("Who may connect")
struct AdmissionTests {
    private static func host(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    private static func second(_ seconds: Int64) -> Instant {
        Instant(nanoseconds: seconds * 1_000_000_000)
    }

    /// Lets one in, or returns the refusal.
    private func refusal(
        _ admission: inout Admission, _ host: String, _ seconds: Int64 = 0
    ) throws -> Admission.Refusal? {
        do throws(Admission.Refusal) {
            _ = try admission.admit(
                IPAddress(host) ?? .v4(IPv4Address(0, 0, 0, 0)), at: Self.second(seconds))
            return nil
        } catch {
            return error
        }
    }

    @Test("the bound in all holds for everybody, and a place that is left is free again")
    func total() throws {
        var admission = Admission(.init(connections: 2))
        let first = try admission.admit(Self.host("192.0.2.1"), at: Self.second(0))
        _ = try admission.admit(Self.host("198.51.100.1"), at: Self.second(0))
        #expect(try refusal(&admission, "2001:db8::1") == .tooMany)
        admission.leave(first)
        #expect(try refusal(&admission, "2001:db8::1") == nil)
        #expect(admission.open == 2)
    }

    @Test("one network has its own bound: a /24, a /64, and IPv4 within IPv6 is IPv4")
    func networks() throws {
        var admission = Admission(.init(connections: 0, perNetwork: 2))
        let rows: [(String, Admission.Refusal?)] = [
            ("192.0.2.1", nil), ("192.0.2.200", nil), ("192.0.2.3", .tooManyFromNetwork),
            ("::ffff:192.0.2.4", .tooManyFromNetwork), ("192.0.3.1", nil),
            ("2001:db8::1", nil), ("2001:db8::ffff:1", nil),
            ("2001:db8:0:0:8000::", .tooManyFromNetwork), ("2001:db8:0:1::1", nil),
        ]
        for (host, expected) in rows {
            #expect(try refusal(&admission, host) == expected, "\(host)")
        }
    }

    @Test("new connections are counted by the minute, however short they are")
    func rate() throws {
        var admission = Admission(.init(connections: 0, perNetworkAndMinute: 3))
        for seconds: Int64 in [0, 10, 59] {
            let pass = try admission.admit(Self.host("192.0.2.1"), at: Self.second(seconds))
            admission.leave(pass)
        }
        #expect(try refusal(&admission, "192.0.2.2", 59) == .tooFastFromNetwork)
        #expect(try refusal(&admission, "192.0.3.2", 59) == nil)
        #expect(try refusal(&admission, "192.0.2.2", 60) == nil)
        #expect(admission.open == 2)
    }

    @Test("exempt networks know only the bound in all")
    func exempt() throws {
        let loopback = try #require(IPNetwork("127.0.0.0/8"))
        var admission = Admission(
            .init(connections: 5, perNetwork: 1, perNetworkAndMinute: 1, exempt: [loopback]))
        for _ in 0..<5 { #expect(try refusal(&admission, "127.0.0.9") == nil) }
        #expect(try refusal(&admission, "127.0.0.9") == .tooMany)
        #expect(admission.networkCount == 0)
    }

    @Test("a million networks leave no more behind than is remembered on purpose")
    func memory() throws {
        var admission = Admission(.init(connections: 0, perNetwork: 1, perNetworkAndMinute: 10))
        var seed: UInt32 = 1
        for index in 0..<1_000_000 {
            seed = seed &* 1_664_525 &+ 1_013_904_223
            let host = IPAddress.v4(IPv4Address(rawValue: seed))
            let pass = try admission.admit(host, at: Self.second(Int64(index / 10_000)))
            admission.leave(pass)
        }
        #expect(admission.networkCount <= 10_001)
        #expect(admission.open == 0)
    }
}

@Suite("Networks")
struct IPNetworkTests {
    @Test("are read, written, and know what is in them")
    func containing() throws {
        let rows: [(String, [String], [String])] = [
            (
                "192.0.2.0/24", ["192.0.2.0", "192.0.2.255", "::ffff:192.0.2.7"],
                ["192.0.3.0", "::1"]
            ),
            ("192.0.2.7", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::"]),
            ("::/0", ["::", "ffff::1"], ["192.0.2.1", "::ffff:192.0.2.1"]),
            ("2001:db8::/33", ["2001:db8:7fff::"], ["2001:db8:8000::", "2001:db9::"]),
            ("2001:db8:0:0:8000::/65", ["2001:db8::8000:0:0:1"], ["2001:db8::1"]),
            ("::1", ["::1"], ["::2"]),
        ]
        for (text, inside, outside) in rows {
            let network = try #require(IPNetwork(text), "\(text)")
            for host in inside {
                #expect(network.contains(try #require(IPAddress(host))), "\(host) in \(text)")
            }
            for host in outside {
                #expect(!network.contains(try #require(IPAddress(host))), "\(host) in \(text)")
            }
            #expect(IPNetwork(network.description) == network)
        }
    }

    @Test(
        "are refused when they are none",
        arguments: [
            "", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.1/24",
            "::/129", "192.0.2.0/24/8", "192.0.2/24", "example.org", "2001:db8::1/64",
        ])
    func refused(text: String) {
        #expect(IPNetwork(text) == nil)
    }
}
