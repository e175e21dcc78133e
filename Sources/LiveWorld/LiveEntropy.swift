// SPDX-License-Identifier: Apache-2.0

private import Glibc
private import Synchronization
import World

/// Chance from the kernel (getrandom), fit for keys.
package final class LiveEntropy: Entropy {
    /// Words drawn from the kernel at once: each message takes two, and each draw is a call.
    private static let words = 32

    private let drawn = Mutex<[UInt64]>([])

    package init() {}

    package func next() -> UInt64 {
        drawn.withLock { drawn in
            if drawn.isEmpty { drawn = Self.draw() }
            return drawn.removeLast()
        }
    }

    private static func draw() -> [UInt64] {
        [UInt64](unsafeUninitializedCapacity: words) { buffer, count in
            let octets = UnsafeMutableRawBufferPointer(buffer)
            // getentropy(3) gives up to 256 octets at once, whole.
            let code = getentropy(octets.baseAddress, octets.count)
            precondition(code == 0, "the kernel gives no randomness")
            count = words
        }
    }
}
