// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One event loop as a task executor, with the watch over the deadlines of what lives on it.
///
/// A task that prefers this executor runs on the thread that reads and writes its connection: no
/// hop, no lock between octets that arrive and the code that waits for them.
///
/// Unchecked: everything but `loop` is touched on the loop's thread only.
package final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    let loop: any EventLoop
    let deadlines: DeadlineWatch
    private var ready: [UnownedJob] = []
    private var running: [UnownedJob] = []
    private var isScheduled = false
    /// Kept, so that waking a task allocates nothing.
    private var runReady: @Sendable () -> Void = {}

    init(_ loop: any EventLoop) {
        self.loop = loop
        deadlines = DeadlineWatch(loop)
        runReady = { [unowned self] in self.run() }
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        guard loop.inEventLoop else {
            loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
            return
        }
        ready.append(job)
        if !isScheduled {
            isScheduled = true
            loop.execute(runReady)
        }
    }

    /// Runs what is ready now; what becomes ready meanwhile runs after the loop's other work.
    private func run() {
        isScheduled = false
        swap(&ready, &running)
        for job in running { job.runSynchronously(on: asUnownedTaskExecutor()) }
        running.removeAll(keepingCapacity: true)
    }
}
