// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// What the holder of a key may change in a zone (RFC 2136 §3.3, RFC 3007 §2).
package struct UpdateGrant: Hashable, Sendable {
    /// Which names.
    package enum Scope: Hashable, Sendable {
        /// The whole zone.
        case zone
        /// The name that the key is called by.
        case own
        /// One name.
        case name(Name)
        /// A name and everything below it.
        case subtree(Name)
    }

    package var key: Name
    package var scope: Scope
    /// Nil: all but those that hold the zone together.
    package var types: [RecordType]?

    package init(key: Name, scope: Scope, types: [RecordType]? = nil) {
        self.key = key
        self.scope = scope
        self.types = types
    }

    /// What only a grant that names it covers: the zone's frame, and what leads elsewhere.
    private static let reserved: Set<RecordType> = [
        .soa, .ns, .ds, .dnskey, .cds, .cdnskey, .csync,
    ]

    /// Made by signing the zone; nobody else changes it (RFC 3007 §4.3).
    private static let made: Set<RecordType> = [.rrsig, .nsec, .nsec3, .nsec3param]

    /// Whether a change of a name's records of a type is covered.
    ///
    /// Type ANY stands for a name where nothing is.
    package func permits(_ name: Name, _ type: RecordType, for key: Name) -> Bool {
        guard key == self.key, !Self.made.contains(type) else { return false }
        let isInScope =
            switch scope {
            case .zone: true
            case .own: name == key
            case .name(let owner): name == owner
            case .subtree(let top): name.isEqualOrBelow(top)
            }
        guard isInScope else { return false }
        // A whole name where nothing stands: nothing happens.
        if type == .any { return true }
        if let types { return types.contains(type) }
        return !Self.reserved.contains(type)
    }
}

extension UpdateGrant.Scope: CustomStringConvertible {
    /// `zone`, `self`, `name NAME` or `subtree NAME`.
    package var description: String {
        switch self {
        case .zone: "zone"
        case .own: "self"
        case .name(let name): "name \(name)"
        case .subtree(let name): "subtree \(name)"
        }
    }

    /// Reads what `description` writes.
    package init?(_ text: String) {
        let words = text.split(separator: " ")
        switch (words.first, words.count) {
        case ("zone", 1): self = .zone
        case ("self", 1): self = .own
        case ("name", 2):
            guard let name = try? Name(words[1]) else { return nil }
            self = .name(name)
        case ("subtree", 2):
            guard let name = try? Name(words[1]) else { return nil }
            self = .subtree(name)
        default: return nil
        }
    }
}
