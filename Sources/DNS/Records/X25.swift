// SPDX-License-Identifier: Apache-2.0

import Bytes

extension RecordFormat {
    /// An address in a public data network (RFC 1183 §3.1): digits, the first four its network.
    static let x25 = Self("X25", 19, [.string]) { wire in
        let digits = wire.dropFirst()
        return digits.count >= 4 && digits.allSatisfy(\.isDigit) ? nil : "at least four digits"
    }
}
