// SPDX-License-Identifier: Apache-2.0

import DKIM
import KeyLife
import Mail
import Storage
import World

/// The tables of the key ring, within one transaction.
struct KeyRows {
    let transaction: any Transaction

    private static func value(_ time: Timestamp?) -> Value {
        .integer(optional: time?.milliseconds)
    }

    /// Puts a domain's keys in the place of those that were kept.
    func keep(_ keys: DomainKeys, _ sealed: [String: [UInt8]]) throws(StorageFailure) {
        let domain = Value.text(keys.domain.name)
        try transaction.execute("DELETE FROM signing_domain WHERE domain = ?", [domain])
        try transaction.execute("DELETE FROM signing_key WHERE domain = ?", [domain])
        try transaction.execute(
            """
            INSERT INTO signing_domain (domain, made_rsa, made_ed25519, pending, departed)
            VALUES (?, ?, ?, ?, ?)
            """,
            [
                domain, .integer(Int64(keys.madeRSA)), .integer(Int64(keys.madeEdwards)),
                .integer(keys.isPending ? 1 : 0), Self.value(keys.departed),
            ])
        for (position, key) in keys.keys.enumerated() {
            try transaction.execute(
                """
                INSERT INTO signing_key (
                    domain, position, selector, kind, public, sealed, state, made, since,
                    right_since, seen, looked, used, fault)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    domain, .integer(Int64(position)), .text(key.selector),
                    .text(key.kind.rawValue), .blob(key.publicKey),
                    sealed[key.selector].map { .blob($0) } ?? .null, .text(key.state.rawValue),
                    Self.value(key.made), Self.value(key.since), Self.value(key.rightSince),
                    Self.value(key.seen), Self.value(key.looked), Self.value(key.used),
                    .text(optional: key.fault?.rawValue),
                ])
        }
    }

    /// Forgets a domain and all its keys.
    func forget(_ domain: Domain) throws(StorageFailure) {
        let name = Value.text(domain.name)
        try transaction.execute("DELETE FROM signing_domain WHERE domain = ?", [name])
        try transaction.execute("DELETE FROM signing_key WHERE domain = ?", [name])
    }

    /// All domains with their keys, and the sealed private halves by their selectors.
    func all() throws(StorageFailure) -> [(keys: DomainKeys, sealed: [String: [UInt8]])] {
        let domains = try transaction.all(
            """
            SELECT domain, made_rsa, made_ed25519, pending, departed
            FROM signing_domain ORDER BY domain
            """
        ) { ($0.text(0), $0.integer(1), $0.integer(2), $0.integer(3), $0.optionalInteger(4)) }
        var places: [String: Int] = [:]
        var all: [(keys: DomainKeys, sealed: [String: [UInt8]])] = []
        for (name, rsa, edwards, pending, departed) in domains {
            guard let domain = try? Domain(name) else {
                throw .corrupt("keys are kept of `\(name)`, which is no domain")
            }
            var keys = DomainKeys(domain)
            keys.madeRSA = Int(rsa)
            keys.madeEdwards = Int(edwards)
            keys.isPending = pending == 1
            keys.departed = departed.map { Timestamp(milliseconds: $0) }
            places[name] = all.count
            all.append((keys, [:]))
        }
        for (name, key, sealed) in try keys() {
            guard let place = places[name] else { continue }
            all[place].keys.keys.append(key)
            all[place].sealed[key.selector] = sealed
        }
        return all
    }

    private func keys() throws(StorageFailure) -> [(String, DomainKey, [UInt8]?)] {
        let rows = try transaction.all(
            """
            SELECT domain, selector, kind, public, sealed, state, made, since, right_since, seen,
                looked, used, fault
            FROM signing_key ORDER BY domain, position
            """
        ) { row in
            (
                [0, 1, 2, 5].map { row.text($0) }, (row.blob(3), row.isNull(4) ? nil : row.blob(4)),
                (6...11).map { column in
                    row.optionalInteger(column).map { Timestamp(milliseconds: $0) }
                },
                row.optionalText(12)
            )
        }
        return try rows.map { words, octets, times, fault throws(StorageFailure) in
            guard let kind = KeyKind(rawValue: words[2]),
                let state = DomainKey.State(rawValue: words[3]), let made = times[0],
                let since = times[1]
            else { throw .corrupt("the key \(words[1]) of \(words[0]) cannot be read") }
            var key = DomainKey(selector: words[1], kind: kind, publicKey: octets.0, made: made)
            key.state = state
            key.since = since
            key.rightSince = times[2]
            key.seen = times[3]
            key.looked = times[4]
            key.used = times[5]
            key.fault = fault.flatMap { DomainKey.Fault(rawValue: $0) }
            return (words[0], key, octets.1)
        }
    }
}
