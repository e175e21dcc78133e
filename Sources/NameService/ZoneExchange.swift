// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
package import Logging
package import World
package import ZoneStore
package import ZoneTransfer

/// What this name server has to do with others: it copies zones, lets them copy ours, tells them of
/// changes, and takes theirs.
package struct ZoneExchange: Sendable {
    package let secondaries: SecondaryZones
    let desk: TransactionDesk
    private let notifier: ZoneNotifier
    private let catalogs: CatalogKeeper
    private let client: TransferClient
    private let zones: Zones
    private let peers: ZonePeers
    private let log: Logger

    /// `sources`: addresses of this host, by which other servers know it.
    package init(
        box: ZoneBox, zones: Zones, peers: ZonePeers, hash: any KeyedHash, world: Surroundings,
        sources: [IPAddress], log: Logger
    ) {
        self.zones = zones
        self.peers = peers
        self.log = log
        let client = TransferClient(world: world, hash: hash, sources: sources)
        let notifier = ZoneNotifier(box: box, peers: peers, client: client, log: log)
        self.notifier = notifier
        self.client = client
        catalogs = CatalogKeeper(zones: zones, log: log)
        secondaries = SecondaryZones(
            box: box, zones: zones, peers: peers, client: client, log: log,
            whenChanged: { notifier.announce($0) })
        desk = TransactionDesk(
            box: box, zones: zones, peers: peers, hash: hash, secondaries: secondaries,
            time: world.time, log: log)
    }

    /// Reads keys, peers and copies: afterwards copied zones are answered.
    package func begin() async throws(ZoneFailure) {
        for name in try await peers.load() {
            log.error(
                "the key \(name) cannot be opened: secret.key is not the one that it was sealed with; restore that, or add the key anew"
            )
        }
        // Weak: who is listened to is held by the listener, and a circle keeps the store open.
        peers.whenChanged { [weak secondaries] in await secondaries?.reload() }
        zones.whenChanged { [weak secondaries, weak zones, log] origins in
            await secondaries?.reload()
            guard let zones else { return }
            await CatalogKeeper(zones: zones, log: log).refresh(after: origins)
        }
        await secondaries.reload()
        await catalogs.refresh(after: nil)
        // RFC 1996 §4.1: others may have missed something while we were away.
        notifier.announce(try await zones.origins())
    }

    /// Copies zones and tells of changes until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await secondaries.run() }
            group.addTask { await notifier.run() }
        }
    }

    /// Has everyone told who is to know that these zones have changed.
    package func announce(_ origins: [Name]) { notifier.announce(origins) }

    // MARK: - Zones that are kept elsewhere

    /// What a server answers now for sets of a zone that is kept there.
    package func records(
        of sets: [(owner: Name, type: RecordType)], in origin: Name
    ) async throws(ZoneFailure) -> [ResourceRecord] {
        let book = peers.book
        let keeper = try keeper(origin, book)
        var records: [ResourceRecord] = []
        do throws(TransferClient.Failure) {
            for (owner, type) in sets {
                records += try await client.records(of: owner, type, at: keeper, book)
            }
        } catch {
            throw .unfit("\(keeper.address) does not tell what \(origin) holds: \(error)")
        }
        return records
    }

    /// Changes a zone that is kept elsewhere, in one update (RFC 2136) that happens only if the sets
    /// concerned are still as in `before`.
    package func update(
        _ origin: Name, removing removed: [ResourceRecord], adding added: [ResourceRecord],
        before: [ResourceRecord]
    ) async throws(ZoneFailure) {
        let book = peers.book
        let keeper = try keeper(origin, book)
        let request = UpdateRequest(
            changing: origin, removing: removed, adding: added, before: before,
            id: UInt16(truncatingIfNeeded: client.world.entropy.next()))
        guard let octets = request.octets else {
            throw .unfit("the update of \(origin) is too large for a message")
        }
        let response: [UInt8]
        do throws(TransferClient.Failure) {
            response = try await client.askByStream(octets, keeper, book)
        } catch {
            throw .unfit("\(keeper.address) did not take the update of \(origin): \(error)")
        }
        let code = ResponseCode(rawValue: UInt16(response[3] & 15))
        switch code {
        case .noError: return
        case .setExists, .setMissing, .nameError, .nameTooLong: throw .changedMeanwhile(origin)
        default:
            throw .unfit("\(keeper.address) refuses the update of \(origin) (\(code))")
        }
    }

    private func keeper(_ origin: Name, _ book: PeerBook) throws(ZoneFailure) -> ZonePeer {
        guard let keeper = book.entry(of: origin).keeper else {
            throw .unfit(
                "no server is set that keeps \(origin): `zone push set \(origin) ADDRESS`")
        }
        return keeper
    }
}
