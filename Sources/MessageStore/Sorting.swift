// SPDX-License-Identifier: Apache-2.0

package import Storage
package import World

/// Delivery into mailboxes that a person's script has chosen (RFC 5228 §4.1).
extension Mailboxes {
    /// One copy, and where it goes.
    package struct Sorted: Hashable, Sendable {
        /// UTF-8, levels parted by `/`.
        package var mailbox: String
        /// Preferred, if one has it (RFC 8579 §4).
        package var use: String?
        /// Preferred, if it exists (RFC 9042 §4).
        package var mailboxID: String?
        /// Made if there is none (RFC 5490 §3.2); else the inbox gets the message.
        package var creates = false
        /// What cannot be stored is left out (RFC 5232 §5).
        package var flags: [String] = []
        /// A content of its own, with the header that the script has edited; at most
        /// `Content.rowLimitOctets`.
        package var replacement: Replacement?
        /// A mailbox of somebody else's, before all else.
        package var others: Others?

        package init(mailbox: String) { self.mailbox = mailbox }
    }

    /// A mailbox of somebody else's into which the account may put messages.
    package struct Others: Hashable, Sendable {
        package let mailbox: Mailbox.ID
        /// Whose it is.
        package let owner: Int64
        /// Flags that the account may set there.
        package let permitted: MessageFlags

        package init(_ mailbox: Mailbox, permitted: MessageFlags) {
            self.mailbox = mailbox.id
            owner = mailbox.account
            self.permitted = permitted
        }
    }

    /// A content that is not there yet.
    package struct Replacement: Hashable, Sendable {
        package let id: Content.ID
        package let octets: [UInt8]

        package init(_ id: Content.ID, _ octets: [UInt8]) {
            self.id = id
            self.octets = octets
        }
    }

    /// Puts a content into mailboxes, once into each.
    ///
    /// Part of the transaction that takes the message out of the spool. Each copy retains the
    /// content; the caller's own reference stays its own.
    package static func sort(
        _ content: Content.ID, octets: Int, prefix: String, to account: Int64,
        _ copies: [Sorted], at time: Timestamp, in transaction: any Transaction
    ) throws(StorageFailure) {
        var served: Set<Mailbox.ID> = []
        for copy in copies {
            let mailbox = try target(of: copy, account, time, transaction)
            guard served.insert(mailbox).inserted else { continue }
            let others = copy.others.flatMap { $0.mailbox == mailbox ? $0 : nil }
            let permitted = others?.permitted ?? .all
            var flags = MessageFlags()
            for name in copy.flags
            where permitted.contains(Keywords().flag(named: name) ?? .anyKeyword) {
                // More keywords than the mailbox can hold are no reason to lose a message.
                do {
                    flags.formUnion(try Self.flags(named: [name], in: mailbox, transaction))
                } catch let failure as StorageFailure {
                    throw failure
                } catch {}
            }
            var (id, size) = (content, octets)
            if let replacement = copy.replacement {
                (id, size) = (replacement.id, replacement.octets.count)
                try Content.insert(id, octets: size, .octets(replacement.octets), in: transaction)
            } else {
                try Content.retain(content, in: transaction)
            }
            try file(
                Arrival(
                    content: id, octets: size + prefix.utf8.count, flags: flags,
                    internalDate: time, prefix: prefix),
                in: mailbox, at: time,
                by: others == nil ? nil : reader(account, of: mailbox, in: transaction),
                in: transaction)
        }
    }

    private static func target(
        of copy: Sorted, _ account: Int64, _ time: Timestamp, _ transaction: any Transaction
    ) throws(StorageFailure) -> Mailbox.ID {
        if let others = copy.others, let found = try find(others.mailbox, in: transaction) {
            return found.id
        }
        let mailboxes = try all(of: account, in: transaction)
        if let id = copy.mailboxID, let found = mailboxes.first(where: { $0.isIdentified(by: id) })
        {
            return found.id
        }
        if let use = copy.use, let found = mailboxes.first(where: { $0.isFor(use) }) {
            return found.id
        }
        // Somebody else's may have gone since it was found.
        let name = copy.others == nil ? canonical(copy.mailbox) : inbox
        if let found = mailboxes.first(where: { $0.name == name }) { return found.id }
        let mayCreate =
            copy.creates && mailboxes.count < mailboxLimit && isUsable(name)
        let made = mayCreate || name == junk ? name : inbox
        if let found = mailboxes.first(where: { $0.name == made }) { return found.id }
        try insert(made, nil, account, time, transaction)
        guard let mailbox = try find(made, of: account, in: transaction) else {
            throw .corrupt("a mailbox that was made is not there")
        }
        return mailbox.id
    }

    /// INBOX in any case is one (RFC 9051 §5.1).
    static func canonical(_ name: String) -> String {
        name.utf8.elementsEqual(inbox.utf8, by: { $0 & 0xDF == $1 & 0xDF }) ? inbox : name
    }

    /// Whether a mailbox may have the name.
    static func isUsable(_ name: String) -> Bool {
        (1...nameLimitOctets).contains(name.utf8.count)
            && name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
            && name.split(separator: delimiter, omittingEmptySubsequences: false)
                .allSatisfy { !$0.isEmpty }
    }

    // MARK: Questions of scripts

    /// Whether there is a mailbox of the name.
    package static func knows(
        _ name: String, of account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> Bool {
        let name = canonical(name)
        guard name != inbox else { return true }
        return try find(name, of: account, in: transaction) != nil
    }

    /// Whether there is a mailbox with this MAILBOXID.
    package static func knows(
        identifiedBy id: String, of account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> Bool {
        try all(of: account, in: transaction).contains { $0.isIdentified(by: id) }
    }

    /// Whether a mailbox, or any, is for this use.
    package static func knows(
        use: String, mailbox: String?, of account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> Bool {
        try all(of: account, in: transaction).contains {
            $0.isFor(use) && (mailbox == nil || $0.name == mailbox.map(canonical))
        }
    }
}

extension Mailbox {
    fileprivate func isIdentified(by id: String) -> Bool { "m\(self.id.value)" == id }

    fileprivate func isFor(_ use: String) -> Bool {
        specialUse.map { $0.lowercased() == use.lowercased() } ?? false
    }
}
