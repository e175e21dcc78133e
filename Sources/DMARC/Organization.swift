// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// Whose a domain is (RFC 9989 §4.10.2).
package enum Organization {
    /// Whether a domain has the same Organizational Domain as one of others at least; nil if the DNS
    /// does not say.
    ///
    /// Asks at most eight questions for each of them all.
    package static func isShared(
        by domain: Name, withAnyOf others: [Name], resolver: any Resolver
    ) async -> Bool? {
        if others.contains(domain) { return true }
        // An Organizational Domain is at or above both, so that they have their last label in
        // common.
        let others = others.filter { other in
            guard let left = domain.labels.last, let right = other.labels.last else {
                return false
            }
            return left.equalsIgnoringCase(right)
        }
        guard !others.isEmpty else { return false }
        var walk = TreeWalk(resolver: resolver, explains: false)
        var isKnown = true
        do throws(TreeWalk.Fault) {
            let own = try await walk.organization(of: domain).domain
            for other in others where other.isEqualOrBelow(own) {
                do throws(TreeWalk.Fault) {
                    if try await walk.organization(of: other).domain == own { return true }
                } catch {
                    isKnown = false
                }
            }
        } catch {
            return nil
        }
        return isKnown ? false : nil
    }
}
