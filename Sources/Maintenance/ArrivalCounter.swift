// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Mail
package import World

/// Which senders came lately, minute by minute for an hour.
///
/// A value without a clock. Its memory is bounded: so many clients a minute are told apart, the
/// others are counted only.
package struct ArrivalCounter: Sendable {
    /// What came within some minutes.
    package struct Summary: Hashable, Sendable {
        package var minutes: Int
        package var connections = 0
        package var messages = 0
        /// Different addresses; at least so many.
        package var clients = 0
        /// Networks with most messages, then most connections.
        package var networks: [Share] = []

        /// The part of one network.
        package struct Share: Hashable, Sendable {
            package var network: IPNetwork
            package var connections: Int
            package var messages: Int
        }
    }

    private struct Count {
        var connections = 0
        var messages = 0
    }

    private struct Minute {
        /// Whole minutes of the monotonic clock.
        var number: Int64
        var total = Count()
        var clients: [IPAddress: Count] = [:]
    }

    /// Clients told apart within a minute: more are a crowd, whose size is all one asks.
    static let maximumClientsPerMinute = 2000
    /// An hour, and the minute that has begun.
    private static let keptMinutes = 61
    /// Networks that a summary names.
    package static let namedNetworks = 5
    /// The spans that people are shown.
    package static let spans = [5, 15, 60]

    private var minutes: [Minute] = []
    /// When the last message was accepted.
    package private(set) var lastMessage: Instant?
    /// Since when there is counting.
    package let beginning: Instant

    package init(at now: Instant) { beginning = now }

    /// A client has connected.
    package mutating func connected(_ client: IPAddress, at now: Instant) {
        count(client, now) { $0.connections += 1 }
    }

    /// A client's message was accepted.
    package mutating func accepted(_ client: IPAddress, at now: Instant) {
        lastMessage = now
        count(client, now) { $0.messages += 1 }
    }

    /// What came in the last minutes, the one that has begun included.
    package func summary(ofMinutes span: Int, at now: Instant) -> Summary {
        var summary = Summary(minutes: span)
        var clients: Set<IPAddress> = []
        var networks: [IPNetwork: Count] = [:]
        let first = Self.number(now) - Int64(span)
        for minute in minutes where minute.number > first {
            summary.connections += minute.total.connections
            summary.messages += minute.total.messages
            for (client, count) in minute.clients {
                clients.insert(client)
                networks[client.customerNetwork, default: Count()].connections += count.connections
                networks[client.customerNetwork, default: Count()].messages += count.messages
            }
        }
        summary.clients = clients.count
        let shares = networks.map {
            Summary.Share(
                network: $0.key, connections: $0.value.connections, messages: $0.value.messages)
        }
        let sorted = shares.sorted {
            ($1.messages, $1.connections, $0.network.description)
                < ($0.messages, $0.connections, $1.network.description)
        }
        summary.networks = Array(sorted.prefix(Self.namedNetworks))
        return summary
    }

    private static func number(_ now: Instant) -> Int64 { now.nanoseconds / 60_000_000_000 }

    private mutating func count(
        _ client: IPAddress, _ now: Instant, _ add: (inout Count) -> Void
    ) {
        let number = Self.number(now)
        if minutes.last?.number != number {
            minutes.append(Minute(number: number))
            if minutes.count > Self.keptMinutes { minutes.removeFirst() }
        }
        let last = minutes.count - 1
        add(&minutes[last].total)
        let client = client.unmapped
        guard
            minutes[last].clients[client] != nil
                || minutes[last].clients.count < Self.maximumClientsPerMinute
        else { return }
        add(&minutes[last].clients[client, default: Count()])
    }
}

extension ArrivalCounter.Summary {
    /// `3 messages of 2 senders in the last 5 minutes`, and from where.
    package func text(_ language: Language) -> String {
        let span = language.choose(
            minutes == 60 ? "in the last hour" : "in the last \(minutes) minutes",
            minutes == 60 ? "in der letzten Stunde" : "in den letzten \(minutes) Minuten")
        guard connections + messages > 0 else {
            return language.choose("nobody \(span)", "niemand \(span)")
        }
        let what = language.choose(
            "\(messages) \(messages == 1 ? "message" : "messages") and \(connections) "
                + "\(connections == 1 ? "connection" : "connections") from \(clients) "
                + "\(clients == 1 ? "address" : "addresses") \(span)",
            "\(messages) \(messages == 1 ? "Nachricht" : "Nachrichten") und \(connections) "
                + "\(connections == 1 ? "Verbindung" : "Verbindungen") von \(clients) "
                + "\(clients == 1 ? "Adresse" : "Adressen") \(span)")
        let places = networks.map { "\($0.network) (\($0.messages))" }.joined(separator: ", ")
        return places.isEmpty ? what : "\(what): \(places)"
    }
}
