// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A pipe whose one use is to wake the thread that polls its end.
final class WakePipe: Sendable {
    /// Readable after `wake`.
    let readEnd: CInt
    private let writeEnd: CInt

    init() {
        var ends: [CInt] = [-1, -1]
        precondition(pipe(&ends) == 0, "no descriptor left for a wake-up call")
        (readEnd, writeEnd) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// A full pipe wakes as well as one more octet would.
    func wake() { _ = write(writeEnd, [1], 1) }

    /// Makes it silent again.
    func clear() {
        var octets = [UInt8](repeating: 0, count: 64)
        while read(readEnd, &octets, octets.count) > 0 {}
    }
}
