// SPDX-License-Identifier: Apache-2.0

/// Who decided about a message if it was not the sum of its score.
///
/// Verdicts are kept in English; the words of others stay as they are in every language.
package enum VerdictReason: Hashable, Sendable {
    case goodClient
    case scanner(String)
    case filter(String)

    private static let phrases: [(english: String, german: String)] = [
        ("the client is known as a good one", "der Client ist als guter bekannt"),
        ("rspamd says: ", "rspamd sagt: "),
        ("a filter says: ", "ein Filter sagt: "),
    ]

    /// As it is kept.
    package var text: String {
        switch self {
        case .goodClient: Self.phrases[0].english
        case .scanner(let words): Self.phrases[1].english + words
        case .filter(let words): Self.phrases[2].english + words
        }
    }

    /// What is kept, in German; what is none of ours is returned as it is.
    package static func german(_ kept: String) -> String {
        for (english, german) in phrases where kept.hasPrefix(english) {
            return german + kept.dropFirst(english.count)
        }
        return kept
    }
}
