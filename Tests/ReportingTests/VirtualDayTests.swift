// SPDX-License-Identifier: Apache-2.0

import Bytes
import Feedback
import Journal
import Logging
import Mail
import MessageStore
import ReportStore
import Reporting
import SimulatedWorld
import Spool
import Storage
import Testing
import World

/// Reporting in virtual time.
@Suite("Reports over days")
struct VirtualDayTests {
    private struct Desk: Sendable {
        let simulation: Simulation
        let store: SQLiteStore
        let reports: Reports
        let spooler: Spooler
        let sender: ReportSender
        let failures: FailureReporter

        /// All messages that were accepted, the first one first.
        func messages() async throws -> [[UInt8]] {
            let due = try await spooler.claim(at: simulation.timestamp, limit: 1000).recipients
            var all: [[UInt8]] = []
            for recipient in due {
                var reader = spooler.read(recipient.message)
                var octets: [UInt8] = []
                while let piece = try await reader.next() { octets += piece }
                all.append(octets)
            }
            return all
        }
    }

    private static func run(_ body: @escaping @Sendable (Desk) async throws -> Void) throws {
        let simulation = Simulation(seed: 11)
        try simulation.run(limit: .days(10)) {
            let disk = MemoryDisk()
            let store = try SQLiteStore(on: disk, schema: Office.schema)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await store.run() }
                let spooler = Spooler(
                    store: store, bodies: disk.bodies,
                    ids: QueueIDSource(time: simulation, entropy: simulation), time: simulation,
                    node: "here")
                let intake = Intake(spooler)
                let reports = Reports(store: store, time: simulation, entropy: simulation)
                var settings = ReportingSettings(hostName: try Domain("mx.here.example"))
                settings.sendsFailures = true
                let log = Logger(label: "reports") { _ in SwiftLogNoOpLogHandler() }
                let sender = ReportSender(
                    settings, reports: reports, intake: intake, resolver: TextRecords([:]),
                    time: simulation, entropy: simulation, log: log)
                let failures = FailureReporter(
                    settings, intake: intake, resolver: TextRecords([:]), time: simulation,
                    entropy: simulation, log: log)
                group.addTask { await sender.run() }
                group.addTask { await failures.run() }
                try await body(
                    Desk(
                        simulation: simulation, store: store, reports: reports, spooler: spooler,
                        sender: sender, failures: failures))
                group.cancelAll()
            }
        }
    }

    @Test("Mail of four days in UTC comes to four reports, each behind its midnight")
    func days() throws {
        try Self.run { desk in
            let simulation = desk.simulation
            let firstDay = simulation.timestamp.seconds / 86_400
            // From noon to noon, one an hour.
            for _ in 0..<72 {
                desk.reports.note(Office.observation())
                try await simulation.sleep(for: .minutes(60))
            }
            try await simulation.sleep(for: .hours(18))
            let reports = try await desk.messages().map { octets -> AggregateReport in
                guard case .aggregate(let report) = try IncomingReport(opening: octets) else {
                    throw ReportFailure("it is another report")
                }
                return report
            }.sorted { ($0.begin?.seconds ?? 0) < ($1.begin?.seconds ?? 0) }
            #expect(reports.reduce(0) { $0 + $1.messages } == 72)
            let days = reports.compactMap { ($0.begin?.seconds ?? 0) / 86_400 }
            #expect(days == Array(firstDay..<(firstDay + Int64(days.count))))
            #expect(days.count == 4)
        }
    }

    @Test("Of messages that fail alike, the first is reported at once, and the rest counted")
    func failures() throws {
        try Self.run { desk in
            let simulation = desk.simulation
            var failure = FeedbackReport.AuthenticationFailure(type: "dmarc")
            failure.unaligned = ["dkim", "spf"]
            failure.deliveryResult = "reject"
            func message(_ domain: String, source: UInt8 = 9) -> FailedMessage {
                FailedMessage(
                    policyDomain: domain, addresses: ["mailto:ruf@\(domain)"],
                    source: .v4(IPv4Address(192, 0, 2, source)), arrival: simulation.timestamp,
                    headerFrom: domain, mailFrom: "secret@\(domain)", failure: failure,
                    authenticationResults: "mx.here.example; dmarc=fail header.from=\(domain)",
                    header: Array(
                        "From: secret@\(domain)\r\nSubject: private\r\n\r\n".utf8))
            }
            for _ in 0..<50 { desk.failures.note(message("example.org")) }
            desk.failures.note(message("example.com"))
            try await simulation.sleep(for: .minutes(2))
            #expect(try await desk.messages().count == 2)
            try await simulation.sleep(for: .hours(2))
            let later = try await desk.messages()
            let reports = try later.map { octets -> FeedbackReport in
                #expect(octets.firstRange(of: Array("private".utf8)) == nil)
                #expect(octets.firstRange(of: Array("secret".utf8)) == nil)
                guard case .feedback(let report) = try IncomingReport(opening: octets) else {
                    throw ReportFailure("it is another report")
                }
                return report
            }
            #expect(reports.map(\.incidents).max() == 49)
            // No flood, whoever fails.
            for source in 0..<250 {
                desk.failures.note(message("example.net", source: UInt8(source)))
            }
            try await simulation.sleep(for: .minutes(2))
            let count = try await desk.store.read { transaction in
                try transaction.first("SELECT COUNT(*) FROM message") { $0.integer(0) } ?? 0
            }
            #expect(count == 3 + 20)
        }
    }
}
