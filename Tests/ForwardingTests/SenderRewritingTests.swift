// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import Testing
import World

@testable import Forwarding

@Suite("The Sender Rewriting Scheme")
struct SenderRewritingTests {
    /// Not secure, but every octet and the key count.
    private static func code(_ key: UInt64) -> @Sendable ([UInt8]) -> [UInt8] {
        { octets in
            var state = key
            for octet in octets { state = (state ^ UInt64(octet)) &* 0x100_0000_01B3 }
            return (0..<8).map { UInt8(truncatingIfNeeded: state >> UInt64($0 * 8)) }
        }
    }

    private let rewriting = SenderRewriting(code: Self.code(0xCBF2_9CE4_8422_2325))
    private static let day = Int64(86_400)
    private static let start = Timestamp(milliseconds: 20_000 * day * 1000)

    private static func days(_ count: Int64) -> Timestamp {
        Timestamp(milliseconds: start.milliseconds + count * day * 1000)
    }

    private static func home() throws -> Domain { try Domain("here.example") }

    @Test(
        "a sender's path becomes one of ours, and leads back to it",
        arguments: [
            "joe@example.org", "Joe.Doe+tag@mail.example.org", "a=b=c@example.org",
            "\"with space\"@example.org", "grüße@example.org", "SRS@example.org",
            "srs0@example.org", "SRS2=x=y=z=w@example.org", "=@example.org",
            "x@xn--bcher-kva.example",
        ])
    func roundTrip(sender: String) throws {
        let sender = try Address(sender)
        let path = try #require(rewriting.rewritten(sender, in: Self.home(), at: Self.start))
        #expect(path.domain?.name == "here.example")
        #expect(path.localPart.value.hasPrefix("SRS0="))
        #expect(SenderRewriting.isRewritten(path.localPart))
        #expect(!SenderRewriting.isRewritten(sender.localPart))
        #expect(try rewriting.original(of: path.localPart, at: Self.start) == sender)
        // As text, too.
        let again = try Address(path.description)
        #expect(try rewriting.original(of: again.localPart, at: Self.days(21)) == sender)
    }

    @Test("the form is the one that other forwarders write")
    func form() throws {
        let path = try #require(
            rewriting.rewritten(Address("joe@example.org"), in: Self.home(), at: Self.start))
        let parts = path.localPart.value.split(separator: "=")
        #expect(parts.count == 5)
        #expect(parts[0] == "SRS0")
        #expect(parts[1].count == 8)
        // 20,000 modulo 1,024 is 544.
        #expect(parts[2] == "RA")
        #expect(parts[3] == "example.org")
        #expect(parts[4] == "joe")
    }

    @Test("it lasts for three weeks, also where the days begin to count anew")
    func lifetime() throws {
        let starts: [Int64] = [0, 1023 - 544, 1024 - 544, 1010 - 544]
        for start in starts {
            let path = try #require(
                rewriting.rewritten(
                    Address("joe@example.org"), in: Self.home(), at: Self.days(start)))
            for age in Int64(-1)...21 {
                #expect(
                    try rewriting.original(of: path.localPart, at: Self.days(start + age)) != nil)
            }
            for age in [Int64(22), 30, 500, 1000] {
                #expect(throws: SenderRewriting.Fault.expired) {
                    try rewriting.original(of: path.localPart, at: Self.days(start + age))
                }
            }
        }
    }

    @Test(
        "a path that another forwarder has rewritten leads back to that one, by any number of hops")
    func chain() throws {
        let other = SenderRewriting(code: Self.code(1))
        let third = SenderRewriting(code: Self.code(2))
        let sender = try Address("joe@example.org")
        let first = try #require(
            other.rewritten(sender, in: Domain("first.example"), at: Self.start))
        let second = try #require(rewriting.rewritten(first, in: Self.home(), at: Self.start))
        #expect(second.localPart.value.hasPrefix("SRS1="))
        #expect(second.localPart.value.contains("=first.example=="))
        #expect(try rewriting.original(of: second.localPart, at: Self.start) == first)
        // A third one leaves the second out.
        let last = try #require(
            third.rewritten(second, in: Domain("third.example"), at: Self.start))
        #expect(last.localPart.value.hasPrefix("SRS1="))
        let back = try #require(try third.original(of: last.localPart, at: Self.start))
        #expect(back == first)
        #expect(try other.original(of: back.localPart, at: Self.start) == sender)
        #expect(last.localPart.value.count == second.localPart.value.count)
    }

    @Test("the separators of other forwarders are kept", arguments: ["-", "+", "="])
    func separators(mark: String) throws {
        let foreign = try Address("SRS0\(mark)Ab1=XY=example.org=joe@first.example")
        let path = try #require(rewriting.rewritten(foreign, in: Self.home(), at: Self.start))
        #expect(try rewriting.original(of: path.localPart, at: Self.start) == foreign)
    }

    @Test("letters that changed their case on the way do no harm")
    func letterCase() throws {
        let sender = try Address("Joe@Example.org")
        let path = try #require(rewriting.rewritten(sender, in: Self.home(), at: Self.start))
        for text in [path.localPart.value.lowercased(), path.localPart.value.uppercased()] {
            let found = try #require(
                try rewriting.original(of: LocalPart(text), at: Self.start))
            #expect(found.description.lowercased() == "joe@example.org")
        }
    }

    @Test("whatever is changed in it, it is refused")
    func forgery() throws {
        let path = try #require(
            rewriting.rewritten(Address("joe@example.org"), in: Self.home(), at: Self.start))
        let octets = Array(path.localPart.value.utf8)
        for index in octets.indices.dropFirst(5) {
            for octet in "abz27=.@".utf8 where octet.lowercased != octets[index].lowercased {
                var changed = octets
                changed[index] = octet
                #expect(throws: SenderRewriting.Fault.self, "\(String(lossy: changed))") {
                    try rewriting.original(of: LocalPart(String(lossy: changed)), at: Self.start)
                }
            }
        }
        // Of somebody with another key.
        #expect(throws: SenderRewriting.Fault.forged) {
            try SenderRewriting(code: Self.code(7)).original(of: path.localPart, at: Self.start)
        }
    }

    @Test(
        "what only looks like one is refused",
        arguments: [
            "SRS0=", "SRS0==", "SRS0=====", "SRS0=AAAAAAAA", "SRS0=AAAAAAAA=RA",
            "SRS0=AAAAAAAA=RA=example.org", "SRS0=AAAAAAAA=RA=example.org=joe",
            "SRS0==RA=example.org=joe",
            "SRS1=AAAAAAAA", "SRS1=AAAAAAAA=first.example", "SRS1=AAAAAAAA=first.example==x",
            "srs1+x", "SRS0-x",
        ])
    func nonsense(text: String) throws {
        let localPart = try LocalPart(text)
        if text.utf8.count > 5 {
            #expect(SenderRewriting.isRewritten(localPart))
            #expect(throws: SenderRewriting.Fault.forged) {
                try rewriting.original(of: localPart, at: Self.start)
            }
        } else {
            #expect(try rewriting.original(of: localPart, at: Self.start) == nil)
        }
    }

    @Test("where there is no room, and for a host without a domain, there is no other path")
    func noRoom() throws {
        let token = rewriting.token(for: try Address("joe@example.org"))
        #expect(token.count == 16)
        #expect(token != rewriting.token(for: try Address("jim@example.org")))
        let kept = try #require(SenderRewriting.localPart(of: token))
        #expect(SenderRewriting.token(in: kept) == token)
        #expect(SenderRewriting.token(in: try LocalPart(kept.value.lowercased())) == token)
        #expect(SenderRewriting.token(in: try LocalPart("SRS0=AAAAAAAA=RA=e.org=j")) == nil)
        let long = String(repeating: "x", count: 36)
        #expect(
            rewriting.rewritten(
                try Address("\(long)@example.org"), in: try Self.home(), at: Self.start) == nil)
        let fitting = try Address("\(long.dropFirst())@example.org")
        let path = try #require(rewriting.rewritten(fitting, in: Self.home(), at: Self.start))
        #expect(path.localPart.value.utf8.count == 64)
        #expect(
            rewriting.rewritten(
                try Address("joe@[192.0.2.1]"), in: try Self.home(), at: Self.start) == nil)
    }

    @Test(
        "who has not the key can tell whether a path may be a forwarder's",
        arguments: [
            ("SRS0=HHHH=TT=example.org=joe", true), ("SRS0+HHHH=TT=example.org=a=b", true),
            ("srs1=HHHH=example.org==HHHH=TT=example.net=joe", true),
            ("SRS0=ABCDEFGHIJKLMNOP", true), ("SRS0=HHHH=TT=example.org=", false),
            ("SRS0=HHHH=TT=-=joe", false), ("SRS0=HHHH=example.org=joe", false),
            ("SRS0=", false), ("joe", false), ("SRS0", false), ("SRS1=HHHH=", false),
        ])
    func guesses(text: String, may: Bool) throws {
        #expect(SenderRewriting.mayLeadBack(try LocalPart(text)) == may)
    }
}
