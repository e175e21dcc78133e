// SPDX-License-Identifier: Apache-2.0

/// Who answers questions about names: libunbound, a stub asking one server, a zone, a fixture.
package protocol Resolver: Sendable {
    /// Follows aliases, gives up by itself in bounded time and never throws: a fault is an answer.
    func resolve(_ name: Name, _ type: RecordType) async -> Answer

    /// Whether `resolve` would answer from memory, without waiting for anybody.
    func remembers(_ name: Name, _ type: RecordType) -> Bool
}

extension Resolver {
    package func remembers(_ name: Name, _ type: RecordType) -> Bool { false }
}

/// What is known about the records of one type at one name, at the end of its aliases.
package struct Answer: Hashable, Sendable {
    /// How the question ended.
    package enum Outcome: Hashable, Sendable {
        /// `records` holds at least one record of the type asked.
        case records
        /// The name exists, but not with this type (RFC 2308 §2.2 NODATA).
        case noData
        /// The name does not exist, and an authority said so (NXDOMAIN).
        case nameError
        /// Nobody knows: never a reason for a permanent failure.
        case failure(Failure)
    }

    /// Why nobody knows.
    package enum Failure: Hashable, Sendable {
        case timeout
        case serverFailure
        case refused
        /// DNSSEC validation failed, with the validator's reason.
        case bogus(String)
        /// An answer that cannot be understood, or aliases in a circle.
        case malformed(String)
    }

    package var outcome: Outcome
    /// Records of the type asked, owned by the last name of `aliases` or the name asked.
    package var records: [ResourceRecord]
    /// The names that CNAME records led to, in order; empty without an alias.
    package var aliases: [Name]
    /// Whether the whole answer, or its absence, was validated by DNSSEC.
    package var isSecure: Bool
    /// Seconds for which the answer may be kept.
    package var ttl: UInt32

    package init(
        _ outcome: Outcome, records: [ResourceRecord] = [], aliases: [Name] = [],
        isSecure: Bool = false, ttl: UInt32 = 0
    ) {
        self.outcome = outcome
        self.records = records
        self.aliases = aliases
        self.isSecure = isSecure
        self.ttl = ttl
    }
}

extension Answer.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .timeout: "no name server answered in time"
        case .serverFailure: "the name server failed (SERVFAIL)"
        case .refused: "the name server refused to answer (REFUSED)"
        case .bogus(let reason): "DNSSEC validation failed: \(reason)"
        case .malformed(let reason): "the answer cannot be used: \(reason)"
        }
    }
}
