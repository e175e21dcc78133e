// SPDX-License-Identifier: Apache-2.0

/// `TLSA`, a certificate association (RFC 6698 §2.1).
package struct TLSA: Hashable, Sendable {
    /// 0-3: PKIX-TA, PKIX-EE, DANE-TA, DANE-EE.
    package var usage: UInt8
    /// 0: the whole certificate, 1: its public key.
    package var selector: UInt8
    /// 0: the octets themselves, 1: SHA-256, 2: SHA-512.
    package var matchingType: UInt8
    package var association: [UInt8]

    package init(usage: UInt8, selector: UInt8, matchingType: UInt8, association: [UInt8]) {
        self.usage = usage
        self.selector = selector
        self.matchingType = matchingType
        self.association = association
    }
}

extension RecordFormat {
    /// A certificate association (RFC 6698 §2.1).
    static let tlsa = Self("TLSA", 52, [.octet, .octet, .octet, .hex])
}
