// SPDX-License-Identifier: Apache-2.0

package import DNS
package import Mail

/// Something in a zone that a name server refuses, that breaks mail, or that surprises.
package struct Finding: Hashable, Sendable {
    /// How bad it is.
    package enum Severity: String, Hashable, Sendable, Comparable {
        /// Good to know; nothing has to be done.
        case notice
        /// Works today, and may surprise.
        case warning
        /// A name server refuses the zone, or mail is lost.
        case error

        package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .notice: 0
            case .warning: 1
            case .error: 2
            }
        }
    }

    /// A record concerned, and where it stands.
    package struct Place: Hashable, Sendable {
        package var owner: Name
        package var type: RecordType
        /// The included file, nil for the zone file itself or the store.
        package var file: String?
        /// Counted from 1; nil for a zone that is no file.
        package var line: Int?
    }

    package var code: FindingCode
    package var severity: Severity
    package var places: [Place]
    /// One sentence, without what to do.
    package var text: Wording
    package var advice: Wording

    /// The line of the first record concerned.
    package var line: Int? { places.first?.line }
}

/// A sentence in the languages that Postreiter speaks.
package struct Wording: Hashable, Sendable {
    package var english: String
    package var german: String

    package init(_ english: String, _ german: String) {
        self.english = english
        self.german = german
    }

    package subscript(language: Language) -> String { language.choose(english, german) }
}
