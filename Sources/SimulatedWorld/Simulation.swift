// SPDX-License-Identifier: Apache-2.0

package import World

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A world that a seed determines: executor, clocks and chance of every task in it.
///
/// One thread runs everything. Ready jobs stand in an array and the seed picks the next; the
/// clock moves only when none is ready, straight to the next thing on the agenda, so that days
/// pass in milliseconds. Task groups, `async let`, actors, streams and continuations stay here;
/// `Task {}`, `Task.detached` and Dispatch leave it, which stops the program at once when they
/// come back.
///
/// Being single-threaded by construction (`enqueue` sees to it) is what makes the classes of
/// this module `@unchecked Sendable`.
package final class Simulation: TaskExecutor, Time, Entropy, @unchecked Sendable {
    package let seed: UInt64

    /// The calendar's first moment: Sunday, 1 November 2026, 12:00 UTC.
    package static let start = Timestamp(seconds: 1_793_534_400)

    private var ready: [UnownedJob] = []
    private var agenda = Agenda()
    private var clock = Instant(nanoseconds: 0)
    private var calendarOffset = Duration.zero

    private var order: Chance
    private var program: Chance
    /// Chance for what the world does to the program, and for harnesses.
    package var faults: Chance

    private var thread: pthread_t?
    /// Calls since a task was last chosen: see `turn`.
    private var turns = 0
    private var waiters: [Int: Waiter] = [:]
    private var waiterNumber = 0
    private var processes: [Process] = []
    private var record: Record

    package init(seed: UInt64) {
        self.seed = seed
        order = Chance(seed: seed, stream: 1)
        program = Chance(seed: seed, stream: 2)
        faults = Chance(seed: seed, stream: 3)
        record = Record()
    }
}

// MARK: - Clocks and chance

extension Simulation {
    package var now: Instant { clock }

    package var timestamp: Timestamp {
        Self.start + (clock - Instant(nanoseconds: 0)) + calendarOffset
    }

    /// Sets the calendar forward or, with a negative duration, back.
    package func jumpCalendar(by duration: Duration) { calendarOffset += duration }

    package func sleep(until deadline: Instant) async throws(CancellationError) {
        if Task.isCancelled { throw CancellationError() }
        // Even a pause of nothing is a place where others may run.
        let deadline = max(deadline, now + .nanoseconds(1))
        do throws(NetworkFailure) {
            try await wait("sleeping", .nothing, until: deadline) { _ in }
        } catch {
            if error != .deadlinePassed { throw CancellationError() }
        }
    }

    package func next() -> UInt64 { program.next() }
}

// MARK: - Executor

extension Simulation {
    package func enqueue(_ job: consuming ExecutorJob) {
        if let thread {
            precondition(
                pthread_equal(thread, pthread_self()) != 0,
                "a job came from another thread: Task {}, Task.detached or Dispatch was used")
        }
        ready.append(UnownedJob(job))
    }

    /// Runs `body` to its end on this thread, and returns or throws what it does.
    ///
    /// Processes still running then are crashed and must unwind. `limit` is virtual time from
    /// now; `jobs` bounds the steps, because a circle without a pause would never reach it.
    package func run<Success: Sendable>(
        limit: Duration = .days(400), jobs: Int = 50_000_000,
        _ body: sending @escaping () async throws -> Success
    ) throws -> Success {
        precondition(thread == nil, "a simulation runs one body at a time")
        thread = pthread_self()
        defer { thread = nil }
        let result = Box<Result<Success, any Error>?>(nil)
        let root = Task(executorPreference: self) {
            do {
                result.value = .success(try await body())
            } catch {
                result.value = .failure(error)
            }
        }
        do {
            try drive(limit: limit, jobs: jobs) { result.value != nil }
            for process in processes { process.crash() }
            try drive(limit: .hours(1), jobs: jobs) { self.processes.isEmpty }
        } catch {
            // What is left is unwound as far as it goes, so that a failed seed leaks little.
            root.cancel()
            for process in processes { process.crash() }
            try? drive(limit: .hours(1), jobs: 1_000_000) {
                result.value != nil && self.processes.isEmpty
            }
            throw error
        }
        guard let result = result.value else { preconditionFailure("ended without a result") }
        return try result.get()
    }

    private func drive(
        limit: Duration, jobs: Int, until done: () -> Bool
    ) throws(SimulationFailure) {
        let end = clock + limit
        var count = 0
        while !done() {
            if !ready.isEmpty {
                count += 1
                guard count <= jobs else { throw .runaway(jobs: jobs) }
                runOne()
            } else if let instant = agenda.next() {
                guard instant <= end else { throw .timeLimit(waiting: waiting) }
                if instant > clock { clock = instant }
                note(.time, UInt64(bitPattern: clock.nanoseconds))
                agenda.takeFirst()?()
            } else {
                throw .deadlock(waiting: waiting)
            }
        }
    }

    private func runOne() {
        let index = order.below(ready.count)
        turns = 0
        note(.job, UInt64(index) << 32 | UInt64(ready.count))
        ready.swapAt(index, ready.count - 1)
        ready.removeLast().runSynchronously(on: asUnownedTaskExecutor())
    }

    /// Counts a call that may answer without waiting.
    ///
    /// A task that asks for ever and never waits would hang the program, and no limit of `run`
    /// would see it.
    func turn() {
        turns += 1
        precondition(turns < 10_000_000, "a task asks in a circle and never waits")
    }

    private var waiting: [String] {
        waiters.sorted { $0.key < $1.key }.map(\.value.description)
            + processes.map { "process \($0.name)" }
    }
}

/// A place for a value that closures share.
final class Box<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}

// MARK: - The agenda, for the parts of this world

extension Simulation {
    /// Has `action` happen at `instant`; call it off with the entry returned.
    @discardableResult
    func at(_ instant: Instant, _ action: @escaping () -> Void) -> Agenda.Entry {
        agenda.add(at: instant, tie: order.next(), action)
    }

    func callOff(_ entry: Agenda.Entry) { agenda.callOff(entry) }

    func enter(_ waiter: Waiter) -> Int {
        waiterNumber += 1
        waiters[waiterNumber] = waiter
        return waiterNumber
    }

    func leave(_ number: Int) { waiters[number] = nil }

    func enter(_ process: Process) { processes.append(process) }

    func leave(_ process: Process) { processes.removeAll { $0 === process } }
}

// MARK: - Record

extension Simulation {
    /// A number that says all that has happened so far, in order: two runs are the same when
    /// theirs are.
    package var trace: UInt64 { record.digest }

    /// How many jobs, moves of the clock and network events there have been.
    package var eventCount: Int { record.count }

    /// The last lines told, each behind its virtual time.
    package var story: [String] { record.story }

    /// Tells the reader of a failed seed what happens.
    package func tell(_ line: String) {
        for octet in line.utf8 { note(.story, UInt64(octet)) }
        record.tell(line, at: CalendarDate(timestamp).internetFormat)
    }

    func note(_ kind: Record.Kind, _ value: UInt64) { record.note(kind, value) }
}

/// What has happened: a digest of everything, and the words of the last part.
struct Record {
    enum Kind: UInt64 {
        case job = 1
        case time, story, connect, arrival, ending, datagram
    }

    /// Enough to see what led to a failure; a long run would else fill the memory.
    static let storyLimit = 5000

    private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    private(set) var count = 0
    private(set) var story: [String] = []

    mutating func note(_ kind: Kind, _ value: UInt64) {
        count += 1
        var mixed = digest ^ (value &+ kind.rawValue &* 0x9E37_79B9_7F4A_7C15)
        mixed = (mixed ^ mixed >> 32) &* 0xD6E8_FEB8_6659_FD93
        digest = mixed ^ mixed >> 32
    }

    mutating func tell(_ line: String, at time: String) {
        if story.count >= Self.storyLimit { story.removeFirst(Self.storyLimit / 2) }
        story.append("\(time) \(line)")
    }
}
