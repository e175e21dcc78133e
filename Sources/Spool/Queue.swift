// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import Mail
package import World

/// Decides which message goes next, to which destination, over how many connections.
///
/// It holds only what is due now: a bounded line for each destination, and the lines are served
/// in turn, so that a slow or huge destination starves nobody. What is due later stays in the
/// database. A value without I/O: the one who owns it performs its assignments and reports.
package struct Queue<Job: Sendable>: Sendable {
    /// One connection's worth of work, begun by `next` and ended by `finished`.
    package struct Assignment: Sendable {
        package let destination: Destination
        /// The first message; `more` hands out the next ones.
        package let job: Job
        fileprivate var messages = 1
    }

    /// Whether a message found a place.
    package enum Acceptance: Hashable, Sendable {
        case accepted
        /// No place in the destination's line or in memory: leave it in the database.
        case full
        /// The destination is on probation: nothing is tried before then.
        case paused(until: Instant)
    }

    /// What a connection's end says about the destination.
    package enum Ending: Hashable, Sendable {
        /// A host took mail, or answered as a working host does.
        case answered
        /// No host could be reached, or none was willing to talk.
        case unreachable
        /// Nothing was learnt: the way ended before a host was asked.
        case unknown
    }

    /// What follows from the end of a connection.
    package struct Aftermath: Sendable {
        /// What waited for a destination that turned out to be unreachable, oldest first: to be
        /// put off without an attempt.
        package var putOff: [Job] = []
        /// The destination answered again after it had not.
        package var hasRecovered = false
    }

    package let limits: QueueLimits
    private var lines: [Destination: Line] = [:]
    /// The destinations that wait for a connection, each once.
    private var turn: Deque<Destination> = []
    /// Those of them whose first message is urgent, each once.
    private var urgentTurn: Deque<Destination> = []
    /// Connections given to urgent messages in a row.
    private var urgentInARow = 0
    /// Messages waiting in all lines.
    package private(set) var waiting = 0
    /// Connections at work.
    package private(set) var connections = 0

    package init(limits: QueueLimits = QueueLimits()) { self.limits = limits }

    /// How many more messages find a place in memory.
    package var places: Int { max(0, limits.messages - waiting) }

    /// The destinations that take no more at the moment, in the order of their names.
    package func closed(at now: Instant) -> [Destination] {
        lines.filter { $0.value.isFull(limits) || $0.value.isPaused(at: now) }
            .keys.sorted { $0.description < $1.description }
    }

    /// Ends a pause: someone wants the destination tried now.
    ///
    /// It stays on probation: one connection shows whether it is back.
    package mutating func reopen(_ destination: Destination) {
        lines[destination]?.pausedUntil = Instant(nanoseconds: .min)
    }

    /// When the first of the probations under way ends; nil without any.
    package func nextReopening(after now: Instant) -> Instant? {
        lines.values.filter { $0.isPaused(at: now) }.map(\.pausedUntil).min()
    }

    /// Puts a message that is due into its destination's line.
    ///
    /// A higher priority (RFC 6710) goes before a lower one; but whatever waits moves up with time,
    /// so that it is not kept for ever.
    package mutating func offer(
        _ job: Job, for destination: Destination, priority: Int = 0, at now: Instant
    ) -> Acceptance {
        guard waiting < limits.messages else { return .full }
        if lines[destination] == nil, lines.count >= limits.destinations {
            forget(at: now)
            guard lines.count < limits.destinations else { return .full }
        }
        var line = lines[destination] ?? Line(concurrency: limits.initialConcurrency)
        guard !line.isPaused(at: now) else { return .paused(until: line.pausedUntil) }
        guard !line.isFull(limits) else { return .full }
        line.insert(Waiting(job: job, rank: now + limits.priorityStep * -priority, priority))
        waiting += 1
        update(destination, line)
        return .accepted
    }

    /// The next connection to make and its first message; nil when nothing may begin now.
    ///
    /// No clock is asked: what waits for a destination on probation is put off at its failure.
    package mutating func next() -> Assignment? {
        while connections < limits.connections, let (destination, isUrgent) = takeTurn() {
            guard var line = lines[destination] else { continue }
            if isUrgent { line.isInUrgentTurn = false } else { line.isInTurn = false }
            guard line.active < line.allowed, let job = line.waiting.popFirst()?.job else {
                update(destination, line)
                continue
            }
            urgentInARow = isUrgent ? urgentInARow + 1 : 0
            line.active += 1
            waiting -= 1
            connections += 1
            update(destination, line)
            return Assignment(destination: destination, job: job)
        }
        return nil
    }

    /// Of some connections in a row one goes to what is not urgent, so that it moves too.
    private mutating func takeTurn() -> (destination: Destination, isUrgent: Bool)? {
        if urgentInARow < limits.urgentInARow || turn.isEmpty,
            let destination = urgentTurn.popFirst()
        {
            return (destination, true)
        }
        return turn.popFirst().map { ($0, false) }
    }

    /// The message before went through: the next one for the same connection; nil to end it.
    package mutating func more(_ assignment: inout Assignment) -> Job? {
        let destination = assignment.destination
        guard var line = lines[destination] else { return nil }
        line.concurrency = min(line.concurrency + 1, limits.maximumConcurrency)
        let share = isCrowded ? limits.messagesPerTurn : limits.messagesPerConnection
        guard assignment.messages < share, let job = line.waiting.popFirst()?.job else {
            update(destination, line)
            return nil
        }
        assignment.messages += 1
        waiting -= 1
        update(destination, line)
        return job
    }

    /// The connection has ended.
    package mutating func finished(
        _ assignment: consuming Assignment, _ ending: Ending, at now: Instant
    ) -> Aftermath {
        let destination = assignment.destination
        var aftermath = Aftermath()
        connections -= 1
        guard var line = lines[destination] else { return aftermath }
        line.active -= 1
        switch ending {
        case .answered:
            aftermath.hasRecovered = line.failures > 0
            line.failures = 0
            line.pausedUntil = Instant(nanoseconds: .min)
        case .unknown: break
        case .unreachable:
            line.concurrency = max(1, line.concurrency / 2)
            // Others get through: the host only refuses to take so many at once.
            if line.active == 0 || line.failures > 0 {
                line.failures += 1
                line.pausedUntil = now + limits.pause(afterFailures: line.failures)
                aftermath.putOff = line.waiting.map(\.job)
                waiting -= line.waiting.count
                line.waiting = []
            }
        }
        update(destination, line)
        return aftermath
    }

    /// Takes out all waiting messages that match, oldest first within each destination.
    package mutating func remove(where matches: (Job) -> Bool) -> [Job] {
        var removed: [Job] = []
        for destination in lines.keys.sorted(by: { $0.description < $1.description }) {
            guard var line = lines[destination] else { continue }
            let taken = line.waiting.map(\.job).filter(matches)
            guard !taken.isEmpty else { continue }
            line.waiting.removeAll { matches($0.job) }
            waiting -= taken.count
            removed += taken
            update(destination, line)
        }
        return removed
    }

    /// Whether somebody waits for a connection and all are taken.
    private var isCrowded: Bool {
        connections >= limits.connections && !(turn.isEmpty && urgentTurn.isEmpty)
    }

    private mutating func update(_ destination: Destination, _ line: Line) {
        var line = line
        if !line.isInTurn, !line.waiting.isEmpty, line.active < line.allowed {
            line.isInTurn = true
            turn.append(destination)
        }
        if !line.isInUrgentTurn, line.isUrgent, line.active < line.allowed {
            line.isInUrgentTurn = true
            urgentTurn.append(destination)
        }
        // A destination that nothing is known of and nothing waits for needs no memory; one that
        // has lost its claim while it stood in the turn is passed over by `next`.
        let isIdle =
            line.waiting.isEmpty && line.active == 0 && line.failures == 0 && !line.isInATurn
        lines[destination] = isIdle ? nil : line
    }

    /// Forgets the probations that are over.
    private mutating func forget(at now: Instant) {
        lines = lines.filter { _, line in
            line.active > 0 || line.isInATurn || line.isPaused(at: now)
        }
    }

    private struct Waiting: Sendable {
        let job: Job
        /// When it would have come without its priority: an earlier one goes first.
        let rank: Instant
        let isUrgent: Bool

        init(job: Job, rank: Instant, _ priority: Int) {
            self.job = job
            self.rank = rank
            isUrgent = priority > 0
        }
    }

    private struct Line: Sendable {
        var waiting: Deque<Waiting> = []
        var active = 0
        var concurrency: Int
        /// Failures in a row; while there are any, the destination is on probation.
        var failures = 0
        var pausedUntil = Instant(nanoseconds: .min)
        var isInTurn = false
        var isInUrgentTurn = false

        init(concurrency: Int) { self.concurrency = concurrency }

        var isInATurn: Bool { isInTurn || isInUrgentTurn }
        var isUrgent: Bool { waiting.first?.isUrgent == true }

        /// Behind all that come before it; usually at the end.
        mutating func insert(_ new: Waiting) {
            var place = waiting.endIndex
            while place > waiting.startIndex, waiting[place - 1].rank > new.rank { place -= 1 }
            waiting.insert(new, at: place)
        }

        /// On probation one connection shows whether the host is back.
        var allowed: Int { failures > 0 ? 1 : concurrency }

        func isPaused(at now: Instant) -> Bool { failures > 0 && now < pausedUntil }
        func isFull(_ limits: QueueLimits) -> Bool {
            waiting.count >= limits.messagesPerDestination
        }
    }
}

/// The bounds of a `Queue`.
package struct QueueLimits: Hashable, Sendable {
    /// In memory at once, in all lines: a job is a few hundred octets.
    package var messages = 5000
    /// In one line, so that a huge destination leaves places for others.
    package var messagesPerDestination = 500
    /// Lines and remembered probations.
    package var destinations = 10_000
    /// To all destinations together.
    package var connections = 200
    /// To one destination: at first, and at most.
    package var initialConcurrency = 2
    package var maximumConcurrency = 20
    /// Over one connection; more would keep the receiver from balancing its load.
    package var messagesPerConnection = 100
    /// Over one connection while others wait for one.
    package var messagesPerTurn = 10
    /// What one step of priority (RFC 6710) is worth in waiting.
    package var priorityStep = Duration.minutes(10)
    /// Connections for urgent messages before one for others, if any wait.
    package var urgentInARow = 3
    /// Of a destination that cannot be reached: doubled at each failure.
    package var firstPause = Duration.seconds(30)
    package var longestPause = Duration.minutes(10)

    package init() {}

    func pause(afterFailures failures: Int) -> Duration {
        min(firstPause * (1 << min(failures - 1, 16)), longestPause)
    }
}
