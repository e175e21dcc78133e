// SPDX-License-Identifier: Apache-2.0

/// Everything a server needs from outside but names and storage, passed from `main` downward.
package struct Surroundings: Sendable {
    package let time: any Time
    package let entropy: any Entropy
    package let network: any Network

    package init(time: any Time, entropy: any Entropy, network: any Network) {
        self.time = time
        self.entropy = entropy
        self.network = network
    }
}
