// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
private import Glibc
#else
private import Darwin
#endif

/// A thread of its own for work that waits for a disk, so that no connection's event loop does.
///
/// Only for the live world: the simulator runs stores on its own executor. Keep a reference while
/// anything runs on it; the thread ends with the last one.
package final class StorageExecutor: TaskExecutor {
    private let jobs = JobQueue()

    /// A thread with a `niceness` above 0 takes what time the others leave, for work that nobody
    /// waits for.
    package init(niceness: Int32 = 0) {
        let start = Unmanaged.passRetained(
            ThreadStart(jobs, asUnownedTaskExecutor(), niceness: niceness))
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, storageThread, start.toOpaque())
        precondition(code == 0, "no thread can be made for the store")
        pthread_detach(thread)
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

private func storageThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue()
    #if os(Linux)
    // There each thread has its own.
    if start.niceness > 0 {
        setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, start.niceness)
    }
    #endif
    start.jobs.work(on: start.executor)
    return nil
}

/// Jobs on their way to the thread.
private final class JobQueue: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var waiting: [UnownedJob] = []
    private var isFinished = false
    private var isIdle = false

    init() {
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
        let wake = isIdle
        pthread_mutex_unlock(mutex)
        if wake { pthread_cond_signal(condition) }
    }

    func finish() {
        pthread_mutex_lock(mutex)
        isFinished = true
        pthread_mutex_unlock(mutex)
        pthread_cond_signal(condition)
    }

    func work(on executor: UnownedTaskExecutor) {
        var jobs: [UnownedJob] = []
        while take(&jobs) {
            for job in jobs { job.runSynchronously(on: executor) }
            jobs.removeAll(keepingCapacity: true)
        }
    }

    private func take(_ jobs: inout [UnownedJob]) -> Bool {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while waiting.isEmpty, !isFinished {
            isIdle = true
            pthread_cond_wait(condition, mutex)
            isIdle = false
        }
        swap(&jobs, &waiting)
        return !jobs.isEmpty
    }
}
