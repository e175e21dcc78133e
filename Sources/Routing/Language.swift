// SPDX-License-Identifier: Apache-2.0

/// A language in which a decision explains itself.
package enum Language: String, Hashable, Sendable, CaseIterable {
    case english = "en"
    case german = "de"

    /// One of two wordings.
    package func choose(_ english: @autoclosure () -> String, _ german: @autoclosure () -> String)
        -> String
    {
        self == .english ? english() : german()
    }

    /// `a, b and c`.
    func list(_ items: [String]) -> String {
        guard let last = items.last, items.count > 1 else { return items.first ?? "" }
        return items.dropLast().joined(separator: ", ") + choose(" and ", " und ") + last
    }
}
