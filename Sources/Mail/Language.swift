// SPDX-License-Identifier: Apache-2.0

/// A language that Postreiter speaks with people.
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
    package func list(_ items: [String]) -> String {
        guard let last = items.last, items.count > 1 else { return items.first ?? "" }
        return items.dropLast().joined(separator: ", ") + choose(" and ", " und ") + last
    }
}
