// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// Threads of its own for work that waits for a disk or takes long, so that no connection's event
/// loop does.
///
/// Only for the live world: the simulator runs everything on its own executor. Keep a reference
/// while anything runs on it; the threads end with the last one.
package final class ThreadExecutor: TaskExecutor {
    private let jobs: JobQueue

    /// Jobs of one thread run in their order.
    ///
    /// Threads with a `niceness` above 0 never interrupt others when they wake up, and the higher it
    /// is, the smaller their share of a busy processor. An event loop answers somebody with each
    /// octet and runs a moment only; what it is interrupted for can wait that moment. So 2 is for
    /// commits, which many wait for at once, 5 for what takes the processor's time, and 15 for what
    /// nobody waits for.
    package init(threads: Int = 1, niceness: Int32 = 0) {
        precondition(threads > 0, "work needs a thread")
        jobs = JobQueue(threads: threads)
        for _ in 0..<threads {
            let start = Unmanaged.passRetained(
                ThreadStart(jobs, asUnownedTaskExecutor(), niceness: niceness))
            var thread = pthread_t()
            let code = pthread_create(&thread, nil, workingThread, start.toOpaque())
            precondition(code == 0, "no thread can be made")
            pthread_detach(thread)
        }
    }

    deinit { jobs.finish() }

    package func enqueue(_ job: consuming ExecutorJob) { jobs.append(UnownedJob(job)) }
}

/// What a new thread is handed.
private final class ThreadStart {
    let jobs: JobQueue
    let executor: UnownedTaskExecutor
    let niceness: Int32

    init(_ jobs: JobQueue, _ executor: UnownedTaskExecutor, niceness: Int32) {
        self.jobs = jobs
        self.executor = executor
        self.niceness = niceness
    }
}

private func workingThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue()
    if start.niceness > 0 { giveWay(start.niceness) }
    start.jobs.work(on: start.executor)
    return nil
}

/// The calling thread no longer interrupts others when it wakes up, and has a smaller share.
private func giveWay(_ niceness: Int32) {
    #if os(Linux)
    // There each thread has its own. Both are only wishes: without them the work is done as well.
    nice(niceness)
    var parameters = sched_param()
    // SCHED_BATCH, which Swift does not see.
    sched_setscheduler(0, 3, &parameters)
    #endif
}

/// Jobs on their way to the threads.
private final class JobQueue: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let threads: Int
    private var waiting: [UnownedJob] = []
    private var isFinished = false
    private var idleThreads = 0

    init(threads: Int) {
        self.threads = threads
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func append(_ job: UnownedJob) {
        pthread_mutex_lock(mutex)
        waiting.append(job)
        let wake = idleThreads > 0
        pthread_mutex_unlock(mutex)
        if wake { pthread_cond_signal(condition) }
    }

    func finish() {
        pthread_mutex_lock(mutex)
        isFinished = true
        pthread_mutex_unlock(mutex)
        pthread_cond_broadcast(condition)
    }

    func work(on executor: UnownedTaskExecutor) {
        var jobs: [UnownedJob] = []
        while take(&jobs) {
            for job in jobs { job.runSynchronously(on: executor) }
            jobs.removeAll(keepingCapacity: true)
        }
    }

    /// Takes one thread's share of what waits.
    private func take(_ jobs: inout [UnownedJob]) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while waiting.isEmpty, !isFinished {
            idleThreads += 1
            pthread_cond_wait(condition, mutex)
            idleThreads -= 1
        }
        let share = (waiting.count + threads - 1) / threads
        if share == waiting.count {
            swap(&jobs, &waiting)
        } else {
            jobs += waiting.prefix(share)
            waiting.removeFirst(share)
        }
        return !jobs.isEmpty
    }
}
