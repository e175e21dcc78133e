// SPDX-License-Identifier: Apache-2.0

package import DNS

/// Whose a domain is (RFC 9989 §4.10.2).
package enum Organization {
    /// Whether two domains have the same Organizational Domain; nil if the DNS does not say.
    ///
    /// Asks at most sixteen questions.
    package static func isShared(
        by left: Name, _ right: Name, resolver: any Resolver
    ) async -> Bool? {
        guard left != right else { return true }
        var walk = TreeWalk(resolver: resolver, explains: false)
        do throws(TreeWalk.Fault) {
            return try await walk.organization(of: left).domain
                == walk.organization(of: right).domain
        } catch {
            return nil
        }
    }
}
