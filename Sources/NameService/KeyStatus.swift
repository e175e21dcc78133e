// SPDX-License-Identifier: Apache-2.0

package import KeyLife

/// How it stands with the DKIM keys of a domain.
package struct KeyStatus: Sendable {
    package let keys: DomainKeys
    package let place: KeyPlace
    /// Whether keys are made and replaced without being asked.
    package let isAutomatic: Bool
    /// Whether mail is signed at the moment.
    package let signs: Bool
    package let findings: [KeyFinding]
    /// The selectors of keys whose private halves cannot be opened.
    package let lost: Set<String>
    /// Why the records could not be published the last time.
    package let trouble: String?
    /// What the name servers themselves showed of each key that is awaited or faulty, by selector;
    /// an empty list: none could be found.
    package let servers: [String: [AuthorityCheck.Sighting]]
}
