// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// What is known about the addresses of one host.
struct HostAddresses: Sendable {
    let name: Name
    /// The names that an alias led to.
    let aliases: [Name]
    /// IPv6 and IPv4 in turn, IPv6 first, each family in the resolver's order (RFC 5321 §5.1).
    let addresses: [IPAddress]
    /// Addresses that no host can have.
    let unusable: [IPAddress]
    /// The fault of each question that got no answer.
    let faults: [(type: RecordType, failure: Answer.Failure)]

    init(name: Name, v6: Answer, v4: Answer) {
        self.name = name
        aliases = v4.aliases.count >= v6.aliases.count ? v4.aliases : v6.aliases
        var faults: [(type: RecordType, failure: Answer.Failure)] = []
        if case .failure(let failure) = v6.outcome { faults.append((.aaaa, failure)) }
        if case .failure(let failure) = v4.outcome { faults.append((.a, failure)) }
        self.faults = faults
        var usable: [IPAddress] = []
        var unusable: [IPAddress] = []
        for address in Self.interleave(Self.addresses(v6), Self.addresses(v4)) {
            if address.isUnusable {
                unusable.append(address)
            } else if !usable.contains(address) {
                usable.append(address)
            }
        }
        addresses = usable
        self.unusable = unusable
    }

    /// Enough to fill a route and to find this server among them; a zone may hold thousands.
    private static let maximumAddresses = 100

    private static func addresses(_ answer: Answer) -> [IPAddress] {
        let addresses: [IPAddress] = answer.records.compactMap { record in
            switch record.data {
            case .a(let address): .v4(address)
            case .aaaa(let address): .v6(address)
            default: nil
            }
        }
        return Array(addresses.prefix(maximumAddresses))
    }

    private static func interleave(_ first: [IPAddress], _ second: [IPAddress]) -> [IPAddress] {
        var result: [IPAddress] = []
        for index in 0..<max(first.count, second.count) {
            if index < first.count { result.append(first[index]) }
            if index < second.count { result.append(second[index]) }
        }
        return result
    }
}
