// SPDX-License-Identifier: Apache-2.0

package import Mail

/// What this host reports to others, and where it expects their reports.
package struct ReportingSettings: Sendable, Equatable {
    /// The reporting host, in subjects and file names.
    package var hostName: Domain
    /// `org_name`: who reports, for people.
    package var organization: String
    /// From whom reports come.
    package var sender: Address
    /// Whether domains that ask for reports get them.
    package var isSending = true
    /// Whether they also get reports on single messages that failed (RFC 9991).
    package var sendsFailures = false
    /// Whether reports by HTTPS go to private addresses too: for trials.
    package var postsToPrivateAddresses = false
    /// The name of the Authentication-Results that are this server's.
    package var authservID: String
    /// Local parts, or whole addresses, of mailboxes here whose mail is looked at for reports.
    package var readsAt: Set<String>

    /// What zones of hosted domains, and people, usually name.
    package static let usualReaders: Set<String> = [
        "postmaster", "dmarc", "dmarc-reports", "tlsrpt", "tls-reports", "abuse",
    ]

    /// Reports come from the host's postmaster.
    package init(hostName: Domain) {
        guard let postmaster = try? LocalPart("postmaster") else {
            preconditionFailure("it is a local part")
        }
        self.hostName = hostName
        authservID = hostName.name
        organization = hostName.name
        sender = Address(postmaster, at: hostName)
        readsAt = Self.usualReaders
    }

    /// Whether mail to an address may carry a report.
    package func reads(_ address: Address) -> Bool {
        guard !readsAt.isEmpty else { return false }
        // The part before a subaddress counts too: `dmarc+example.org@…`.
        let localPart = address.localPart.value.lowercased()
        return readsAt.contains(localPart)
            || readsAt.contains(String(localPart.prefix { $0 != "+" }))
            || readsAt.contains(address.description.lowercased())
    }
}
