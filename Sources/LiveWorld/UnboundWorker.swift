// SPDX-License-Identifier: Apache-2.0

import DNS
import Foundation
import Glibc
import Synchronization
import World

/// The one thread that talks to libunbound: it starts questions, takes answers, ends what takes
/// too long.
final class UnboundWorker: Sendable {
    /// Questions under way at a time, each with sockets of its own; more wait their turn.
    private static let maximumUnderWay = 256

    private struct Inbox {
        var questions: [UnboundQuestion] = []
        var isStopped = false
    }

    private let context: UnboundContext
    private let inbox = Mutex(Inbox())
    private let bell = WakePipe()

    init(_ context: UnboundContext) { self.context = context }

    func start() { Thread.detachNewThread { self.run() } }

    func stop() {
        inbox.withLock { $0.isStopped = true }
        wake()
    }

    func ask(_ question: UnboundQuestion) {
        inbox.withLock { $0.questions.append(question) }
        wake()
    }

    func wake() { bell.wake() }

    private func run() {
        let time = LiveTime()
        var waiting: [UnboundQuestion] = []
        var underWay: [(question: UnboundQuestion, id: CInt)] = []
        while true {
            let deadlines = (waiting + underWay.map(\.question)).map(\.deadline)
            sleep(until: deadlines.min(), now: time.now)
            let (arrived, isStopped) = inbox.withLock { inbox in
                defer { inbox.questions = [] }
                return (inbox.questions, inbox.isStopped)
            }
            waiting += arrived
            context.process()
            let now = time.now
            let isOver = { (question: UnboundQuestion) in
                isStopped || question.isCancelled || question.deadline <= now
            }
            underWay.removeAll { $0.question.isAnswered }
            for (question, id) in underWay where isOver(question) {
                context.abandon(question, id)
                question.answer(Answer(.failure(.timeout)))
            }
            for question in waiting where isOver(question) {
                question.answer(Answer(.failure(.timeout)))
            }
            underWay.removeAll { $0.question.isAnswered }
            waiting.removeAll { $0.isAnswered }
            if isStopped { return }
            let ready = waiting.prefix(Self.maximumUnderWay - underWay.count)
            waiting.removeFirst(ready.count)
            for question in ready {
                if let id = context.start(question) { underWay.append((question, id)) }
            }
        }
    }

    private func sleep(until deadline: Instant?, now: Instant) {
        var milliseconds: CInt = -1
        if let deadline {
            // Rounded up, or the last millisecond would be spent in a loop.
            let rest = (deadline - now).nanoseconds / 1_000_000 + 1
            milliseconds = CInt(clamping: max(0, rest))
        }
        var descriptors = [
            pollfd(fd: context.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: bell.readEnd, events: Int16(POLLIN), revents: 0),
        ]
        poll(&descriptors, nfds_t(descriptors.count), milliseconds)
        bell.clear()
    }
}
