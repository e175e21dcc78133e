// SPDX-License-Identifier: Apache-2.0

/// What a script may ask for with `require` (RFC 5228 §6), by its registered name.
package enum Capability: String, Hashable, Sendable, CaseIterable {
    case fileinto
    case reject
    case ereject
    case envelope
    case encodedCharacter = "encoded-character"
    case comparatorOctet = "comparator-i;octet"
    case comparatorCasemap = "comparator-i;ascii-casemap"
    case comparatorNumeric = "comparator-i;ascii-numeric"
    case variables
    case imap4flags
    case subaddress
    case relational
    case regex
    case copy
    case body
    case mailbox
    case mailboxid
    case specialUse = "special-use"
    case vacation
    case vacationSeconds = "vacation-seconds"
    case date
    case index
    case editheader
    case duplicate
    case ihave
    case include
    case environment
    case fcc
    case spamtest
    case spamtestplus
    case virustest
    case mboxmetadata
    case servermetadata
    case enotify
    case extlists
    case foreverypart
    case mime
    case extracttext

    /// Those that change how the rest of the script is read; `ihave` never enables them
    /// (RFC 5463 §4), and neither itself.
    var changesReading: Bool {
        switch self {
        case .encodedCharacter, .variables, .ihave: true
        default: false
        }
    }

    /// The names of all, as ManageSieve lists them; comparators are not listed one by one but
    /// for those that must be required.
    package static var names: [String] {
        allCases.filter { $0 != .comparatorOctet && $0 != .comparatorCasemap }.map(\.rawValue)
    }
}
