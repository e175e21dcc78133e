// SPDX-License-Identifier: Apache-2.0

/// How long messages stay in a mailbox.
package struct Retention: Hashable, Sendable {
    /// Its name, as clients show it.
    package let mailbox: String
    /// Days in the mailbox after which a message is removed; 0: never.
    package let days: Int

    /// A century: longer is never.
    package static let maximumDays = 36_500
    /// Of a name; as the store takes them.
    package static let maximumNameOctets = 1000
    /// Rules of one account: far more than anybody tells apart.
    package static let maximumCount = 100

    /// Nil for a name or a number that cannot be.
    package init?(mailbox: String, days: Int) {
        guard (0...Self.maximumDays).contains(days),
            (1...Self.maximumNameOctets).contains(mailbox.utf8.count),
            !mailbox.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F })
        else { return nil }
        self.mailbox = mailbox
        self.days = days
    }

    /// Reads `30 Trash`.
    package init?(_ text: some StringProtocol) {
        guard let blank = text.firstIndex(of: " "), let days = Int(text[..<blank]) else {
            return nil
        }
        self.init(mailbox: String(text[text.index(after: blank)...]), days: days)
    }

    /// As `init` reads it.
    package var text: String { "\(days) \(mailbox)" }
}
