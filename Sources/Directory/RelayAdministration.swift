// SPDX-License-Identifier: Apache-2.0

package import Mail
import Storage

/// Relay domains and their known recipients: listed, added, changed, removed.
extension Registry {
    /// All relay domains by name.
    package func relays() async throws(DirectoryFailure) -> [RelayDomain] {
        try await read { try $0.relayDomains() }
    }

    /// The known recipients of a relay domain, in order.
    package func recipients(of relay: Domain) async throws(DirectoryFailure) -> [Address] {
        try await read { try $0.relayRecipients(of: relay).compactMap(\.address) }
    }

    /// Takes a relay domain in, with the recipients that its primary knows.
    package func add(
        relay: RelayDomain, recipients: [Address] = [], by author: String
    ) async throws(DirectoryFailure) {
        try Self.check(relay)
        let keys = try Self.recipientKeys(recipients, in: relay.name)
        try await change(by: author, "added relay domain \(relay.name)") { lookup, revision in
            switch try lookup.responsibility(for: relay.name) {
            case .local: throw DirectoryFailure.isLocalDomain(relay.name)
            case .relay: throw DirectoryFailure.relayExists(relay.name)
            case .elsewhere: break
            }
            try revision.add(.relay(relay))
            for key in keys { try revision.add(.relayRecipient(key)) }
        }
    }

    /// Changes everything but the recipients.
    package func update(relay: RelayDomain, by author: String) async throws(DirectoryFailure) {
        try Self.check(relay)
        try await change(by: author, "changed relay domain \(relay.name)") { lookup, revision in
            let before = try lookup.existing(relay: relay.name)
            try revision.replace(.relay(before), with: .relay(relay))
        }
    }

    /// Gives a relay domain up, and forgets its recipients; mail that waits for it still goes.
    package func remove(relay name: Domain, by author: String) async throws(DirectoryFailure) {
        try await change(by: author, "removed relay domain \(name)") { lookup, revision in
            let relay = try lookup.existing(relay: name)
            for key in try lookup.relayRecipients(of: name) {
                try revision.remove(.relayRecipient(key))
            }
            try revision.remove(.relay(relay))
        }
    }

    /// Makes these the known recipients, and only these.
    package func setRecipients(
        of name: Domain, to recipients: [Address], by author: String
    ) async throws(DirectoryFailure) {
        let keys = try Self.recipientKeys(recipients, in: name)
        try await change(by: author, "set the recipients of \(name)") { lookup, revision in
            _ = try lookup.existing(relay: name)
            let before = try lookup.relayRecipients(of: name)
            let (old, new) = (Set(before), Set(keys))
            for key in before where !new.contains(key) {
                try revision.remove(.relayRecipient(key))
            }
            for key in keys where !old.contains(key) { try revision.add(.relayRecipient(key)) }
        }
    }

    /// Adds a recipient that the primary of a relay domain knows.
    package func add(
        relayRecipient address: Address, by author: String
    ) async throws(DirectoryFailure) {
        let key = try Self.localKey(address)
        try await change(by: author, "added relay recipient \(address)") { lookup, revision in
            _ = try lookup.existing(relay: key.domain)
            guard try !lookup.isRelayRecipient(key) else {
                throw DirectoryFailure.addressTaken(address, by: address)
            }
            try revision.add(.relayRecipient(key))
        }
    }

    /// Removes a recipient that the primary no longer knows.
    package func remove(
        relayRecipient address: Address, by author: String
    ) async throws(DirectoryFailure) {
        let key = try Self.localKey(address)
        try await change(by: author, "removed relay recipient \(address)") { lookup, revision in
            guard try lookup.isRelayRecipient(key) else {
                throw DirectoryFailure.unknownAddress(address)
            }
            try revision.remove(.relayRecipient(key))
        }
    }

    private static func check(_ relay: RelayDomain) throws(DirectoryFailure) {
        if let seconds = relay.lifetimeSeconds, seconds < RelayDomain.minimumLifetimeSeconds {
            throw .unfit("a lifetime of \(seconds) seconds", reason: "an hour is the least")
        }
        if let host = relay.host {
            guard (1...RelayDomain.maximumHostOctets).contains(host.utf8.count),
                host.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { throw .unfit("the host \(host)", reason: "it is no host name or address") }
        }
    }

    /// Without duplicates, all in the domain, in their order.
    private static func recipientKeys(
        _ recipients: [Address], in domain: Domain
    ) throws(DirectoryFailure) -> [AddressKey] {
        var keys: [AddressKey] = []
        var seen: Set<AddressKey> = []
        for address in recipients {
            let key = try localKey(address)
            guard key.domain == domain else {
                throw .unfit("\(address)", reason: "it is not in \(domain)")
            }
            if seen.insert(key).inserted { keys.append(key) }
        }
        return keys
    }
}

extension Lookup {
    func existing(relay name: Domain) throws -> RelayDomain {
        guard let relay = try relayDomain(name) else { throw DirectoryFailure.unknownRelay(name) }
        return relay
    }
}
