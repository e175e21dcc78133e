// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
package import Storage
import Synchronization
package import World
package import ZoneTransfer

/// Keys that are shared with other name servers, and what those may do with our zones.
///
/// The running server is the only writer: what it answers by is in memory, made anew after each
/// change, and asked without waiting.
package final class ZonePeers: Sendable {
    private let store: any Store
    private let time: any Time
    private let entropy: any Entropy
    private let secretKey: any SecretKeySource
    private let state = Mutex(State())

    private struct State {
        var book = PeerBook()
        var listener: Listener?
    }

    /// Is told after each change.
    package typealias Listener = @Sendable () async -> Void

    /// Opens them in a store made with `Migrations.zonePeers`; empty until `load`.
    package init(
        store: any Store, time: any Time, entropy: any Entropy, secretKey: any SecretKeySource
    ) {
        self.store = store
        self.time = time
        self.entropy = entropy
        self.secretKey = secretKey
    }

    /// Everything, as of the last change or `load`.
    package var book: PeerBook { state.withLock { $0.book } }

    /// Sets who is told of changes.
    package func whenChanged(_ listener: @escaping Listener) {
        state.withLock { $0.listener = listener }
    }

    /// Reads everything; keys that cannot be opened, as their secret key is another, are left out
    /// and named.
    @discardableResult
    package func load() async throws(ZoneFailure) -> [Name] {
        let (sealed, peers, grants) = try await read { transaction in
            let rows = PeerRows(transaction)
            return (try rows.keys(), try rows.peers(), try rows.grants())
        }
        var lost: [Name] = []
        var keys: [TransactionKey] = []
        if !sealed.isEmpty {
            // A server without its secret key still answers.
            let secretKey = (try? self.secretKey.key(making: false)) ?? nil
            for key in sealed {
                if let secret = secretKey?.octets(in: key.secret, for: Self.purpose(key.name)) {
                    keys.append(
                        TransactionKey(name: key.name, algorithm: key.algorithm, secret: secret))
                } else {
                    lost.append(key.name)
                }
            }
        }
        var entries: [(origin: Name?, peering: (inout ZonePeering) -> Void)] = []
        for peer in peers { entries.append((peer.origin, try Self.entry(peer))) }
        for (origin, grant) in grants { entries.append((origin, { $0.grants.append(grant) })) }
        let book = PeerBook(keys: keys, entries)
        state.withLock { $0.book = book }
        return lost
    }

    private static func entry(
        _ peer: PeerRows.Peer
    ) throws(ZoneFailure) -> (inout ZonePeering) -> Void {
        if peer.role == .access {
            guard
                let access = TransferAccess(
                    network: IPNetwork(peer.address), key: peer.key)
            else { throw .storage(.corrupt("`\(peer.address)` is no network")) }
            return { $0.access.append(access) }
        }
        guard let address = SocketAddress(peer.address, defaultPort: 53) else {
            throw .storage(.corrupt("`\(peer.address)` is no address"))
        }
        let other = ZonePeer(address, key: peer.key)
        switch peer.role {
        case .notified: return { $0.notified.append(other) }
        case .primary: return { $0.primaries.append(other) }
        case .keeper, .access: return { $0.keeper = other }
        }
    }

    private static func purpose(_ key: Name) -> String { "TSIG \(key.lowercased.absolute)" }

    // MARK: - Keys

    /// Adds a key, or puts another in the place of one with its name; without a secret one is made.
    ///
    /// Returns the key, whose secret the other side needs, too.
    @discardableResult
    package func addKey(
        _ name: Name, _ algorithm: TransactionKey.Algorithm = .sha256, secret: [UInt8]? = nil
    ) async throws(ZoneFailure) -> TransactionKey {
        let octets = secret ?? entropy.octets(algorithm.octetCount)
        guard
            (TransactionKey.minimumSecretOctets...TransactionKey.maximumSecretOctets).contains(
                octets.count)
        else {
            throw .unfit(
                "the secret of \(name) has \(octets.count) octets; it needs "
                    + "\(TransactionKey.minimumSecretOctets) to "
                    + "\(TransactionKey.maximumSecretOctets)")
        }
        guard !name.isRoot else { throw .unfit("a key needs a name") }
        let sealed = try storage { () throws(StorageFailure) in
            guard let key = try secretKey.key(making: true) else {
                throw StorageFailure.inputOutput("there is no key to seal secrets with")
            }
            return PeerRows.SealedKey(
                name: name.lowercased, algorithm: algorithm,
                secret: try key.seal(octets, for: Self.purpose(name), entropy: entropy))
        }
        try await change { try PeerRows($0).put(sealed) }
        return TransactionKey(name: name.lowercased, algorithm: algorithm, secret: octets)
    }

    /// Forgets a key that nothing uses.
    package func removeKey(_ name: Name) async throws(ZoneFailure) {
        try await change { transaction in
            let rows = PeerRows(transaction)
            let users = try rows.users(of: name)
            guard users.isEmpty else {
                let names = users.map { $0.isEmpty ? "all zones" : $0 }.joined(separator: ", ")
                throw ZoneFailure.unfit("the key \(name) is in use by \(names): take it out there")
            }
            guard try rows.remove(key: name) else { throw ZoneFailure.unknownKey(name) }
        }
    }

    // MARK: - Peers

    /// Lets others have a zone, or with nil all of them.
    package func allow(_ access: TransferAccess, for origin: Name?) async throws(ZoneFailure) {
        try checkKey(access.key)
        try await change { try PeerRows($0).add(Self.row(access, origin)) }
    }

    /// Takes back what `allow` allowed.
    package func disallow(_ access: TransferAccess, for origin: Name?) async throws(ZoneFailure) {
        try await change { transaction in
            guard try PeerRows(transaction).remove(Self.row(access, origin)) else {
                throw ZoneFailure.unfit("that is not allowed anyway")
            }
        }
    }

    private static func row(_ access: TransferAccess, _ origin: Name?) -> PeerRows.Peer {
        PeerRows.Peer(
            origin: origin, role: .access, address: access.network?.description ?? "",
            key: access.key)
    }

    /// Tells a server of each change of a zone, or with nil of all zones.
    package func addNotified(_ peer: ZonePeer, for origin: Name?) async throws(ZoneFailure) {
        try checkKey(peer.key)
        try await change { try PeerRows($0).add(Self.row(peer, .notified, origin)) }
    }

    /// Tells it no more.
    package func removeNotified(_ peer: ZonePeer, for origin: Name?) async throws(ZoneFailure) {
        try await change { transaction in
            guard try PeerRows(transaction).remove(Self.row(peer, .notified, origin)) else {
                throw ZoneFailure.unfit("\(peer.address) is not notified anyway")
            }
        }
    }

    /// Copies a zone from these servers from now on; with none, from nowhere.
    package func setPrimaries(
        _ primaries: [ZonePeer], of origin: Name
    ) async throws(ZoneFailure) {
        for primary in primaries { try checkKey(primary.key) }
        try await change { transaction in
            let rows = PeerRows(transaction)
            try rows.remove(.primary, of: origin)
            if primaries.isEmpty { try rows.forgetCopy(of: origin) }
            for primary in primaries { try rows.add(Self.row(primary, .primary, origin)) }
        }
    }

    /// Sends our records of a domain to the server that keeps its zone; nil: to nobody.
    package func setKeeper(_ keeper: ZonePeer?, of origin: Name) async throws(ZoneFailure) {
        try checkKey(keeper?.key)
        try await change { transaction in
            let rows = PeerRows(transaction)
            let was = try rows.remove(.keeper, of: origin)
            if let keeper {
                try rows.add(Self.row(keeper, .keeper, origin))
            } else if !was {
                throw ZoneFailure.unfit("nothing is sent for \(origin) anyway")
            }
        }
    }

    private static func row(
        _ peer: ZonePeer, _ role: PeerRows.Role, _ origin: Name?
    ) -> PeerRows.Peer {
        PeerRows.Peer(
            origin: origin, role: role, address: peer.address.description, key: peer.key)
    }

    /// Lets the holder of a key change something in a zone, or with nil in all.
    package func grant(_ grant: UpdateGrant, for origin: Name?) async throws(ZoneFailure) {
        try checkKey(grant.key)
        switch grant.scope {
        case .name(let name), .subtree(let name):
            if let origin, !name.isEqualOrBelow(origin) {
                throw .unfit("\(name) is not in \(origin)")
            }
        case .zone, .own: break
        }
        try await change { try PeerRows($0).put(grant, for: origin) }
    }

    /// Takes a grant back, whatever types it has.
    package func revoke(_ grant: UpdateGrant, for origin: Name?) async throws(ZoneFailure) {
        try await change { transaction in
            guard try PeerRows(transaction).remove(grant, for: origin) else {
                throw ZoneFailure.unfit("the key \(grant.key) has no such grant")
            }
        }
    }

    private func checkKey(_ name: Name?) throws(ZoneFailure) {
        guard let name, book.keys[name] == nil else { return }
        throw .unknownKey(name)
    }

    // MARK: - What was done

    /// When a copied zone was last known to be current.
    package func checked(_ origin: Name) async throws(ZoneFailure) -> Timestamp? {
        try await read { try PeerRows($0).checked(origin) }
    }

    /// A primary said just now that the copy is current.
    package func setChecked(_ origin: Name, at time: Timestamp) async throws(ZoneFailure) {
        try await write { try PeerRows($0).setChecked(origin, at: time) }
    }

    /// What of a domain was sent last to the server that keeps its zone, and when.
    package func pushed(
        _ origin: Name
    ) async throws(ZoneFailure) -> (at: Timestamp, records: [ResourceRecord])? {
        try await read { try PeerRows($0).pushed(origin) }
    }

    /// These records stand there now.
    package func setPushed(
        _ records: [ResourceRecord], of origin: Name
    ) async throws(ZoneFailure) {
        let now = time.timestamp
        try await write { try PeerRows($0).setPushed(records, origin, at: now) }
    }

    // MARK: -

    private func storage<Result>(
        _ body: () throws(StorageFailure) -> Result
    ) throws(ZoneFailure) -> Result {
        do throws(StorageFailure) { return try body() } catch { throw .storage(error) }
    }

    private func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws(ZoneFailure) -> Result {
        do { return try await store.read(body) } catch { throw ZoneFailure(error) }
    }

    private func write(
        _ body: @escaping @Sendable (any Transaction) throws -> Void
    ) async throws(ZoneFailure) {
        do { try await store.write(body) } catch { throw ZoneFailure(error) }
    }

    private func change(
        _ body: @escaping @Sendable (any Transaction) throws -> Void
    ) async throws(ZoneFailure) {
        try await write(body)
        try await load()
        await state.withLock { $0.listener }?()
    }
}
