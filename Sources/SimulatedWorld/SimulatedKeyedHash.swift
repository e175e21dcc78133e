// SPDX-License-Identifier: Apache-2.0

import DNS
package import ZoneTransfer

/// A keyed hash that is as long as the real one and as sensitive to each octet, but no secret: for
/// tests that need no package from outside.
package struct SimulatedKeyedHash: KeyedHash {
    package init() {}

    package func code(
        _ algorithm: TransactionKey.Algorithm, secret: [UInt8], over octets: [UInt8]
    ) -> [UInt8] {
        var code: [UInt8] = []
        var round: UInt64 = 0
        while code.count < algorithm.octetCount {
            var key = [UInt8](repeating: UInt8(truncatingIfNeeded: round), count: 16)
            for (place, octet) in secret.enumerated() { key[place % 16] ^= octet &+ UInt8(place) }
            withUnsafeBytes(of: SipHash(key: key).hash(of: octets)) { code += $0 }
            round += 1
        }
        return Array(code.prefix(algorithm.octetCount))
    }
}
