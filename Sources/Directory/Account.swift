// SPDX-License-Identifier: Apache-2.0

package import Mail

/// The number of an account: given once, never again, so that nobody inherits a mailbox.
package struct AccountID: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int64

    package init(rawValue: Int64) { self.rawValue = rawValue }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Someone with a mailbox and a password; or mailboxes that several share.
package struct Account: Hashable, Sendable {
    package let id: AccountID
    /// The name to log in with, which is also the account's first address.
    package let login: Address
    package var displayName: String
    /// A disabled account neither logs in nor receives (550 5.2.1); what it holds stays.
    package var isEnabled: Bool
    /// In which the person is told what became of messages; nil: as the server does.
    package var language: Language?
    /// Nobody logs in with it: what it receives is for those who have rights to its mailboxes.
    package var isShared = false

    /// In octets; shown in lists, so control characters are refused.
    package static let maximumDisplayNameOctets = 200
}

/// An account with what is kept of its password.
struct AccountRecord: Hashable, Sendable {
    var account: Account
    var keys: PasswordKeys
}
