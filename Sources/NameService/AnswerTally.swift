// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts what a name server answers, by response code and transport.
package final class AnswerTally: Sendable {
    /// The counts of one thread that answers datagrams, so that counting costs next to nothing, or
    /// of all connections together.
    ///
    /// Unchecked: the numbers are atomic, and stay where they are.
    final class Counts: @unchecked Sendable {
        private let numbers: UnsafeMutablePointer<Atomic<UInt64>>

        /// Sixteen codes, what was truncated, what got no answer; in whole lines of a cache.
        private static let capacity = 24
        static let truncated = 16
        static let unanswered = 17

        init() {
            numbers = .allocate(capacity: Self.capacity)
            for place in 0..<Self.capacity { (numbers + place).initialize(to: Atomic(0)) }
        }

        deinit {
            numbers.deinitialize(count: Self.capacity)
            numbers.deallocate()
        }

        func count(code: UInt8?, isTruncated: Bool) {
            add(code.map(Int.init) ?? Self.unanswered)
            if isTruncated { add(Self.truncated) }
        }

        private func add(_ place: Int) {
            numbers[place].add(1, ordering: .relaxed)
        }

        subscript(place: Int) -> UInt64 { numbers[place].load(ordering: .relaxed) }
    }

    /// What was answered over one transport since the start.
    package struct Answers: Sendable {
        /// `udp` or `tcp`.
        package let transport: String
        /// By the code's mnemonic; every one that is counted, also with 0.
        package let byCode: [(code: String, count: UInt64)]
        package let truncated: UInt64
        /// Dropped for the rate limit, or not worth an answer.
        package let unanswered: UInt64
    }

    /// RFC 1035 §4.1.1 and RFC 2136 §2.2; all others are `OTHER`.
    private static let names = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
        "NXRRSET", "NOTAUTH", "NOTZONE",
    ]

    let streams = Counts()
    private let threads = Mutex<[Counts]>([])

    /// For one more thread that answers datagrams.
    func datagrams() -> Counts {
        let counts = Counts()
        threads.withLock { $0.append(counts) }
        return counts
    }

    /// What was answered since the start, by datagram and by stream.
    package var answers: [Answers] {
        [
            Self.sum(threads.withLock { $0 }, transport: "udp"),
            Self.sum([streams], transport: "tcp"),
        ]
    }

    private static func sum(_ counts: [Counts], transport: String) -> Answers {
        func total(_ place: Int) -> UInt64 { counts.reduce(0) { $0 &+ $1[place] } }
        let others = (names.count..<16).reduce(UInt64(0)) { $0 &+ total($1) }
        return Answers(
            transport: transport,
            byCode: names.enumerated().map { ($1, total($0)) } + [("OTHER", others)],
            truncated: total(Counts.truncated), unanswered: total(Counts.unanswered))
    }
}
