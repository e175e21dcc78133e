// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// Lines on their way to a descriptor, written by a thread of their own.
///
/// Whoever logs only appends to a buffer: a slow reader of standard error never holds mail up. When
/// the buffer is full lines are dropped, and the next line that finds room says how many.
///
/// Unchecked: all state is touched while `condition` is held.
package final class LogOutput: @unchecked Sendable {
    /// What may wait: some ten thousand lines.
    package static let limitOctets = 4 << 20
    /// Lines of the same moment share a system call; none is later than this.
    private static let gatheringMicroseconds: UInt32 = 2000

    private let descriptor: CInt
    private let limit: Int
    private let notice: @Sendable (Int) -> [UInt8]
    private let condition = NSCondition()
    private var waiting: [UInt8] = []
    private var writing: [UInt8] = []
    private var dropped = 0
    private var hasThread = false
    private var isIdle = false
    private var isWriting = false

    /// `notice` makes the line that says how many were dropped.
    package init(
        descriptor: CInt = 2, limit: Int = LogOutput.limitOctets,
        notice: @escaping @Sendable (Int) -> [UInt8]
    ) {
        self.descriptor = descriptor
        self.limit = limit
        self.notice = notice
    }

    /// Lets `line` append one line to what waits, or counts it as dropped.
    package func append(_ line: (inout [UInt8]) -> Void) {
        condition.lock()
        defer { condition.unlock() }
        guard waiting.count < limit else {
            dropped += 1
            return
        }
        if dropped > 0 {
            waiting += notice(dropped)
            dropped = 0
        }
        line(&waiting)
        if !hasThread {
            hasThread = true
            Thread.detachNewThread { self.work() }
        } else if isIdle {
            isIdle = false
            condition.signal()
        }
    }

    /// Returns when everything is written, or after so long; for the end of the process.
    package func flush(within seconds: Double = 1) {
        let end = Date(timeIntervalSinceNow: seconds)
        condition.lock()
        defer { condition.unlock() }
        while hasThread, !waiting.isEmpty || isWriting {
            if !condition.wait(until: min(end, Date(timeIntervalSinceNow: 0.01))), Date() >= end {
                return
            }
        }
    }

    private func work() {
        while true {
            condition.lock()
            isWriting = false
            while waiting.isEmpty {
                isIdle = true
                condition.wait()
            }
            isIdle = false
            isWriting = true
            swap(&waiting, &writing)
            condition.unlock()
            write(writing)
            writing.removeAll(keepingCapacity: writing.capacity <= Self.limitOctets / 16)
            usleep(Self.gatheringMicroseconds)
        }
    }

    private func write(_ octets: [UInt8]) {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                usleep(Self.gatheringMicroseconds)
                continue
            }
            // Nobody reads any more: there is no other place to say so.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
