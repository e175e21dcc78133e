// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Storage
import World
import ZoneTransfer

/// The tables of keys and peers, within one transaction.
struct PeerRows {
    private let transaction: any Transaction

    init(_ transaction: any Transaction) { self.transaction = transaction }

    private static func key(_ name: Name?) -> Value { .text(name?.lowercased.absolute ?? "") }

    private static func name(_ text: String) throws(StorageFailure) -> Name {
        guard let name = try? Name(text) else { throw .corrupt("`\(text)` is no name") }
        return name
    }

    /// What is kept in the column `role`.
    enum Role: String {
        case access
        case notified
        case primary
        case keeper
    }

    // MARK: - Keys

    struct SealedKey: Sendable {
        let name: Name
        let algorithm: TransactionKey.Algorithm
        let secret: [UInt8]
    }

    func keys() throws(StorageFailure) -> [SealedKey] {
        let rows = try transaction.all(
            "SELECT name, algorithm, secret FROM zone_transaction_key ORDER BY name"
        ) { ($0.text(0), $0.text(1), $0.blob(2)) }
        return try rows.map { row throws(StorageFailure) in
            guard let algorithm = TransactionKey.Algorithm(rawValue: row.1) else {
                throw .corrupt("`\(row.1)` is no algorithm of a key")
            }
            return SealedKey(name: try Self.name(row.0), algorithm: algorithm, secret: row.2)
        }
    }

    func put(_ key: SealedKey) throws(StorageFailure) {
        try remove(key: key.name)
        try transaction.execute(
            "INSERT INTO zone_transaction_key (name, algorithm, secret) VALUES (?, ?, ?)",
            [Self.key(key.name), .text(key.algorithm.rawValue), .blob(key.secret)])
    }

    @discardableResult
    func remove(key name: Name) throws(StorageFailure) -> Bool {
        try transaction.execute(
            "DELETE FROM zone_transaction_key WHERE name = ?", [Self.key(name)]) > 0
    }

    /// Which zones use a key; empty for what holds for all zones.
    func users(of key: Name) throws(StorageFailure) -> [String] {
        try transaction.all(
            """
            SELECT origin FROM zone_peer WHERE key = ?
            UNION SELECT origin FROM zone_grant WHERE key = ? ORDER BY origin
            """, [Self.key(key), Self.key(key)]
        ) { $0.text(0) }
    }

    // MARK: - Peers

    struct Peer: Sendable {
        let origin: Name?
        let role: Role
        let address: String
        let key: Name?
    }

    func peers() throws(StorageFailure) -> [Peer] {
        let rows = try transaction.all(
            "SELECT origin, role, address, key FROM zone_peer ORDER BY origin, role, position"
        ) { ($0.text(0), $0.text(1), $0.text(2), $0.text(3)) }
        return try rows.map { row throws(StorageFailure) in
            guard let role = Role(rawValue: row.1) else {
                throw .corrupt("`\(row.1)` is nothing that a peer can be")
            }
            return Peer(
                origin: row.0.isEmpty ? nil : try Self.name(row.0), role: role, address: row.2,
                key: row.3.isEmpty ? nil : try Self.name(row.3))
        }
    }

    func add(_ peer: Peer) throws(StorageFailure) {
        let last = try transaction.first(
            "SELECT max(position) FROM zone_peer WHERE origin = ? AND role = ?",
            [Self.key(peer.origin), .text(peer.role.rawValue)]
        ) { $0.integer(0) }
        try remove(peer)
        try transaction.execute(
            "INSERT INTO zone_peer (origin, role, address, key, position) VALUES (?, ?, ?, ?, ?)",
            [
                Self.key(peer.origin), .text(peer.role.rawValue), .text(peer.address),
                Self.key(peer.key), .integer((last ?? 0) + 1),
            ])
    }

    @discardableResult
    func remove(_ peer: Peer) throws(StorageFailure) -> Bool {
        try transaction.execute(
            "DELETE FROM zone_peer WHERE origin = ? AND role = ? AND address = ? AND key = ?",
            [
                Self.key(peer.origin), .text(peer.role.rawValue), .text(peer.address),
                Self.key(peer.key),
            ]) > 0
    }

    @discardableResult
    func remove(_ role: Role, of origin: Name?) throws(StorageFailure) -> Bool {
        try transaction.execute(
            "DELETE FROM zone_peer WHERE origin = ? AND role = ?",
            [Self.key(origin), .text(role.rawValue)]) > 0
    }

    // MARK: - Grants

    func grants() throws(StorageFailure) -> [(origin: Name?, grant: UpdateGrant)] {
        let rows = try transaction.all(
            "SELECT origin, key, scope, types FROM zone_grant ORDER BY origin, key, scope"
        ) { ($0.text(0), $0.text(1), $0.text(2), $0.text(3)) }
        var grants: [(origin: Name?, grant: UpdateGrant)] = []
        for row in rows {
            guard let scope = UpdateGrant.Scope(row.2) else {
                throw .corrupt("`\(row.2)` is nothing that can be granted")
            }
            let types = row.3.split(separator: " ").compactMap {
                RecordType(mnemonic: Array($0.utf8))
            }
            grants.append(
                (
                    row.0.isEmpty ? nil : try Self.name(row.0),
                    UpdateGrant(
                        key: try Self.name(row.1), scope: scope, types: types.isEmpty ? nil : types)
                ))
        }
        return grants
    }

    func put(_ grant: UpdateGrant, for origin: Name?) throws(StorageFailure) {
        try remove(grant, for: origin)
        let types = (grant.types ?? []).map(\.description).joined(separator: " ")
        try transaction.execute(
            "INSERT INTO zone_grant (origin, key, scope, types) VALUES (?, ?, ?, ?)",
            [
                Self.key(origin), Self.key(grant.key), .text(grant.scope.description), .text(types),
            ])
    }

    /// The one of the same key and scope, whatever its types are.
    @discardableResult
    func remove(_ grant: UpdateGrant, for origin: Name?) throws(StorageFailure) -> Bool {
        try transaction.execute(
            "DELETE FROM zone_grant WHERE origin = ? AND key = ? AND scope = ?",
            [Self.key(origin), Self.key(grant.key), .text(grant.scope.description)]) > 0
    }

    // MARK: - What was done

    func checked(_ origin: Name) throws(StorageFailure) -> Timestamp? {
        try transaction.first(
            "SELECT checked_milliseconds FROM zone_copy WHERE origin = ?", [Self.key(origin)]
        ) { Timestamp(milliseconds: $0.integer(0)) }
    }

    func setChecked(_ origin: Name, at time: Timestamp) throws(StorageFailure) {
        try transaction.execute("DELETE FROM zone_copy WHERE origin = ?", [Self.key(origin)])
        try transaction.execute(
            "INSERT INTO zone_copy (origin, checked_milliseconds) VALUES (?, ?)",
            [Self.key(origin), .integer(time.milliseconds)])
    }

    func forgetCopy(of origin: Name) throws(StorageFailure) {
        try transaction.execute("DELETE FROM zone_copy WHERE origin = ?", [Self.key(origin)])
    }

    func pushed(_ origin: Name) throws(StorageFailure) -> (
        at: Timestamp, records: [ResourceRecord]
    )? {
        let found = try transaction.first(
            "SELECT at_milliseconds, records FROM zone_pushed WHERE origin = ?",
            [Self.key(origin)]
        ) { (Timestamp(milliseconds: $0.integer(0)), $0.blob(1)) }
        guard let found else { return nil }
        guard let records = try? RecordList.decode(found.1) else {
            throw .corrupt("what was sent for \(origin) cannot be read")
        }
        return (found.0, records)
    }

    func setPushed(
        _ records: [ResourceRecord], _ origin: Name, at time: Timestamp
    ) throws(StorageFailure) {
        try transaction.execute("DELETE FROM zone_pushed WHERE origin = ?", [Self.key(origin)])
        try transaction.execute(
            "INSERT INTO zone_pushed (origin, at_milliseconds, records) VALUES (?, ?, ?)",
            [
                Self.key(origin), .integer(time.milliseconds), .blob(RecordList.encode(records)),
            ])
    }
}
