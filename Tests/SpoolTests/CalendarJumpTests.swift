// SPDX-License-Identifier: Apache-2.0

import Mail
import Spool
import Testing
import World

@Suite("The calendar is set")
struct CalendarJumpTests {
    private static let evidence = Outcome.Evidence(EnhancedStatus(4, 4, 1), "connection refused")

    @Test(
        "what waited before keeps its distance from now; what was tried since is left alone",
        arguments: [Duration.hours(8), .zero - .hours(8)])
    func jump(by jump: Duration) async throws {
        try await Post.run { post in
            func deferAll(for pause: Duration) async throws {
                let due = try await post.claimAll()
                #expect(due.count == 1)
                let until = post.clock.timestamp + pause
                try await post.spooler.settle([
                    Conclusion(
                        due.map {
                            Settlement(
                                $0, .deferred(until: until, Self.evidence, told: []))
                        })
                ])
            }
            try await post.accept()
            try await deferAll(for: .hours(10))
            let plan = try #require(try await post.spooler.nextDue())
            post.clock.advance(jump)
            let since = post.clock.timestamp
            post.clock.advance(.seconds(10))
            try await post.accept()
            try await deferAll(for: .minutes(1))
            let soon = post.clock.timestamp + .minutes(1)
            let moved = try await post.spooler.followCalendar(
                by: jump, since: since, at: post.clock.timestamp)
            #expect(moved == 1)
            #expect(try await post.spooler.nextDue() == soon)
            #expect(try await post.spooler.nextDue(after: soon) == plan + jump)
        }
    }
}
