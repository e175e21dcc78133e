// SPDX-License-Identifier: Apache-2.0

import NIOCore
import World

/// What may wait until a deadline on one event loop.
protocol Waiting: AnyObject {
    /// `DeadlineWatch.never` while nothing waits.
    var deadline: Instant { get }
    /// Where the watch keeps it.
    var watchIndex: Int? { get set }
    /// Called on the loop when `deadline` has passed.
    func expire()
}

/// Wakes those whose deadline passes, with one timer for a whole event loop.
///
/// Deadlines are set thousands of times in a second and hardly ever pass. So setting one costs a
/// comparison; the timer looks at all when the earliest of them is due.
final class DeadlineWatch {
    static let never = Instant(nanoseconds: .max)
    /// Between two looks, so that many close deadlines do not become many looks.
    private static let rest = Duration.milliseconds(10)
    /// The timer's longest sleep; it keeps deadlines of centuries within what timers can hold.
    private static let longest = Duration.hours(1)

    private let loop: any EventLoop
    private let time = LiveTime()
    private var waiting: [any Waiting] = []
    private var timer: Scheduled<Void>?
    private var wake = DeadlineWatch.never

    init(_ loop: any EventLoop) { self.loop = loop }

    func add(_ one: any Waiting) {
        one.watchIndex = waiting.count
        waiting.append(one)
    }

    func remove(_ one: any Waiting) {
        guard let index = one.watchIndex else { return }
        one.watchIndex = nil
        let last = waiting.removeLast()
        if last !== one {
            waiting[index] = last
            last.watchIndex = index
        }
        if waiting.isEmpty { stop() }
    }

    /// Someone's deadline is now `deadline`.
    func note(_ deadline: Instant) {
        guard deadline < wake else { return }
        let now = time.now
        wake = min(deadline, now + Self.longest)
        timer?.cancel()
        let delay = max(0, (wake - now).nanoseconds)
        timer = loop.assumeIsolated().scheduleTask(in: .nanoseconds(delay)) { [weak self] in
            self?.look()
        }
    }

    private func look() {
        timer = nil
        wake = Self.never
        let now = time.now
        for one in waiting.filter({ $0.deadline <= now }) { one.expire() }
        let next = waiting.reduce(Self.never) { min($0, $1.deadline) }
        if next != Self.never { note(max(next, now + Self.rest)) }
    }

    private func stop() {
        timer?.cancel()
        timer = nil
        wake = Self.never
    }
}
