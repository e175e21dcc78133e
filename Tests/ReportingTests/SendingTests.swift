// SPDX-License-Identifier: Apache-2.0

import Bytes
import Feedback
import MIME
import ReportStore
import Reporting
import Storage
import Testing
import World

@Suite("RFC 9990 §3.5, RFC 8460 §5: sending reports")
struct SendingTests {
    private static func aggregate(_ octets: [UInt8]) throws -> AggregateReport {
        guard case .aggregate(let report) = try IncomingReport(opening: octets) else {
            throw ReportFailure("it is another report")
        }
        return report
    }

    @Test("A day's messages come to one report, which is sent once, also across restarts")
    func onceAcrossRestarts() async throws {
        let (disk, clock) = (MemoryDisk(), HandClock())
        try await Office.run(on: disk, clock: clock) { office in
            for _ in 0..<3 { office.reports.note(Office.observation()) }
            try await office.reports.flush()
            office.reports.note(Office.observation())
            office.reports.note(Office.observation(source: 2, passes: false))
            try await office.reports.flush()
            await office.sender.sendDue()
            #expect(try await office.spooled().isEmpty, "the day is not over")
        }
        clock.advance(.hours(12) + .minutes(1))
        try await Office.run(on: disk, clock: clock) { office in
            // The next day has begun.
            office.reports.note(Office.observation(source: 3))
            try await office.reports.flush()
        }
        clock.advance(.hours(5))
        let octets = try await Office.run(on: disk, clock: clock) { office in
            await office.sender.sendDue()
            await office.sender.sendDue()
            let spooled = try await office.spooled()
            #expect(spooled.map(\.recipients) == [["dmarc@example.org"]])
            return spooled.first?.octets ?? []
        }
        let report = try Self.aggregate(octets)
        #expect(report.begin == Timestamp(seconds: 20_000 * 86_400))
        #expect(report.end == Timestamp(seconds: 20_001 * 86_400 - 1))
        #expect(report.organization == "mx.here.example")
        #expect(report.email == "postmaster@mx.here.example")
        #expect(report.reportID == "1728000000.example.org@mx.here.example")
        #expect(report.policy.policy == .reject && report.policy.discovery == .treeWalk)
        #expect(report.records.map(\.count) == [4, 1])
        var first = Office.observation().record
        first.count = 4
        var second = Office.observation(source: 2, passes: false).record
        second.count = 1
        #expect(report.records == [first, second])
        #expect(report.oddities.isEmpty)
        try await Office.run(on: disk, clock: clock) { office in
            await office.sender.sendDue()
            let count = try await office.messageCount()
            #expect(count == 1, "the one from before")
        }
    }

    @Test("A crash at the commit loses the report or keeps it, and never makes it twice")
    func crash() async throws {
        for isBefore in [true, false] {
            let (disk, clock) = (MemoryDisk(), HandClock())
            try await Office.run(on: disk, clock: clock) { office in
                office.reports.note(Office.observation())
                try await office.reports.flush()
            }
            clock.advance(.hours(20))
            try? await Office.run(on: disk, clock: clock) { office in
                let fault: MemoryDisk.Fault = { disk.crash() }
                disk.setFaults(before: isBefore ? fault : nil, after: isBefore ? nil : fault)
                await office.sender.sendDue()
            }
            disk.setFaults()
            clock.advance(.hours(1))
            try await Office.run(on: disk, clock: clock) { office in
                await office.sender.sendDue()
                let count = try await office.messageCount()
                #expect(count == 1, "before the commit: \(isBefore)")
            }
        }
    }

    /// The policy domain is example.org; what stands in the DNS, and who gets the report.
    static let destinations: [(String, [String], [String: String?], [String])] = [
        ("its own", ["mailto:d@example.org"], [:], ["d@example.org"]),
        (
            "several", ["mailto:a@example.org", "mailto:b@example.org"], [:],
            ["a@example.org", "b@example.org"]
        ),
        (
            "of the same organization", ["mailto:d@reports.example.org"],
            ["_dmarc.example.org": "v=DMARC1; p=none"], ["d@reports.example.org"]
        ),
        ("elsewhere, without permission", ["mailto:d@thirdparty.example"], [:], []),
        (
            "elsewhere, with permission", ["mailto:d@thirdparty.example"],
            ["example.org._report._dmarc.thirdparty.example": "v=DMARC1"],
            ["d@thirdparty.example"]
        ),
        (
            "elsewhere, with a record of another kind", ["mailto:d@thirdparty.example"],
            ["example.org._report._dmarc.thirdparty.example": "v=spf1 -all"], []
        ),
        (
            "elsewhere, with another address there", ["mailto:d@thirdparty.example"],
            [
                "example.org._report._dmarc.thirdparty.example":
                    "v=DMARC1; rua=mailto:new@thirdparty.example"
            ], ["new@thirdparty.example"]
        ),
        (
            "elsewhere, which points to a victim", ["mailto:d@thirdparty.example"],
            [
                "example.org._report._dmarc.thirdparty.example":
                    "v=DMARC1; rua=mailto:x@victim.example"
            ], []
        ),
        (
            "one of two", ["mailto:d@thirdparty.example", "mailto:d@example.org"], [:],
            ["d@example.org"]
        ),
        (
            "behind what nobody can use",
            ["https://a/", "x:y", "mailto:", "ftp://b", "z:z", "mailto:d@example.org"], [:],
            ["d@example.org"]
        ),
        (
            "elsewhere, with two records of which one points to a victim",
            ["mailto:d@thirdparty.example"],
            [
                "example.org._report._dmarc.thirdparty.example":
                    "v=DMARC1|v=DMARC1; rua=mailto:x@victim.example"
            ], []
        ),
        ("by the web alone", ["https://example.org/report"], [:], []),
        ("encoded", ["mailto:a%2Bb@example.org"], [:], ["a+b@example.org"]),
        ("with a size of old", ["mailto:d@example.org!10m"], [:], ["d@example.org"]),
        ("no URI", ["d@example.org"], [:], []),
        (
            "the DNS does not answer", ["mailto:d@thirdparty.example"],
            ["example.org._report._dmarc.thirdparty.example": nil], []
        ),
    ]

    @Test("Reports go only where they are wanted", arguments: destinations.indices)
    func wanted(index: Int) async throws {
        let (name, addresses, texts, expected) = Self.destinations[index]
        try await Office.run(records: TextRecords(texts)) { office in
            office.reports.note(Office.observation(addresses: addresses))
            try await office.reports.flush()
            office.clock.advance(.hours(20))
            await office.sender.sendDue()
            let recipients = try await office.spooled().flatMap(\.recipients)
            #expect(recipients == expected, "\(name)")
            let waits = try await office.reports.nextDue() != nil
            #expect(waits == texts.values.contains(nil), "\(name)")
        }
    }

    @Test("When the DNS answers again, the report that waited for it is sent")
    func temporary() async throws {
        let (disk, clock) = (MemoryDisk(), HandClock())
        let name = "example.org._report._dmarc.thirdparty.example"
        try await Office.run(on: disk, clock: clock, records: TextRecords([name: nil])) { office in
            office.reports.note(
                Office.observation(addresses: ["mailto:d@thirdparty.example"]))
            try await office.reports.flush()
            clock.advance(.hours(20))
            await office.sender.sendDue()
        }
        clock.advance(.hours(1))
        try await Office.run(
            on: disk, clock: clock, records: TextRecords([name: "v=DMARC1;"])
        ) { office in
            await office.sender.sendDue()
            let count = try await office.messageCount()
            #expect(count == 1)
        }
    }

    @Test("A destination whose DNS never answers does not keep the report from the others")
    func silentNeighbour() async throws {
        let records = TextRecords(["example.org._report._dmarc.thirdparty.example": nil])
        try await Office.run(records: records) { office in
            office.reports.note(
                Office.observation(
                    addresses: ["mailto:d@thirdparty.example", "mailto:d@example.org"]))
            try await office.reports.flush()
            office.clock.advance(.hours(17))
            await office.sender.sendDue()
            #expect(try await office.spooled().isEmpty, "it is waited for")
            for _ in 0..<12 {
                office.clock.advance(.hours(1))
                await office.sender.sendDue()
            }
            #expect(try await office.spooled().map(\.recipients) == [["d@example.org"]])
            #expect(try await office.reports.nextDue() == nil)
        }
    }

    @Test("What cannot be sent for days is given up, and what is turned off is never sent")
    func givenUp() async throws {
        let records = TextRecords(["example.org._report._dmarc.thirdparty.example": nil])
        try await Office.run(records: records) { office in
            office.reports.note(
                Office.observation(addresses: ["mailto:d@thirdparty.example"]))
            try await office.reports.flush()
            for _ in 0..<80 {
                office.clock.advance(.hours(1))
                await office.sender.sendDue()
            }
            #expect(try await office.reports.nextDue() == nil)
            #expect(try await office.spooled().isEmpty)
        }
        try await Office.run(change: { $0.isSending = false }) { office in
            office.reports.note(Office.observation())
            try await office.reports.flush()
            office.clock.advance(.hours(20))
            await office.sender.sendDue()
            #expect(try await office.spooled().isEmpty)
        }
    }

    @Test("Who wants no reports is not even noted")
    func unwanted() async throws {
        try await Office.run { office in
            office.reports.note(Office.observation(addresses: []))
            try await office.reports.flush()
            #expect(try await office.reports.nextDue() == nil)
        }
    }

    @Test("The signatures go above the report that they sign")
    func signed() async throws {
        try await Office.run(sign: { message in
            Array("DKIM-Signature: octets=\(message.count)\r\n".utf8)
        }) { office in
            office.reports.note(Office.observation())
            try await office.reports.flush()
            office.clock.advance(.hours(20))
            await office.sender.sendDue()
            let octets = try #require(try await office.spooled().first?.octets)
            let message = Message(octets)
            let signature = try #require(message.header.fields.first)
            #expect(signature.name == "DKIM-Signature")
            let line = "DKIM-Signature: \(signature.decoded)\r\n"
            #expect(signature.decoded == "octets=\(octets.count - line.utf8.count)")
        }
    }

    @Test("A day's sessions come to a report on TLS, if the domain asks for it")
    func transport() async throws {
        let records = TextRecords([
            "_smtp._tls.example.org": "v=TLSRPTv1; rua=mailto:tls@example.org|v=spf1 -all",
            "_smtp._tls.two.example":
                "v=TLSRPTv1; rua=mailto:a@two.example|v=TLSRPTv1; rua=mailto:b@two.example",
        ])
        try await Office.run(records: records) { office in
            for domain in ["example.org", "two.example", "none.example"] {
                for _ in 0..<5 {
                    office.reports.note(SessionObservation(domain: domain, type: .none))
                }
                var failure = TLSReport.FailureDetail(result: "starttls-not-supported", sessions: 1)
                failure.receivingHost = "mx1.\(domain)"
                failure.receivingAddress = .v4(IPv4Address(192, 0, 2, 9))
                for _ in 0..<2 {
                    office.reports.note(
                        SessionObservation(domain: domain, type: .none, failure: failure))
                }
            }
            try await office.reports.flush()
            office.clock.advance(.hours(20))
            await office.sender.sendDue()
            #expect(try await office.reports.nextDue() == nil)
            let spooled = try await office.spooled()
            #expect(spooled.map(\.recipients) == [["tls@example.org"]])
            guard case .transport(let report) = try IncomingReport(opening: spooled[0].octets)
            else { return #expect(Bool(false), "it is another report") }
            #expect(report.successes == 5 && report.failures == 2)
            #expect(report.contact == "postmaster@mx.here.example")
            #expect(report.begin == Timestamp(seconds: 20_000 * 86_400))
            let policy = try #require(report.policies.first)
            #expect(policy.type == .none && policy.domain == "example.org")
            #expect(policy.details.map(\.receivingHost) == ["mx1.example.org"])
            #expect(policy.details.map(\.sessions) == [2])
        }
    }
}
