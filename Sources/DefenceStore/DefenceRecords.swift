// SPDX-License-Identifier: Apache-2.0

package import Storage
package import World

/// What the first defence of a host remembers.
package struct DefenceRecords: Sendable {
    package let bans: Bans
    package let greylist: GreylistRecords
    package let correspondents: Correspondents
    package let verdicts: Verdicts
    package let counts: Counts

    /// Opens them in a store made with `Migrations.defence`.
    package init(_ store: any Store, time: any Time) async throws {
        bans = try await Bans(store, time: time)
        greylist = GreylistRecords(store, time: time)
        correspondents = Correspondents(store, time: time)
        verdicts = Verdicts(store)
        counts = Counts(store, time: time)
    }
}
