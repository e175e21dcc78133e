// SPDX-License-Identifier: Apache-2.0

/// Which domains share mailboxes with each other, where their people decide that themselves.
///
/// A domain is who is hosted here, and shares with nobody unless the operator says so: on a host
/// of several customers `anyone` would be strangers.
package struct SharingDomains: Sendable, Hashable {
    /// Domains that belong together; one may be in several.
    package var groups: [[Domain]] = []
    /// All of this server belong together.
    package var areAllTogether = false

    package init() {}

    /// From the items of a setting: each names domains that share with each other, parted by
    /// spaces; `*` means all.
    ///
    /// Nil if one of them says something else.
    package init?(_ items: [String]) {
        for item in items {
            guard item != "*" else {
                areAllTogether = true
                continue
            }
            var group: [Domain] = []
            for text in item.split(separator: " ") {
                guard let domain = try? Domain(text) else { return nil }
                group.append(domain)
            }
            guard group.count > 1 else { return nil }
            groups.append(group)
        }
    }

    /// Whether people of `owner` may share with those of `other`.
    package func mayShare(_ owner: Domain, with other: Domain) -> Bool {
        areAllTogether || owner == other
            || groups.contains { $0.contains(owner) && $0.contains(other) }
    }
}
