// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A key as the DNS has it, at `SELECTOR._domainkey.DOMAIN` (RFC 6376 §3.6.1, RFC 8463 §4).
package struct KeyRecord: Hashable, Sendable {
    package let kind: KeyKind
    /// Empty: the key is revoked.
    package let octets: [UInt8]
    /// The hashes it may be used with; nil: all.
    package let hashes: Set<String>?
    /// The services it may be used for (`s=`), perhaps `*`; nil: all.
    package let services: Set<String>?
    /// `t=y`: the domain is trying things out.
    package let isTesting: Bool
    /// `t=s`: `i=` must be of `d=` itself.
    package let isStrict: Bool

    /// Reads the text of a TXT record.
    package init(parsing text: some Collection<UInt8>) throws(DKIMProblem) {
        guard let tags = TagList(text) else {
            throw .init(.permerror, "the key record is no list of tags")
        }
        // §3.6.1: v is optional, but then the first, and DKIM1.
        if let version = tags["v"], version != "DKIM1" || tags.firstName != "v" {
            throw .init(.permerror, "the key record is of another version")
        }
        guard let data = tags.octets(of: "p") else {
            throw .init(.permerror, "the key record has no key")
        }
        let name = tags["k"] ?? "rsa"
        guard let kind = KeyKind(rawValue: name) else {
            throw .init(.permerror, "nobody knows keys of the kind \(name)")
        }
        self.kind = kind
        services = tags["s"].map { Set(Self.words($0)) }
        hashes = tags["h"].map { Set(Self.words($0)) }
        let flags = tags["t"].map { Self.words($0) } ?? []
        isTesting = flags.contains("y")
        isStrict = flags.contains("s")
        guard let octets = Base64.decode(data, skipsSpace: true) else {
            throw .init(.permerror, "the key is no Base64")
        }
        self.octets = octets
    }

    private static func words(_ text: String) -> [String] {
        text.split(separator: ":").map { String($0.filter { !$0.isWhitespace }) }
    }

    /// Whether it may be used for one of these services.
    package func serves(_ wanted: Set<String>) -> Bool {
        guard let services else { return true }
        return services.contains("*") || !services.isDisjoint(with: wanted)
    }

    /// Whether the key may make signatures of this kind (§6.1.2).
    func check(_ algorithm: Algorithm) throws(DKIMProblem) {
        guard !octets.isEmpty else { throw .init(.permerror, "the key is revoked") }
        guard kind == algorithm.kind else {
            throw .init(.permerror, "the key is of another kind than the signature")
        }
        if let hashes, !hashes.contains(algorithm.hash.rawValue) {
            throw .init(.permerror, "the key is not for the hash \(algorithm.hash.rawValue)")
        }
    }
}
