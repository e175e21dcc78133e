// SPDX-License-Identifier: Apache-2.0

import Mail
import Spool
import Testing
import World

private func begin<Job>(_ queue: inout Queue<Job>) throws -> Queue<Job>.Assignment {
    let assignment = queue.next()
    return try #require(assignment)
}

private func isDone<Job>(_ queue: inout Queue<Job>) -> Bool { queue.next() == nil }

private func destination(_ name: String) throws -> Destination { try Destination(name) }

@Suite("The queue: what goes next, and where")
struct QueueTests {
    let start = Instant(nanoseconds: 0)

    private func limits(connections: Int = 200) -> QueueLimits {
        var limits = QueueLimits()
        limits.connections = connections
        limits.messages = 1000
        limits.messagesPerDestination = 100
        return limits
    }

    @Test("messages to one destination go in the order of arrival")
    func order() throws {
        var queue = Queue<Int>(limits: limits())
        let there = try destination("a.example")
        for job in 0..<50 { #expect(queue.offer(job, for: there, at: start) == .accepted) }
        var assignment = try begin(&queue)
        var jobs = [assignment.job]
        while let job = queue.more(&assignment) { jobs.append(job) }
        #expect(jobs == Array(0..<50))
        #expect(queue.waiting == 0)
    }

    @Test("a higher priority goes first, and equals in the order of arrival")
    func priority() throws {
        var queue = Queue<Int>(limits: limits())
        let there = try destination("a.example")
        for (job, priority) in [0, -4, 0, 9, 3, 9, 0].enumerated() {
            #expect(queue.offer(job, for: there, priority: priority, at: start) == .accepted)
        }
        var assignment = try begin(&queue)
        var jobs = [assignment.job]
        while let job = queue.more(&assignment) { jobs.append(job) }
        #expect(jobs == [3, 5, 4, 0, 2, 6, 1])
    }

    @Test("what waits moves up: no priority keeps it for ever")
    func aging() throws {
        var queue = Queue<Int>(limits: limits())
        let there = try destination("a.example")
        var now = start
        _ = queue.offer(-1, for: there, priority: -9, at: now)
        // Of one urgent message each half minute the slow line takes one each minute.
        var taken: [Int] = []
        for minute in 0..<400 where !taken.contains(-1) {
            _ = queue.offer(2 * minute, for: there, priority: 9, at: now)
            _ = queue.offer(2 * minute + 1, for: there, priority: 9, at: now + .seconds(30))
            now = now + .minutes(1)
            let assignment = try begin(&queue)
            taken.append(assignment.job)
            _ = queue.finished(assignment, .answered, at: now)
            if queue.waiting > 90 { _ = queue.remove { $0 > 2 * minute - 80 && $0 >= 0 } }
        }
        #expect(taken.last == -1)
        // 18 steps of ten minutes lie between -9 and 9.
        #expect((180...400).contains(taken.count))
    }

    @Test("urgent destinations get connections first, the others one in four")
    func urgentDestinations() throws {
        var queue = Queue<Int>(limits: limits())
        for job in 0..<8 {
            _ = queue.offer(job, for: try destination("n\(job).example"), at: start)
        }
        for job in 100..<108 {
            _ = queue.offer(
                job, for: try destination("u\(job).example"), priority: 1, at: start)
        }
        var jobs: [Int] = []
        while let assignment = queue.next() { jobs.append(assignment.job) }
        #expect(
            jobs == [100, 101, 102, 0, 103, 104, 105, 1, 106, 107, 2, 3, 4, 5, 6, 7])
    }

    @Test("a connection carries at most a hundred messages")
    func perConnection() throws {
        var limits = limits()
        limits.messagesPerDestination = 500
        var queue = Queue<Int>(limits: limits)
        let there = try destination("a.example")
        for job in 0..<250 { _ = queue.offer(job, for: there, at: start) }
        var assignment = try begin(&queue)
        var count = 1
        while queue.more(&assignment) != nil { count += 1 }
        #expect(count == 100)
        #expect(queue.waiting == 150)
    }

    @Test("two connections at first, one more for each success, at most twenty")
    func growth() throws {
        var queue = Queue<Int>(limits: limits())
        let there = try destination("a.example")
        for job in 0..<100 { _ = queue.offer(job, for: there, at: start) }
        var open = [try begin(&queue), try begin(&queue)]
        #expect(isDone(&queue))
        #expect(queue.more(&open[0]) != nil)
        open.append(try begin(&queue))
        #expect(isDone(&queue))
        for _ in 0..<30 { _ = queue.more(&open[0]) }
        while let next = queue.next() { open.append(next) }
        #expect(open.count == 20)
    }

    @Test("a failure halves the connections; when all fail, the rest is put off")
    func failure() throws {
        var queue = Queue<Int>(limits: limits())
        let there = try destination("a.example")
        for job in 0..<10 { _ = queue.offer(job, for: there, at: start) }
        let first = try begin(&queue)
        let second = try begin(&queue)
        #expect(queue.finished(first, .unreachable, at: start).putOff.isEmpty)
        #expect(isDone(&queue))
        #expect(queue.finished(second, .unreachable, at: start).putOff == Array(2..<10))
        #expect(queue.waiting == 0)
        #expect(queue.closed(at: start) == [there])
    }

    @Test("pauses of probation double up to ten minutes, and a success ends it")
    func probation() throws {
        var queue = Queue<Int>(limits: limits())
        let there = try destination("a.example")
        var now = start
        var pauses: [Int64] = []
        for _ in 0..<7 {
            #expect(queue.offer(1, for: there, at: now) == .accepted)
            #expect(queue.offer(2, for: there, at: now) == .accepted)
            let assignment = try begin(&queue)
            if !pauses.isEmpty { #expect(isDone(&queue), "one connection on probation") }
            if pauses.isEmpty, let second = queue.next() {
                _ = queue.finished(second, .unreachable, at: now)
            }
            #expect(!queue.finished(assignment, .unreachable, at: now).hasRecovered)
            guard case .paused(let until) = queue.offer(3, for: there, at: now) else {
                Issue.record("not paused")
                return
            }
            pauses.append((until - now).nanoseconds / 1_000_000_000)
            now = until
        }
        #expect(pauses == [30, 60, 120, 240, 480, 600, 600])
        #expect(queue.offer(4, for: there, at: now) == .accepted)
        let last = try begin(&queue)
        #expect(queue.finished(last, .answered, at: now).hasRecovered)
        #expect(queue.offer(5, for: there, at: now) == .accepted)
        let next = try begin(&queue)
        #expect(!queue.finished(next, .answered, at: now).hasRecovered)
    }

    @Test("one huge destination starves nobody")
    func fairness() throws {
        var queue = Queue<String>(limits: limits(connections: 4))
        let huge = try destination("huge.example")
        for job in 0..<100 { _ = queue.offer("huge \(job)", for: huge, at: start) }
        for index in 0..<30 {
            _ = queue.offer("small \(index)", for: try destination("s\(index).example"), at: start)
        }
        var served: [String] = []
        var open: [Queue<String>.Assignment] = []
        // Each round every connection sends one message and asks for the next.
        for _ in 0..<60 {
            while let assignment = queue.next() {
                served.append(assignment.job)
                open.append(assignment)
            }
            var still: [Queue<String>.Assignment] = []
            for var assignment in open {
                if let job = queue.more(&assignment) {
                    served.append(job)
                    still.append(assignment)
                } else {
                    _ = queue.finished(assignment, .answered, at: start)
                }
            }
            open = still
        }
        let lastSmall = try #require(served.lastIndex { $0.hasPrefix("small") })
        #expect(served.count == 130)
        #expect(lastSmall < 100, "thirty small ones are done long before the hundred of the huge")
    }

    @Test("a line and the memory are bounded")
    func bounded() throws {
        var queue = Queue<Int>(limits: limits())
        let there = try destination("a.example")
        for job in 0..<100 { #expect(queue.offer(job, for: there, at: start) == .accepted) }
        #expect(queue.offer(100, for: there, at: start) == .full)
        #expect(queue.closed(at: start) == [there])
        for index in 0..<900 {
            let other = try destination("d\(index).example")
            #expect(queue.offer(index, for: other, at: start) == .accepted)
        }
        #expect(queue.places == 0)
        #expect(queue.offer(0, for: try destination("b.example"), at: start) == .full)
    }

    @Test("waiting messages can be taken out again")
    func removal() throws {
        var queue = Queue<Int>(limits: limits())
        let there = try destination("a.example")
        for job in 0..<6 { _ = queue.offer(job, for: there, at: start) }
        #expect(queue.remove { $0.isMultiple(of: 2) } == [0, 2, 4])
        #expect(queue.waiting == 3)
        var assignment = try begin(&queue)
        #expect(assignment.job == 1)
        #expect(queue.more(&assignment) == 3)
    }

    @Test("nothing is lost or doubled, whatever happens", arguments: 0..<60 as Range<UInt64>)
    func conservation(seed: UInt64) throws {
        var generator = TestGenerator(state: seed)
        var limits = limits(connections: 6)
        limits.messages = 60
        limits.messagesPerDestination = 12
        limits.destinations = 9
        var queue = Queue<Int>(limits: limits)
        let destinations = try (0..<12).map { try destination("d\($0).example") }
        var inside: Set<Int> = []
        var done: [Int] = []
        var putOff: [Int] = []
        var open: [(assignment: Queue<Int>.Assignment, job: Int)] = []
        var lastStarted: [Destination: Int] = [:]
        var now = start
        var number = 0
        for _ in 0..<3000 {
            now = now + .seconds(Int.random(in: 0...5, using: &generator))
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                let there = destinations[Int.random(in: 0..<12, using: &generator)]
                number += 1
                if queue.offer(number, for: there, at: now) == .accepted { inside.insert(number) }
            case 1:
                if let assignment = queue.next() {
                    #expect(lastStarted[assignment.destination, default: 0] < assignment.job)
                    lastStarted[assignment.destination] = assignment.job
                    open.append((assignment, assignment.job))
                }
            case 2 where !open.isEmpty:
                let index = Int.random(in: open.indices, using: &generator)
                done.append(open[index].job)
                if let job = queue.more(&open[index].assignment) {
                    let there = open[index].assignment.destination
                    #expect(lastStarted[there, default: 0] < job)
                    lastStarted[there] = job
                    open[index].job = job
                } else {
                    let (assignment, _) = open.remove(at: index)
                    putOff += queue.finished(assignment, .answered, at: now).putOff
                }
            case 3 where !open.isEmpty:
                let index = Int.random(in: open.indices, using: &generator)
                let (assignment, job) = open.remove(at: index)
                done.append(job)
                let ending: Queue<Int>.Ending =
                    Bool.random(using: &generator)
                    ? .unreachable : .unknown
                putOff += queue.finished(assignment, ending, at: now).putOff
            default: break
            }
            #expect(queue.waiting <= 60 && queue.connections <= 6)
            #expect(queue.connections == open.count)
            #expect(inside.count == done.count + putOff.count + open.count + queue.waiting)
        }
        while !open.isEmpty || queue.waiting > 0 {
            while let assignment = queue.next() { open.append((assignment, assignment.job)) }
            let before = open.count
            #expect(before > 0, "what waits gets its turn")
            guard before > 0 else { return }
            let (assignment, job) = open.removeFirst()
            done.append(job)
            putOff += queue.finished(assignment, .answered, at: now).putOff
        }
        #expect((done + putOff).sorted() == inside.sorted())
    }
}
