// SPDX-License-Identifier: Apache-2.0

import Crypto
package import ZoneTransfer

/// HMAC by the cryptography library (RFC 2104, RFC 8945 §6).
package struct SystemKeyedHash: KeyedHash {
    package init() {}

    package func code(
        _ algorithm: TransactionKey.Algorithm, secret: [UInt8], over octets: [UInt8]
    ) -> [UInt8] {
        let key = SymmetricKey(data: secret)
        return switch algorithm {
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: octets, using: key))
        case .sha384: Array(HMAC<SHA384>.authenticationCode(for: octets, using: key))
        case .sha512: Array(HMAC<SHA512>.authenticationCode(for: octets, using: key))
        }
    }
}
