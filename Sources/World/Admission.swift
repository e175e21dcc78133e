// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Synchronization

/// Who may connect: how many connections there are, in all and from each network, and how fast
/// they come.
///
/// A value without a clock. Its memory is bounded: a record for each network with an open
/// connection, and `rememberedNetworks` that had one within a minute.
package struct Admission: Sendable {
    /// What is too much; 0 stands for no bound.
    package struct Limits: Hashable, Sendable {
        /// Connections at a time.
        package var connections: Int
        /// Of these, from one network (`IPAddress.customerNetwork`).
        package var perNetwork: Int
        /// New ones within a minute from one network.
        package var perNetworkAndMinute: Int
        /// Networks to which only `connections` applies.
        package var exempt: [IPNetwork]

        package init(
            connections: Int, perNetwork: Int = 0, perNetworkAndMinute: Int = 0,
            exempt: [IPNetwork] = []
        ) {
            self.connections = connections
            self.perNetwork = perNetwork
            self.perNetworkAndMinute = perNetworkAndMinute
            self.exempt = exempt
        }
    }

    /// Why a connection is not wanted now.
    package enum Refusal: Error, Hashable, Sendable {
        case tooMany
        case tooManyFromNetwork
        case tooFastFromNetwork
        /// Nobody from there may come; for good as far as anything is, if a person has said so.
        case banned(cause: String, isFinal: Bool)
    }

    /// For one connection that was let in; to be given back when it ends.
    package struct Pass: Hashable, Sendable {
        /// Nil for one that counts for no network.
        let network: IPNetwork?
    }

    private struct Record {
        var open = 0
        /// Since when `recent` counts.
        var minuteBegan: Instant
        var recent = 0
    }

    /// Networks without a connection that are still watched; an attacker with more of them than
    /// this is bounded by the connections in all.
    static let rememberedNetworks = 10_000
    private static let minute = Duration.minutes(1)

    package var limits: Limits
    /// How many are open.
    package private(set) var open = 0
    private var records: [IPNetwork: Record] = [:]

    package init(_ limits: Limits) { self.limits = limits }

    /// Counts a connection in, or says why not; each pass must be given back.
    package mutating func admit(
        _ host: IPAddress, at now: Instant
    ) throws(Refusal) -> Pass {
        if limits.connections > 0, open >= limits.connections { throw .tooMany }
        guard !limits.exempt.contains(where: { $0.contains(host) }) else {
            open += 1
            return Pass(network: nil)
        }
        let network = host.customerNetwork
        var record = records[network] ?? Record(minuteBegan: now)
        if now - record.minuteBegan >= Self.minute {
            record.minuteBegan = now
            record.recent = 0
        }
        if limits.perNetwork > 0, record.open >= limits.perNetwork { throw .tooManyFromNetwork }
        if limits.perNetworkAndMinute > 0, record.recent >= limits.perNetworkAndMinute {
            throw .tooFastFromNetwork
        }
        record.open += 1
        record.recent += 1
        records[network] = record
        open += 1
        if records.count > Self.rememberedNetworks { forget(at: now) }
        return Pass(network: network)
    }

    /// A connection that was counted in has ended.
    package mutating func leave(_ pass: Pass) {
        precondition(open > 0, "more have left than came")
        open -= 1
        if let network = pass.network { records[network]?.open -= 1 }
    }

    /// How many networks are remembered.
    package var networkCount: Int { records.count }

    /// Drops what says nothing any more, and if that is not enough, whatever has no connection.
    private mutating func forget(at now: Instant) {
        records = records.filter { $0.value.open > 0 || now - $0.value.minuteBegan < Self.minute }
        guard records.count > Self.rememberedNetworks else { return }
        records = records.filter { $0.value.open > 0 }
    }
}

/// The one `Admission` of all listeners of a server.
package final class Doorkeeper: Sendable {
    private let admission: Mutex<Admission>
    private let time: any Time

    package init(_ limits: Admission.Limits, time: any Time) {
        admission = Mutex(Admission(limits))
        self.time = time
    }

    /// New bounds, from now on.
    package func set(_ limits: Admission.Limits) { admission.withLock { $0.limits = limits } }

    /// How many connections are open.
    package var open: Int { admission.withLock { $0.open } }

    /// Lets `serve` run if the host may connect now, else `turnAway`.
    package func admit(
        _ host: IPAddress, turnAway: (Admission.Refusal) async -> Void, serve: () async -> Void
    ) async {
        let pass: Admission.Pass
        do throws(Admission.Refusal) {
            let now = time.now
            pass = try admission.withLock { admission throws(Admission.Refusal) in
                try admission.admit(host, at: now)
            }
        } catch {
            return await turnAway(error)
        }
        await serve()
        admission.withLock { $0.leave(pass) }
    }
}
