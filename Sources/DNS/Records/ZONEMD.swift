// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A digest of the zone (RFC 8976 §2).
    static let zonemd = Self("ZONEMD", 63, [.long, .octet, .octet, .hex]) { wire in
        let scheme = wire[4]
        let algorithm = wire[5]
        let count = wire.count - 6
        guard scheme != 0, algorithm != 0 else {
            return "a scheme and a hash algorithm other than 0, which are reserved"
        }
        // §2.2.3: SHA-384 and SHA-512; §2.2.4: any other has at least 12 octets.
        let isValid =
            switch algorithm {
            case 1: count == 48
            case 2: count == 64
            default: count >= 12
            }
        return isValid ? nil : "a digest as long as its algorithm makes it"
    }
}
