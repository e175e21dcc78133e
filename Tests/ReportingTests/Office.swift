// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Directory
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
import Synchronization
import World

/// A server's reports on a simulated disk, which outlasts it.
final class Office: Sendable {
    static let schema: [Migrations] = [
        .messageStore, .journal, .spool, .directory, .reportStore,
    ]
    /// Day 20,000 since 1970: 2024-10-04, at noon.
    static let noon = Timestamp(seconds: 20_000 * 86_400 + 43_200)

    let clock: HandClock
    let store: SQLiteStore
    let reports: Reports
    let spooler: Spooler
    let registry: Registry
    let sender: ReportSender
    let reader: ReportReader
    let intake: Intake

    private init(
        _ disk: MemoryDisk, _ store: SQLiteStore, _ clock: HandClock, _ records: TextRecords,
        _ network: (any Network)?, _ change: (inout ReportingSettings) -> Void,
        _ sign: @escaping ReportSender.Signing
    ) async throws {
        self.clock = clock
        self.store = store
        let entropy = CountingEntropy()
        let ids = QueueIDSource(time: clock, entropy: entropy)
        spooler = Spooler(store: store, bodies: disk.bodies, ids: ids, time: clock, node: "here")
        intake = Intake(spooler)
        registry = try await Registry(
            store: store, time: clock, entropy: entropy,
            secretKey: SecretKey([UInt8](repeating: 7, count: SecretKey.octetCount)), iterations: 1)
        reports = Reports(store: store, time: clock, entropy: entropy)
        var settings = ReportingSettings(hostName: try Domain("mx.here.example"))
        change(&settings)
        let log = Logger(label: "reports") { _ in SwiftLogNoOpLogHandler() }
        sender = ReportSender(
            settings, reports: reports, intake: intake, resolver: records, time: clock,
            entropy: entropy, network: network, sign: sign, log: log)
        reader = ReportReader(
            settings, reports: reports, registry: registry, spooler: spooler, log: log)
    }

    /// Opens one, runs its store beside `body`, and ends it.
    static func run<Result: Sendable>(
        on disk: MemoryDisk = MemoryDisk(), clock: HandClock = HandClock(),
        records: TextRecords = TextRecords([:]), network: (any Network)? = nil,
        change: @escaping @Sendable (inout ReportingSettings) -> Void = { _ in },
        sign: @escaping ReportSender.Signing = { _ in [] },
        _ body: @escaping @Sendable (Office) async throws -> Result
    ) async throws -> Result {
        let store = try SQLiteStore(on: disk, schema: schema)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            let office = try await Office(disk, store, clock, records, network, change, sign)
            let result = try await body(office)
            group.cancelAll()
            return result
        }
    }

    /// How many messages the spool holds.
    func messageCount() async throws -> Int64 {
        try await store.read { transaction in
            try transaction.first("SELECT COUNT(*) FROM message") { $0.integer(0) } ?? 0
        }
    }

    /// What waits in the spool: who is to get it, and the octets.
    func spooled() async throws -> [(recipients: [String], octets: [UInt8])] {
        let due = try await spooler.claim(at: clock.timestamp, limit: 100).recipients
        var messages: [(recipients: [String], octets: [UInt8])] = []
        var seen: [SpooledMessage] = []
        for recipient in due where !seen.contains(recipient.message) {
            seen.append(recipient.message)
            var reader = spooler.read(recipient.message)
            var octets: [UInt8] = []
            while let piece = try await reader.next() { octets += piece }
            messages.append(
                (
                    due.filter { $0.message == recipient.message }.map { "\($0.address)" }.sorted(),
                    octets
                ))
        }
        return messages
    }

    /// An observation of a message from somewhere, judged somehow.
    static func observation(
        of domain: String = "example.org", addresses: [String] = ["mailto:dmarc@example.org"],
        source: UInt8 = 1, passes: Bool = true
    ) -> Observation {
        var policy = AggregateReport.PublishedPolicy(domain: domain)
        policy.policy = .reject
        policy.discovery = .treeWalk
        var record = AggregateReport.Record(
            source: .v4(IPv4Address(192, 0, 2, source)), count: 1,
            disposition: passes ? .pass : .reject, isDKIMAligned: passes, isSPFAligned: false,
            headerFrom: "mail.\(domain)")
        record.envelopeFrom = domain
        record.signatures = [
            .init(domain: domain, selector: "s1", result: passes ? "pass" : "fail")
        ]
        record.senderPolicies = [.init(domain: domain, result: "softfail")]
        record.reasons = passes ? [] : [.init(type: "other", comment: "a \"reason\"")]
        return Observation(policy: policy, addresses: addresses, record: record)
    }
}

/// A clock that moves when it is told to.
final class HandClock: Time {
    private let current = Mutex(Office.noon)

    var timestamp: Timestamp { current.withLock { $0 } }
    var now: Instant { Instant(nanoseconds: timestamp.milliseconds * 1_000_000) }
    func advance(_ duration: Duration) { current.withLock { $0 = $0 + duration } }
    func sleep(until deadline: Instant) async throws(CancellationError) {}
}

/// Numbers that follow each other.
final class CountingEntropy: Entropy {
    private let value = Mutex<UInt64>(0)

    func next() -> UInt64 {
        value.withLock {
            $0 &+= 0x9E37_79B9_7F4A_7C15
            return $0
        }
    }
}

/// TXT records by name, or an address (`=192.0.2.1`); nil: the DNS does not answer.
struct TextRecords: Resolver {
    let texts: [String: String?]

    init(_ texts: [String: String?]) { self.texts = texts }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        guard let text = texts[String(lossy: name.dotted)] else { return Answer(.nameError) }
        guard let text else { return Answer(.failure(.timeout)) }
        if text.hasPrefix("="), let address = IPv4Address(text.dropFirst()) {
            guard type == .a else { return Answer(.noData) }
            return Answer(
                .records,
                records: [ResourceRecord(owner: name, type: .a, ttl: 60, data: .a(address))])
        }
        guard type == .txt else { return Answer(.noData) }
        return Answer(
            .records,
            records: text.split(separator: "|").map {
                ResourceRecord(owner: name, type: .txt, ttl: 60, data: .txt([Array($0.utf8)]))
            })
    }
}
