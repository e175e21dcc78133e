// SPDX-License-Identifier: Apache-2.0

import Crypto
package import Directory
import Synchronization
package import World

/// Who knows tokens: a server or a program of the operator's.
package protocol TokenSource: Sendable {
    /// How many questions it is asked at a time.
    var maximumAtOnce: Int { get }

    /// Whose token it is, and how long that may be believed at most; nil: as long as usual.
    func find(_ token: String, deadline: Instant) async -> (TokenVerdict, validity: Duration?)
}

/// Asks a source about tokens, and remembers what it heard for a short while: mail programs open
/// several connections with one token, again and again.
package final class TokenDesk: TokenJudge {
    private struct Known {
        var verdict: TokenVerdict
        var end: Instant
    }

    private struct State {
        /// By the digest of the token, which itself is kept nowhere.
        var known = RecencyCache<[UInt8], Known>(limit: maximumKnown)
        var underWay = 0
    }

    /// A token that is withdrawn opens the account no longer than this.
    package static let validity = Duration.seconds(60)
    /// A program that tries again at once with what was refused asks nobody.
    package static let refusalValidity = Duration.seconds(10)
    /// For an answer: mail programs wait about half a minute.
    package static let patience = Duration.seconds(10)
    /// Some hundred octets each.
    static let maximumKnown = 20_000

    private let source: any TokenSource
    private let time: any Time
    private let state = Mutex(State())

    package init(_ source: any TokenSource, time: any Time) {
        self.source = source
        self.time = time
    }

    package func judge(_ token: String) async -> TokenVerdict {
        let digest = Array(SHA256.hash(data: Array(token.utf8)))
        let now = time.now
        let known = state.withLock { $0.known.value(for: digest) }
        if let known, now < known.end { return known.verdict }
        let mayAsk = state.withLock { state in
            guard state.underWay < source.maximumAtOnce else { return false }
            state.underWay += 1
            return true
        }
        guard mayAsk else { return .unavailable("too many tokens are being checked already") }
        let (verdict, validity) = await source.find(token, deadline: now + Self.patience)
        let usual: Duration? =
            switch verdict {
            case .owner: Self.validity
            case .refused, .insufficientScope: Self.refusalValidity
            case .unavailable: nil
            }
        let end = usual.map { now + min($0, validity ?? $0) }
        state.withLock { state in
            state.underWay -= 1
            if let end { state.known.insert(Known(verdict: verdict, end: end), for: digest) }
        }
        return verdict
    }
}
