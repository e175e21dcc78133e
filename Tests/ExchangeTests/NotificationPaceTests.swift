// SPDX-License-Identifier: Apache-2.0

import Testing
import World

@testable import Delivery

@Suite("How fast a sender is notified")
struct NotificationPaceTests {
    private let start = Timestamp(seconds: 1_790_000_000)

    @Test("A burst goes at once, what follows at the pace, and a pause makes room again")
    func burst() {
        var pace = NotificationPace()
        for _ in 0..<NotificationPace.burst { #expect(pace.place(for: "a", at: start) == nil) }
        #expect(pace.place(for: "a", at: start) == start + .seconds(10))
        #expect(pace.place(for: "a", at: start) == start + .seconds(20))
        #expect(pace.place(for: "b", at: start) == nil)
        let later = start + .minutes(30)
        for _ in 0..<NotificationPace.burst { #expect(pace.place(for: "a", at: later) == nil) }
        #expect(pace.place(for: "a", at: later) == later + .seconds(10))
    }

    @Test("However many come, none waits longer than a day, and memory is bounded")
    func bounds() {
        var pace = NotificationPace()
        for _ in 0..<20_000 {
            let place = pace.place(for: "a", at: start)
            #expect(place.map { $0 <= start + .hours(24) } ?? true)
        }
        for number in 0..<(2 * NotificationPace.maximumSenders) {
            _ = pace.place(for: "s\(number)", at: start)
        }
        #expect(pace.senders <= NotificationPace.maximumSenders + 1)
        _ = pace.place(for: "new", at: start + .days(2))
        #expect(pace.senders == 1)
    }
}
