// SPDX-License-Identifier: Apache-2.0

import World

/// Chance from the kernel (getrandom), fit for keys.
package struct LiveEntropy: Entropy {
    package init() {}

    package func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
