// SPDX-License-Identifier: Apache-2.0

package import Mail

/// A domain whose mailboxes are here.
package struct LocalDomain: Hashable, Sendable {
    package let name: Domain
    /// Who reads mail to `postmaster` (RFC 5321 §4.5.1); nil: the server's postmaster.
    package var postmaster: Address?
    /// Who gets what is addressed to nobody; nil: unknown recipients are refused.
    package var catchAll: Address?

    package init(_ name: Domain, postmaster: Address? = nil, catchAll: Address? = nil) {
        self.name = name
        self.postmaster = postmaster
        self.catchAll = catchAll
    }
}
