// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS

/// Who may have a zone: an address, the holder of a key, or both together.
package struct TransferAccess: Hashable, Sendable {
    /// Nil: from anywhere, with the key.
    package var network: IPNetwork?
    /// Nil: without a key.
    package var key: Name?

    /// One of the two at least must be given.
    package init?(network: IPNetwork?, key: Name?) {
        guard network != nil || key != nil else { return nil }
        self.network = network
        self.key = key
    }

    /// Whether who asks from an address, with a verified key or none, is meant.
    package func admits(_ address: IPAddress, key: Name?) -> Bool {
        if let network, !network.contains(address) { return false }
        if let needed = self.key { return key == needed }
        return true
    }
}
