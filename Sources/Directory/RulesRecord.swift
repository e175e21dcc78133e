// SPDX-License-Identifier: Apache-2.0

import Mail
import Storage

/// Rules for mailboxes as they are stored and recorded.
struct RulesRecord: Hashable, Sendable {
    let scope: MailboxRules.Scope
    var rules: MailboxRules

    init(_ scope: MailboxRules.Scope, _ rules: MailboxRules) {
        self.scope = scope
        self.rules = rules
    }

    // MARK: As a change records it

    init?(fields: [String]) {
        guard fields.count == 5, let scope = MailboxRules.Scope(fields[0]) else { return nil }
        var rules = MailboxRules()
        rules.octets = Int64(fields[1]).map(Bound.init(stored:))
        rules.messages = Int64(fields[2]).map(Bound.init(stored:))
        rules.retention = Self.retention(fields[3].isEmpty ? nil : fields[3])
        rules.subaddressFolders = SubaddressFolders(rawValue: fields[4])
        self.init(scope, rules)
    }

    var fields: [String] {
        [
            scope.description, rules.octets.map { String($0.stored) } ?? "",
            rules.messages.map { String($0.stored) } ?? "", retention ?? "",
            rules.subaddressFolders?.rawValue ?? "",
        ]
    }

    /// Lines of which the first says that there is a list, perhaps an empty one.
    private var retention: String? {
        rules.retention.map { (["="] + $0.map(\.text)).joined(separator: "\n") }
    }

    private static func retention(_ text: String?) -> [Retention]? {
        text?.split(separator: "\n").dropFirst().compactMap { Retention($0) }
    }

    // MARK: In the table

    /// Reads the columns of `Lookup`'s queries; nil for what this release cannot read.
    fileprivate init?(row: any Row) {
        guard let scope = MailboxRules.Scope(row.text(0)) else { return nil }
        var rules = MailboxRules()
        rules.octets = row.optionalInteger(1).map(Bound.init(stored:))
        rules.messages = row.optionalInteger(2).map(Bound.init(stored:))
        rules.retention = Self.retention(row.optionalText(3))
        rules.subaddressFolders = row.optionalText(4).flatMap(SubaddressFolders.init(rawValue:))
        self.init(scope, rules)
    }

    func insert(_ transaction: any Transaction) throws(StorageFailure) {
        try transaction.execute(
            """
            INSERT INTO directory_rules (scope, octets, messages, retention, subaddress_folders)
            VALUES (?, ?, ?, ?, ?)
            """,
            [
                .text(scope.description), .integer(optional: rules.octets?.stored),
                .integer(optional: rules.messages?.stored), .text(optional: retention),
                .text(optional: rules.subaddressFolders?.rawValue),
            ])
    }
}

extension Bound {
    fileprivate init(stored: Int64) { self = stored < 0 ? .none : .at(stored) }

    fileprivate var stored: Int64 { value ?? -1 }
}

extension Lookup {
    func rules(_ scope: MailboxRules.Scope) throws(StorageFailure) -> RulesRecord? {
        try transaction.first(
            """
            SELECT scope, octets, messages, retention, subaddress_folders
            FROM directory_rules WHERE scope = ?
            """,
            [.text(scope.description)]
        ) { RulesRecord(row: $0) } ?? nil
    }

    func allRules() throws(StorageFailure) -> [RulesRecord] {
        try transaction.all(
            """
            SELECT scope, octets, messages, retention, subaddress_folders
            FROM directory_rules ORDER BY scope
            """
        ) { RulesRecord(row: $0) }.compactMap(\.self)
    }
}
