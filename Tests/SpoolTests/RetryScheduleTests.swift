// SPDX-License-Identifier: Apache-2.0

import Spool
import Testing
import World

/// The same numbers in each run.
struct TestGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29) &* 0x9E37_79B9_7F4A_7C15
    }
}

@Suite("RFC 5321 §4.5.4.1 The retry schedule")
struct RetryScheduleTests {
    let accepted = Timestamp(seconds: 1_800_000_000)
    var end: Timestamp { accepted + .days(5) }

    @Test("pauses grow from a minute to four hours, each within ten per cent")
    func pauses() throws {
        var generator = TestGenerator(state: 1)
        let minutes: [Int64] = [1, 5, 15, 30, 60, 120, 240, 240, 240]
        for _ in 0..<100 {
            for (index, expected) in minutes.enumerated() {
                let next = RetrySchedule.standard.next(
                    afterAttempts: index + 1, end: end, at: accepted,
                    using: &generator)
                guard case .retry(let time) = next else {
                    Issue.record("expired at once")
                    return
                }
                let pause = (time - accepted).nanoseconds / 1_000_000
                #expect((expected * 54_000...expected * 66_000).contains(pause))
            }
        }
    }

    @Test("pauses differ, so that what came together parts")
    func jitter() {
        var generator = TestGenerator(state: 2)
        let all = (0..<50).map { _ in
            RetrySchedule.standard.next(
                afterAttempts: 1, end: end, at: accepted, using: &generator)
        }
        #expect(Set(all).count > 40)
    }

    @Test("the last attempt falls on the end of the lifetime, after it there is none")
    func lifetime() {
        var generator = TestGenerator(state: 3)
        var now = accepted
        var attempts = 0
        while attempts < 1000 {
            attempts += 1
            let next = RetrySchedule.standard.next(
                afterAttempts: attempts, end: end, at: now, using: &generator)
            guard case .retry(let time) = next else { break }
            #expect(time > now)
            now = time
        }
        #expect(now == end)
        #expect((30...42).contains(attempts))
    }

    @Test("nothing is tried behind the end, however short the lifetime")
    func shortLifetime() {
        var generator = TestGenerator(state: 4)
        let end = accepted + .hours(48)
        #expect(
            RetrySchedule.standard.next(
                afterAttempts: 9, end: end, at: accepted + .hours(47), using: &generator)
                == .retry(at: end))
        #expect(
            RetrySchedule.standard.next(afterAttempts: 9, end: end, at: end, using: &generator)
                == .expired)
    }

    @Test("the delay notice is due after four hours")
    func delayNotice() {
        let schedule = RetrySchedule.standard
        #expect(!schedule.isDelayNoticeDue(acceptedAt: accepted, at: accepted + .minutes(239)))
        #expect(schedule.isDelayNoticeDue(acceptedAt: accepted, at: accepted + .hours(4)))
        var silent = schedule
        silent.delayNoticeAfter = nil
        #expect(!silent.isDelayNoticeDue(acceptedAt: accepted, at: end))
    }

    @Test("a clock set back does not expire a message")
    func clockSetBack() {
        var generator = TestGenerator(state: 5)
        let next = RetrySchedule.standard.next(
            afterAttempts: 1, end: end, at: accepted + .days(-30), using: &generator)
        guard case .retry(let time) = next else {
            Issue.record("expired")
            return
        }
        #expect(time < accepted + .days(-29))
    }
}
