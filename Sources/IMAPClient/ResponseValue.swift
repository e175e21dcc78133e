// SPDX-License-Identifier: Apache-2.0

/// A piece of what an IMAP server says (RFC 9051 §4).
package indirect enum ResponseValue: Hashable, Sendable {
    /// An atom, a number, a flag, `NIL`, `BODY[HEADER]<0>`.
    case atom(String)
    /// Quoted, or a literal.
    case string([UInt8])
    /// A literal of so many octets that was too large to keep.
    case tooLarge(octets: Int)
    case list([ResponseValue])

    package var atom: String? { if case .atom(let text) = self { text } else { nil } }
    package var list: [ResponseValue]? { if case .list(let values) = self { values } else { nil } }
    package var number: Int64? { atom.flatMap { Int64($0) } }

    /// The octets of an astring; nil for NIL, and whatever else is none.
    package var octets: [UInt8]? {
        switch self {
        case .atom(let text): text.uppercased() == "NIL" ? nil : Array(text.utf8)
        case .string(let octets): octets
        case .tooLarge, .list: nil
        }
    }
}

/// One response of a server, its literals in their places.
package struct Response: Hashable, Sendable {
    /// `*`, `+` or the tag of a command.
    package var tag: String
    package var values: [ResponseValue]
    /// What stands behind the tag, without literals: for codes and people.
    package var text: String
}

/// The server says what no IMAP server says, or too much of it.
package struct ProtocolFailure: Error, Hashable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
