// SPDX-License-Identifier: Apache-2.0

/// What SEARCH, SORT and THREAD look for (RFC 9051 §6.4.4).
package indirect enum SearchKey: Hashable, Sendable {
    case all
    /// Nothing.
    case none
    /// \Recent, which IMAP4rev1 knows (RFC 3501 §6.4.4); NEW is one that is unseen as well.
    case recent
    /// ANSWERED, UNSEEN, ...: all of the flags set, or none of them.
    case flag(FlagSet, isSet: Bool)
    /// KEYWORD and UNKEYWORD with a keyword that is not among the known flags.
    case keyword(String, isSet: Bool)
    case date(DateField, DateComparison, CalendarDay)
    /// OLDER and YOUNGER, in seconds before now (RFC 5032).
    case age(seconds: UInt32, isOlder: Bool)
    case text(TextField, String)
    case larger(UInt64)
    case smaller(UInt64)
    case uid(SequenceSet)
    case numbers(SequenceSet)
    /// Messages changed at or after it (RFC 7162 §3.1.5); the entry is the whole message here.
    case modificationSequence(UInt64)
    /// RFC 8474 §5.3.
    case emailID(String)
    case threadID(String)
    /// RFC 8514: true for every message here.
    case saveDateSupported
    case not(SearchKey)
    case or(SearchKey, SearchKey)
    /// Every one of them; never empty.
    case and([SearchKey])

    /// INTERNALDATE, the Date field, or SAVEDATE.
    package enum DateField: Hashable, Sendable { case `internal`, sent, saved }
    /// On which side of the day.
    package enum DateComparison: Hashable, Sendable { case before, on, since }

    /// Where a text is looked for.
    package enum TextField: Hashable, Sendable {
        case from, to, cc, bcc, subject, body
        /// Header and body.
        case text
        /// A header field by its name; an empty text looks for the field alone.
        case header(String)
    }

    /// Keys within keys: deeper is refused, so that no search overflows the stack.
    package static let maximumDepth = 32
    /// Keys of one command.
    package static let maximumKeys = 2000

    /// Whether it looks at modification sequences, so that the response names the highest
    /// (RFC 7162 §3.1.5).
    package var hasModificationSequence: Bool {
        switch self {
        case .modificationSequence: true
        case .not(let key): key.hasModificationSequence
        case .or(let left, let right):
            left.hasModificationSequence || right.hasModificationSequence
        case .and(let keys): keys.contains { $0.hasModificationSequence }
        default: false
        }
    }

    /// Whether sequence numbers are named, which UIDONLY forbids (RFC 9586 §3).
    package var hasNumbers: Bool {
        switch self {
        case .numbers(let set): set != .saved
        case .not(let key): key.hasNumbers
        case .or(let left, let right): left.hasNumbers || right.hasNumbers
        case .and(let keys): keys.contains { $0.hasNumbers }
        default: false
        }
    }
}

/// What of the results SEARCH returns (RFC 9051 §6.4.4, RFC 9394).
package struct SearchReturn: Hashable, Sendable {
    /// The data items that are wanted, and SAVE.
    package struct Options: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let min = Self(rawValue: 1)
        package static let max = Self(rawValue: 2)
        package static let all = Self(rawValue: 4)
        package static let count = Self(rawValue: 8)
        package static let save = Self(rawValue: 16)
    }

    package var options: Options
    package var partial: PartialRange?

    package init(_ options: Options, partial: PartialRange? = nil) {
        self.options = options
        self.partial = partial
    }
}

/// SEARCH or UID SEARCH.
package struct Search: Hashable, Sendable {
    package var key: SearchKey
    package var isUID: Bool
    /// nil: the untagged SEARCH response of IMAP4rev1; else ESEARCH.
    package var returns: SearchReturn?
}

/// SORT (RFC 5256 §3).
package struct Sort: Hashable, Sendable {
    /// What is compared (RFC 5256 §3).
    package enum Criterion: Hashable, Sendable {
        case arrival, cc, date, from, size, subject, to
        /// RFC 5957.
        case displayFrom, displayTo
    }

    /// One criterion, and its direction.
    package struct Step: Hashable, Sendable {
        package var criterion: Criterion
        package var isReversed: Bool

        package init(criterion: Criterion, isReversed: Bool) {
            self.criterion = criterion
            self.isReversed = isReversed
        }
    }

    /// More would never decide anything.
    package static let maximumSteps = 16

    package var criteria: [Step]
    package var key: SearchKey
    package var isUID: Bool

    package init(criteria: [Step], key: SearchKey, isUID: Bool) {
        self.criteria = criteria
        self.key = key
        self.isUID = isUID
    }
}

/// THREAD (RFC 5256 §3).
package struct Thread: Hashable, Sendable {
    /// How messages are put together (RFC 5256 §3).
    package enum Algorithm: Hashable, Sendable { case orderedSubject, references }
    package var algorithm: Algorithm
    package var key: SearchKey
    package var isUID: Bool
}
