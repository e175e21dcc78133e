// SPDX-License-Identifier: Apache-2.0

import World

/// How far the work on a folder is, for people.
struct Progress {
    private let name: String
    private let total: Int?
    private let begin: Instant
    private var count = 0
    private var hasSpoken = false

    init(_ name: String, of total: Int?, from begin: Instant) {
        self.name = name
        self.total = total
        self.begin = begin
    }

    /// Counts a message; a line after each so many.
    mutating func line(every step: Int, at now: Instant) -> String? {
        count += 1
        guard count % step == 0 else { return nil }
        hasSpoken = true
        return line(at: now)
    }

    /// The last line, if there was one before.
    func end(at now: Instant) -> String? {
        hasSpoken && count > 0 ? line(at: now) : nil
    }

    private func line(at now: Instant) -> String {
        let milliseconds = max(1, (now - begin).nanoseconds / 1_000_000)
        let rate = Int64(count) * 1000 / milliseconds
        guard let total, total >= count else { return "\(name): \(count) messages, \(rate)/s" }
        let rest = rate > 0 ? " \((Int64(total - count) + rate - 1) / rate) s left" : ""
        return "\(name): \(count) of \(total) messages, \(rate)/s,\(rest)"
    }
}
