// SPDX-License-Identifier: Apache-2.0

/// The zones of one moment, ready for answering.
///
/// Looking one up takes no lock and counts no references: a thread keeps a snapshot for as long
/// as no newer one is there.
///
/// Unchecked: nothing in it changes after `init`.
package final class ZoneSnapshot: @unchecked Sendable {
    private struct Slot: BitwiseCopyable {
        var hash: UInt64
        /// In `views`, plus one; 0: none.
        var number: UInt32
        var labels: UInt32
    }

    /// Kept, since `views` lead into them.
    private let zones: [CompiledZone]
    private let views: UnsafeMutablePointer<CompiledZone.View>
    private let slots: UnsafeMutablePointer<Slot>
    private let slotMask: UInt64
    /// A bit for each number of labels that an origin has: the others need no look.
    private let labelCounts: (UInt64, UInt64)

    package var count: Int { zones.count }

    package init(_ set: ZoneSet = ZoneSet()) {
        zones = set.compiled
        views = .allocate(capacity: max(1, zones.count))
        var capacity = 4
        while capacity < zones.count * 2 { capacity *= 2 }
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot(hash: 0, number: 0, labels: 0), count: capacity)
        slotMask = UInt64(capacity - 1)
        var labelCounts: (UInt64, UInt64) = (0, 0)
        for (place, zone) in zones.enumerated() {
            (views + place).initialize(to: zone.view)
            var labels: UInt32 = 0
            var name = Int(zone.view.origin)
            while name != 0 {
                labels += 1
                name = Int(zone.view.entries[name].parent)
            }
            if labels < 64 {
                labelCounts.0 |= 1 << UInt64(labels)
            } else {
                labelCounts.1 |= 1 << UInt64(labels - 64)
            }
            let hash = zone.view.entries[Int(zone.view.origin)].hash
            var slot = hash & slotMask
            while slots[Int(slot)].number != 0 { slot = (slot + 1) & slotMask }
            slots[Int(slot)] = Slot(hash: hash, number: UInt32(place + 1), labels: labels)
        }
        self.labelCounts = labelCounts
    }

    deinit {
        views.deallocate()
        slots.deallocate()
    }

    /// The zone nearest above a name; `isAbove` leaves out a zone that begins at the name itself.
    @inline(__always)
    func nearest(
        to name: borrowing SoughtName, isAbove: Bool
    ) -> UnsafePointer<CompiledZone.View>? {
        var place = isAbove ? 1 : 0
        while place <= name.labelCount {
            if let zone = zone(name, from: place) { return zone }
            place += 1
        }
        return nil
    }

    @inline(__always)
    private func zone(
        _ name: borrowing SoughtName, from place: Int
    ) -> UnsafePointer<CompiledZone.View>? {
        let labels = name.labelCount - place
        let counts = labels < 64 ? labelCounts.0 : labelCounts.1
        guard counts & 1 << UInt64(labels & 63) != 0 else { return nil }
        let hash = name.hash(from: place)
        var slot = hash & slotMask
        while slots[Int(slot)].number != 0 {
            if slots[Int(slot)].hash == hash {
                let view = views + Int(slots[Int(slot)].number - 1)
                let entry = view.pointee.entries[Int(view.pointee.origin)]
                if Int(entry.octets) == name.octets(from: place),
                    NameHash.areEqual(
                        view.pointee.octets + Int(entry.wire),
                        lowercased: name.lowercased(from: place), count: Int(entry.octets))
                {
                    return UnsafePointer(view)
                }
            }
            slot = (slot &+ 1) & slotMask
        }
        return nil
    }
}
