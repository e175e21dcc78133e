// SPDX-License-Identifier: Apache-2.0

import Journal
import World

/// Judges each way that a server went against the signposts.
struct RouteJudge {
    /// One attempt to deliver, as the journal tells it.
    struct Way {
        let time: Timestamp
        let destination: String
        let route: [Signposts.Post]
        /// The hosts that were asked, in order, and who had the last word.
        var tried: [String] = []
        var last: String?
    }

    /// How long a host that did not answer counts as down at most, and how long it takes to see
    /// that it does not answer.
    private static let memory = Duration.minutes(25)

    private let site: Site
    private let town: Town

    init(_ site: Site, in town: Town) {
        self.site = site
        self.town = town
    }

    func faults(of ways: [Way], namesMayFail: Bool) -> [String] {
        var faults: [String] = []
        for way in ways {
            for fault in orderFaults(way, namesMayFail) + trialFaults(way) {
                let route = way.route.map { "\($0.preference) \($0.host)" }
                faults.append(
                    "\(site.name) on its way to \(way.destination) by \(route), "
                        + "asking \(way.tried): \(fault)")
            }
        }
        return faults + connectionFaults()
    }

    /// RFC 5321 §5.1: ascending preference; who did not answer lately may stand behind.
    private func orderFaults(_ way: Way, _ namesMayFail: Bool) -> [String] {
        let posts = Signposts.posts(for: way.destination, seenFrom: site.name)
        var faults: [String] = []
        for post in way.route where !posts.contains(post) {
            faults.append("\(post.host) is none of its exchangers")
        }
        if Set(way.route).count < way.route.count { faults.append("a host stands twice") }
        if !namesMayFail, way.route.count < posts.count { faults.append("a host is missing") }
        for (index, first) in way.route.enumerated() {
            for second in way.route[(index + 1)...]
            where second.preference < first.preference && !mayBeDown(second.host, at: way.time) {
                faults.append("\(first.host) stands before \(second.host)")
            }
        }
        return faults
    }

    /// Whether the server can have found out lately that the host does not answer: there was no
    /// connection or, in bad weather, one that may have ended before the host was ready.
    private func mayBeDown(_ host: String, at time: Timestamp) -> Bool {
        let addresses = Signposts.addresses[host] ?? []
        let isFair = town.calmSince == Instant(nanoseconds: 0)
        return site.attempts.contains { attempt in
            addresses.contains(attempt.address) && !(isFair && attempt.isConnected)
                && (town.calendarJumps > 0
                    || (attempt.time <= time && time <= attempt.time + Self.memory))
        }
    }

    /// From the first host on, none passed over.
    private func trialFaults(_ way: Way) -> [String] {
        let hosts = way.route.map(\.host)
        var places: [Int] = []
        for host in way.tried {
            guard let place = hosts.firstIndex(of: host) else { return ["\(host) was asked"] }
            if let before = places.last, place < before { return ["\(host) was asked too late"] }
            places.append(place)
        }
        if let last = way.last {
            guard let place = hosts.firstIndex(of: last) else { return ["\(last) was asked"] }
            places.append(place)
        }
        let asked = Set(places)
        return asked == Set(0..<asked.count) ? [] : ["a host was passed over"]
    }

    /// Whoever was asked is an exchanger of somebody, and not the server itself.
    private func connectionFaults() -> [String] {
        let hosts = Signposts.domains.flatMap { Signposts.posts(for: $0, seenFrom: site.name) }
        let known = Set(hosts.flatMap { Signposts.addresses[$0.host] ?? [] })
        return Set(site.attempts.map(\.address)).subtracting(known).sorted().map {
            "\(site.name) has asked \($0), where it has no business"
        }
    }
}

extension [Signposts.Post] {
    /// Reads `10 mx1.example, 20 mx2.example`, as the journal has it.
    init(journal text: String) {
        self = text.split(separator: ", ").compactMap { word in
            let parts = word.split(separator: " ")
            guard parts.count == 2, let preference = Int(parts[0]) else { return nil }
            return Signposts.Post(preference: preference, host: String(parts[1]))
        }
    }
}
