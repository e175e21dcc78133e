// SPDX-License-Identifier: Apache-2.0

import Glibc
import LiveWorld
import Testing
import World

@Suite("The process and its operating system")
struct ProcessTests {
    @Test("Signals arrive as a stream and no longer end the process", .timeLimit(.minutes(1)))
    func signals() async {
        let source = SignalSource()
        var iterator = source.signals.makeAsyncIterator()
        for (number, expected) in [
            (SIGHUP, ProcessSignal.reload), (SIGTERM, .terminate), (SIGINT, .terminate),
        ] {
            kill(getpid(), number)
            #expect(await iterator.next() == expected)
        }
    }

    @Test("A process's memory and time can be read, those of none cannot")
    func figures() throws {
        let figures = try #require(ProcessFigures())
        #expect((1 << 20...1 << 34).contains(figures.residentOctets))
        #expect(ProcessFigures(of: getpid()) != nil)
        #expect(figures.processorSeconds >= 0)
        #expect(ProcessFigures(of: .max) == nil)
    }

    @Test("The clocks go forward, sleep lasts, and cancelling ends it")
    func clocks() async throws {
        let start = time.now
        try await time.sleep(for: .milliseconds(50))
        #expect(time.now - start >= .milliseconds(50))
        #expect(time.timestamp.seconds > 1_700_000_000)
        let sleeping = Task { try await time.sleep(for: .hours(1)) }
        sleeping.cancel()
        await #expect(throws: CancellationError.self) { try await sleeping.value }
        #expect(LiveEntropy().next() != LiveEntropy().next())
    }
}
