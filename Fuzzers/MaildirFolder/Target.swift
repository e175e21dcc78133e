// SPDX-License-Identifier: Apache-2.0

import Properties

@main
struct Target {
    static func main() {
        fuzz { start, count in
            Property.maildirFolder.demand(of: UnsafeBufferPointer(start: start, count: count))
            return 0
        }
    }
}
