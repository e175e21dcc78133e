// SPDX-License-Identifier: Apache-2.0

import Journal
import Mail
import MessageStore
import Spool
import Storage
import Synchronization
import World

/// A clock that moves when it is told to.
final class HandClock: Time {
    private let current = Mutex(Timestamp(seconds: 1_790_000_000))

    var timestamp: Timestamp { current.withLock { $0 } }
    var now: Instant { Instant(nanoseconds: timestamp.milliseconds * 1_000_000) }
    func advance(_ duration: Duration) { current.withLock { $0 = $0 + duration } }
    func sleep(until deadline: Instant) async throws(CancellationError) {}
}

/// Chance without surprises.
final class Counter: Entropy {
    private let value = Mutex<UInt64>(0)
    func next() -> UInt64 {
        value.withLock {
            $0 += 0x9E37_79B9
            return $0
        }
    }
}

/// A post office on one simulated disk or in one folder.
struct Post: Sendable {
    static let schema: [Migrations] = [.messageStore, .journal, .spool]

    let clock: HandClock
    let store: SQLiteStore
    let bodies: any BodyFiles
    let spooler: Spooler
    let intake: Intake
    let mailboxes: Mailboxes
    let trace: Trace

    init(
        _ store: SQLiteStore, _ bodies: any BodyFiles, clock: HandClock = HandClock(),
        handover: (any Handover)? = nil, node: String = "here"
    ) {
        self.clock = clock
        self.store = store
        self.bodies = bodies
        let ids = QueueIDSource(time: clock, entropy: Counter())
        spooler = Spooler(store: store, bodies: bodies, ids: ids, time: clock, node: node)
        intake = Intake(spooler, handover: handover)
        mailboxes = Mailboxes(
            store: store, bodies: bodies, time: clock, changes: spooler.mailboxChanges)
        trace = Trace(store: store)
    }

    /// Opens a post on a disk, runs its committer beside `body`, and ends it.
    static func run<Result: Sendable>(
        on disk: MemoryDisk = MemoryDisk(), clock: HandClock = HandClock(),
        handover: (any Handover)? = nil,
        _ body: @escaping @Sendable (Post) async throws -> Result
    ) async throws -> Result {
        let store = try SQLiteStore(on: disk, schema: schema)
        let post = Post(store, disk.bodies, clock: clock, handover: handover)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            let result = try await body(post)
            group.cancelAll()
            return result
        }
    }

    /// Accepts a message of so many octets, appended piece by piece.
    @discardableResult
    func accept(
        _ octets: Int = 100, from: String = "anna@example.org",
        to recipients: [String] = ["ben@example.net"], piece: Int = 10_000
    ) async throws -> QueueID {
        var draft = intake.open()
        let content = Self.content(octets)
        var rest = content[...]
        while !rest.isEmpty {
            try await draft.append(rest.prefix(piece))
            rest = rest.dropFirst(piece)
        }
        let envelope = Envelope(
            from: from.isEmpty ? .null : .address(try Address(from)),
            to: try recipients.map { Envelope.Recipient(try Address($0)) })
        return try await draft.commit(Acceptance(envelope, messageID: "<m1@example.org>"))
    }

    /// What `accept` appends.
    static func content(_ octets: Int) -> [UInt8] {
        let pattern = [UInt8](0...250)
        var content: [UInt8] = []
        while content.count < octets { content += pattern }
        return Array(content.prefix(octets))
    }

    func claimAll() async throws -> [DueRecipient] {
        try await spooler.claim(at: clock.timestamp, limit: 1_000).recipients
    }

    func count(_ sql: StaticString) async throws -> Int {
        try await store.read { try $0.first(sql) { Int($0.integer(0)) } ?? -1 }
    }
}

extension ContentReader {
    /// Everything, and the size of the largest piece.
    mutating func readAll() async throws -> (octets: [UInt8], largestPiece: Int) {
        var octets: [UInt8] = []
        var largest = 0
        while let piece = try await next() {
            octets += piece
            largest = max(largest, piece.count)
        }
        return (octets, largest)
    }
}
