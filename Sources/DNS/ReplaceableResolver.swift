// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A resolver that can be replaced while a server runs: the next question goes to the new one.
package final class ReplaceableResolver: Resolver {
    private let resolver: Mutex<any Resolver>

    package init(_ resolver: any Resolver) { self.resolver = Mutex(resolver) }

    /// Questions under way still get their answers from the one before.
    package func replace(by successor: any Resolver) { resolver.withLock { $0 = successor } }

    package func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        let current = resolver.withLock { $0 }
        return await current.resolve(name, type)
    }

    package func remembers(_ name: Name, _ type: RecordType) -> Bool {
        resolver.withLock { $0 }.remembers(name, type)
    }
}
