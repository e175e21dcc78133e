// SPDX-License-Identifier: Apache-2.0

/// At most `limit` values, of which those not asked for lately go first.
///
/// Two generations: when the young one holds half the limit it becomes the old one, and the old
/// one is dropped whole. A hit in the old generation moves up. No list to keep in order, so a
/// hit costs one look-up.
package struct RecencyCache<Key: Hashable, Value> {
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]
    private let half: Int

    package init(limit: Int) { half = max(1, limit / 2) }

    package var count: Int { young.count + old.count }

    /// The value of a key, which counts as asked for now; nil if it is not there (any more).
    package mutating func value(for key: Key) -> Value? {
        if let value = young[key] { return value }
        guard let value = old.removeValue(forKey: key) else { return nil }
        insert(value, for: key)
        return value
    }

    /// Keeps a value, instead of the key's former one.
    package mutating func insert(_ value: Value, for key: Key) {
        young[key] = value
        guard young.count >= half else { return }
        old = young
        young = [:]
    }

    /// All that is kept, in no order: who lets others see it sorts it first.
    package var all: [(key: Key, value: Value)] {
        young.map { ($0.key, $0.value) }
            + old.compactMap { young[$0.key] == nil ? ($0.key, $0.value) : nil }
    }

    /// Forgets a key.
    package mutating func remove(_ key: Key) {
        young[key] = nil
        old[key] = nil
    }

    /// Forgets everything.
    package mutating func removeAll() {
        young = [:]
        old = [:]
    }
}

extension RecencyCache: Sendable where Key: Sendable, Value: Sendable {}
