// SPDX-License-Identifier: Apache-2.0

/// How a client behaves within one connection: who errs again and again is answered later and
/// later, and in the end no more.
package struct Conduct: Sendable {
    /// A person's or a mailing list's slips cost nothing.
    static let freeErrors = 5
    static let firstPause = Duration.seconds(1)
    /// Less than any client waits for a reply (RFC 5321 §4.5.3.2 asks for five minutes).
    static let longestPause = Duration.seconds(20)

    /// Errors after which the connection is closed; 0: never.
    package var maximumErrors: Int
    package private(set) var errors = 0

    package init(maximumErrors: Int) { self.maximumErrors = maximumErrors }

    /// Counts an error; returns how long to wait before it is answered.
    package mutating func err() -> Duration {
        errors += 1
        guard errors > Self.freeErrors else { return .zero }
        let doublings = min(errors - Self.freeErrors - 1, 10)
        return min(Self.firstPause * (1 << doublings), Self.longestPause)
    }

    /// Whether that was one too many.
    package var isOver: Bool { maximumErrors > 0 && errors >= maximumErrors }
}
