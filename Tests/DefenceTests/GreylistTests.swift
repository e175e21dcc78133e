// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@testable import Defence

@Suite("RFC 6647: who is unknown comes again")
struct GreylistTests {
    private static func time(_ minutes: Int) -> Timestamp {
        Timestamp(seconds: 1_800_000_000) + .minutes(minutes)
    }

    /// Minutes of attempts, and what becomes of each.
    struct Course: CustomTestStringConvertible, Sendable {
        let attempts: [(minute: Int, result: String)]
        let testDescription: String
        init(_ text: String, _ attempts: [(Int, String)]) {
            testDescription = text
            self.attempts = attempts
        }
    }

    @Test(
        arguments: [
            Course(
                "a server that comes again", [(0, "5"), (6, "now"), (7, "known"), (60, "known")]),
            Course(
                "one in a hurry waits no longer for it", [(0, "5"), (1, "4"), (4, "1"), (5, "now")]),
            Course("too late is a first time", [(0, "5"), (1441, "5"), (1447, "now")]),
            Course("in time is a day", [(0, "5"), (1440, "now")]),
            Course(
                "a known one is known for 36 days", [(0, "5"), (9, "now"), (9 + 51_840, "known")]),
            Course(
                "and each message renews that",
                [
                    (0, "5"), (9, "now"), (40_009, "known"), (80_009, "known"),
                ]),
            Course("then it is forgotten", [(0, "5"), (9, "now"), (9 + 51_841, "5")]),
            Course("a clock set back makes it a first time", [(0, "5"), (-10, "5"), (-5, "now")]),
        ])
    func courses(_ course: Course) {
        let greylist = Greylist()
        var record: Greylist.Record?
        for (minute, expected) in course.attempts {
            let (judgement, next) = greylist.judge(record, at: Self.time(minute))
            record = next
            let result =
                switch judgement {
                case .wait(let duration): "\(duration.components.seconds / 60)"
                case .passesNow: "now"
                case .known: "known"
                }
            #expect(result == expected, "minute \(minute)")
        }
    }

    @Test("A network is vouched for by several triplets that came again, as long as they come")
    func networks() {
        let greylist = Greylist()
        let record = { Greylist.Record(first: Self.time(0), last: Self.time(0), passes: $0) }
        #expect(!greylist.isVouchedFor(nil, at: Self.time(0)))
        #expect(!greylist.isVouchedFor(record(4), at: Self.time(0)))
        #expect(greylist.isVouchedFor(record(5), at: Self.time(51_840)))
        #expect(!greylist.isVouchedFor(record(5), at: Self.time(51_841)))
    }

    @Test("Senders that number their paths are one sender, from any address of their network")
    func triplets() throws {
        func triplet(_ host: String, _ sender: String) throws -> Greylist.Triplet {
            Greylist.Triplet(
                client: try #require(IPAddress(host)), sender: sender, recipient: "B@Example.net")
        }
        #expect(
            try triplet("192.0.2.1", "Bounce-123-a4@Example.org")
                == triplet("192.0.2.200", "bounce-9-a55555@example.org"))
        #expect(
            try triplet("192.0.2.1", "a+tag@example.org") == triplet("192.0.2.1", "a@example.org"))
        #expect(try triplet("192.0.2.1", "a@1.example") != triplet("192.0.2.1", "a@2.example"))
        #expect(try triplet("192.0.2.1", "") != triplet("198.51.100.1", ""))
        #expect(
            try triplet("2001:db8:0:1::1", "").network == triplet("2001:db8:0:1:f::2", "").network)
    }
}
