// SPDX-License-Identifier: Apache-2.0

package import IMAP

/// Which mailboxes their owner wants to see, as Dovecot and Courier write it.
package enum SubscriptionList {
    /// Reads Dovecot's `subscriptions`: names with `separator` between levels, or, from version 2
    /// on, levels with tabs between them.
    package static func dovecot(_ octets: [UInt8], separator: UInt8) -> [MailboxName] {
        var lines = octets.split(separator: UInt8(ascii: "\n"))[...]
        var separator = separator
        if let first = lines.first, first.elementsEqual("V\t2".utf8) {
            lines.removeFirst()
            separator = UInt8(ascii: "\t")
        }
        return lines.compactMap { line in
            FolderName.mailbox(line.split(separator: separator, omittingEmptySubsequences: false))
        }
    }

    /// `subscriptions` of these names, as Dovecot 2.3 and later write it.
    package static func dovecot(_ names: [MailboxName]) -> [UInt8] {
        var octets = Array("V\t2\n\n".utf8)
        for name in names {
            for (index, level) in name.levels.enumerated() {
                if index > 0 { octets.append(UInt8(ascii: "\t")) }
                octets += ModifiedUTF7.encode(String(level))
            }
            octets.append(UInt8(ascii: "\n"))
        }
        return octets
    }

    /// Reads `courierimapsubscribed`: `INBOX`, `INBOX.A.B`.
    package static func courier(_ octets: [UInt8]) -> [MailboxName] {
        octets.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let levels = line.split(
                separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            guard levels.count > 1, levels[0].elementsEqual("INBOX".utf8) else {
                return FolderName.mailbox(levels)
            }
            return FolderName.mailbox(levels.dropFirst())
        }
    }
}
