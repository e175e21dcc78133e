// SPDX-License-Identifier: Apache-2.0

/// What DMARC comes to, in the words of RFC 9989 §9.2.
package enum DMARCResult: String, Hashable, Sendable {
    /// Nobody asks for anything: there is no record, or no one author.
    case none
    /// A domain that is aligned with the author's vouches for the message.
    case pass
    /// None does.
    case fail
    /// Nobody can say at the moment.
    case temperror
    /// The record cannot be understood.
    case permerror
}
