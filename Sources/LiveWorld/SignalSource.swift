// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// What the operating system asks of the whole process.
package enum ProcessSignal: Sendable {
    /// SIGTERM or SIGINT: end, after what is under way.
    case terminate
    /// SIGHUP: read the certificates and the configuration again.
    case reload
}

/// The process's signals as a stream.
///
/// Once made, SIGTERM, SIGINT and SIGHUP no longer end the process; SIGPIPE is ignored. There is
/// one for a process and it lasts as long as that.
package struct SignalSource: Sendable {
    package let signals: AsyncStream<ProcessSignal>

    /// Where the handler, which may do hardly anything, writes the signal's number.
    private nonisolated(unsafe) static var writeEnd: CInt = -1

    package init() {
        var ends: [CInt] = [-1, -1]
        precondition(pipe(&ends) == 0, "no descriptor left for signals")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        Self.writeEnd = ends[1]
        let (stream, continuation) = AsyncStream.makeStream(of: ProcessSignal.self)
        signals = stream
        let readEnd = ends[0]
        Thread.detachNewThread {
            var number: UInt8 = 0
            while read(readEnd, &number, 1) != 0 {
                continuation.yield(CInt(number) == SIGHUP ? .reload : .terminate)
            }
        }
        signal(SIGPIPE, SIG_IGN)
        for number in [SIGTERM, SIGINT, SIGHUP] {
            signal(number) { number in
                let saved = errno
                var octet = UInt8(truncatingIfNeeded: number)
                write(SignalSource.writeEnd, &octet, 1)
                errno = saved
            }
        }
    }
}
