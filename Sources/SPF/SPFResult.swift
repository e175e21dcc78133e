// SPDX-License-Identifier: Apache-2.0

/// What `check_host()` comes to (RFC 7208 §2.6), in the words of RFC 8601 §2.7.2.
package enum SPFResult: String, Hashable, Sendable {
    /// There is no domain to be asked, or no record.
    case none
    /// The domain says nothing about the client.
    case neutral
    /// The client may send for the domain.
    case pass
    /// It may not.
    case fail
    /// Probably it may not.
    case softfail
    /// Nobody can say at the moment.
    case temperror
    /// The domain's records cannot be understood.
    case permerror

    /// `+`, `-`, `~` or `?` before a mechanism; nil for another octet.
    init?(qualifier: UInt8) {
        switch qualifier {
        case UInt8(ascii: "+"): self = .pass
        case UInt8(ascii: "-"): self = .fail
        case UInt8(ascii: "~"): self = .softfail
        case UInt8(ascii: "?"): self = .neutral
        default: return nil
        }
    }
}
