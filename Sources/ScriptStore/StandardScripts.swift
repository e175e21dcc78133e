// SPDX-License-Identifier: Apache-2.0

package import Sieve
import Storage

// Scripts for those accounts that have none active.
extension Scripts {
    /// In the place of a domain: an address has none so short.
    static let wholeServer = ""

    /// A script of the operator's for the accounts of a domain, or of the whole server.
    package struct Standard: Hashable, Sendable {
        /// Nil: the whole server.
        package let domain: String?
        package let octets: Int
    }

    /// Lets a script sort the mail of all accounts of a domain that have none active; nil is the
    /// whole server, where no script of the domain goes before.
    ///
    /// Returns what its author should know; throws `Refusal` for one that is not valid.
    @discardableResult
    package func setStandard(
        _ octets: [UInt8], for domain: String?
    ) async throws -> [Diagnostic] {
        let warnings = try Self.check(octets)
        try await store.write { transaction in
            try transaction.execute(
                """
                INSERT INTO sieve_default (domain, script) VALUES (?, ?)
                ON CONFLICT (domain) DO UPDATE SET script = excluded.script
                """,
                [.text(domain ?? Self.wholeServer), .blob(octets)])
        }
        forget()
        return warnings
    }

    /// Takes the script of a domain, or of the whole server, away; false if there was none.
    package func removeStandard(for domain: String?) async throws -> Bool {
        let count = try await store.write { transaction in
            try transaction.execute(
                "DELETE FROM sieve_default WHERE domain = ?",
                [.text(domain ?? Self.wholeServer)])
        }
        forget()
        return count > 0
    }

    /// Its text; nil if there is none.
    package func standard(for domain: String?) async throws -> [UInt8]? {
        try await store.read { transaction in
            try transaction.first(
                "SELECT script FROM sieve_default WHERE domain = ?",
                [.text(domain ?? Self.wholeServer)]
            ) { $0.blob(0) }
        }
    }

    /// All of them by domain; that of the whole server stands first.
    package func standards() async throws -> [Standard] {
        try await store.read { transaction in
            try transaction.all(
                "SELECT domain, length(script) FROM sieve_default ORDER BY domain"
            ) {
                let domain = $0.text(0)
                return Standard(
                    domain: domain == Self.wholeServer ? nil : domain,
                    octets: Int($0.integer(1)))
            }
        }
    }
}
