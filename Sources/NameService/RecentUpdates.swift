// SPDX-License-Identifier: Apache-2.0

import DNS
import Synchronization
import World
import ZoneTransfer

/// Signed updates of the last minutes and their responses: one that comes again, because its
/// response was lost or because somebody plays it back, is answered and not made again.
final class RecentUpdates: Sendable {
    /// What is to be done with an update.
    enum Turn {
        /// It is new: make it, and tell `finish`.
        case new
        /// It is being made; who sent it again will do so once more.
        case underWay
        case done(ResponseCode)
    }

    private struct State {
        var codes: [[UInt8]: ResponseCode?] = [:]
        /// In the order of coming, with the time from which they are too old to be taken anyway.
        var order: [(code: [UInt8], end: Instant)] = []
    }

    private let state = Mutex(State())

    /// Twice RFC 8945 §10's fudge: a clock may be ahead by one and the signature old by another.
    private static let remembered: Duration = .seconds(
        2 * Int(TransactionSignature.usualFudgeSeconds))
    /// About a hundred octets each.
    ///
    /// Beyond these the oldest are forgotten early.
    private static let maximumCount = 5000

    /// `code`: the update's own message authentication code.
    func begin(_ code: [UInt8], at now: Instant) -> Turn {
        state.withLock { state in
            while let first = state.order.first,
                first.end <= now || state.order.count >= Self.maximumCount
            {
                state.codes[first.code] = nil
                state.order.removeFirst()
            }
            if let known = state.codes[code] { return known.map { .done($0) } ?? .underWay }
            state.codes[code] = .some(nil)
            state.order.append((code, now + Self.remembered))
            return .new
        }
    }

    /// Keeps the response, unless nothing was looked at: who asks again may have been let in by then.
    func finish(_ code: [UInt8], with response: ResponseCode) {
        state.withLock { state in
            guard state.codes[code] != nil else { return }
            switch response {
            case .refused, .notAuthoritative, .serverFailure: state.codes[code] = nil
            default: state.codes[code] = .some(response)
            }
        }
    }
}
