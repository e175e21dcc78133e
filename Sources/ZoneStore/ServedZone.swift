// SPDX-License-Identifier: Apache-2.0

package import DNS

/// What was last published of a zone.
package struct ServedZone: Sendable {
    package var origin: Name
    package var serial: UInt32
    /// The version it was made of.
    package var version: Int64
    /// All records, if they are others than those stored: signed, or copied from elsewhere.
    package var records: [ResourceRecord]?

    package init(
        origin: Name, serial: UInt32, version: Int64, records: [ResourceRecord]? = nil
    ) {
        self.origin = origin
        self.serial = serial
        self.version = version
        self.records = records
    }
}

/// What changed from one published serial to the next, for IXFR (RFC 1995).
package struct ZoneDifference: Hashable, Sendable {
    package var origin: Name
    package var oldSerial: UInt32
    package var newSerial: UInt32
    /// The SOA of before among them.
    package var removed: [ResourceRecord]
    /// The SOA of after among them.
    package var added: [ResourceRecord]

    package init(
        origin: Name, oldSerial: UInt32, newSerial: UInt32, removed: [ResourceRecord],
        added: [ResourceRecord]
    ) {
        self.origin = origin
        self.oldSerial = oldSerial
        self.newSerial = newSerial
        self.removed = removed
        self.added = added
    }
}
