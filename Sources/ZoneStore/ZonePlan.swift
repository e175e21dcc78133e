// SPDX-License-Identifier: Apache-2.0

package import DNS
package import ZoneCheck

/// A change of one zone, worked out and not yet made.
package struct ZonePlan: Sendable {
    package let origin: Name
    /// Of the zone that the plan was made for; 0: it is not there yet.
    package let version: Int64
    package let before: [ResourceRecord]
    /// What was asked for; the serial, which counts up besides, is not in it.
    package let change: ZoneChange
    package let after: [ResourceRecord]
    /// The text after the change.
    package let text: [UInt8]
    /// The marks after the change; nil: those of before.
    ///
    /// A mark whose record is gone says that somebody has taken the record away.
    package var managed: Set<ResourceRecord>?
    /// What is set for the zone in the same go; nil for what is set no more.
    package var options: [String: String?] = [:]
    let undoing: [TextSplice]

    /// Puts another text in the place of a zone's, or makes a new zone.
    ///
    /// The serial of the text stays if it is newer than `serial`, the newest that anyone may have
    /// seen.
    init(
        replacing zone: StoredZone?, origin: Name, with text: [UInt8], newerThan serial: UInt32?,
        style: SerialStyle
    ) throws(ZoneFailure) {
        guard text.count <= Zones.maximumTextOctets else {
            throw .tooLong(origin, octets: text.count)
        }
        let file = MasterFile.parse(text, origin: origin)
        guard file.faults.isEmpty else { throw .unreadable(origin, file.faults) }
        try Self.check(file.records, origin)
        before = try zone?.records() ?? []
        var records = file.records
        var text = text
        if let serial, let start = records.first(where: { $0.type == .soa }),
            case .soa(let soa) = start.data, !SerialNumber.isNewer(soa.serial, than: serial)
        {
            let renumbered = start.withSerial(style.serial(after: serial))
            let change = ZoneChange(from: [start], to: [renumbered])
            let document = try Self.document(
                changing: Self.document(text, records, origin), by: change
            ).document
            text = document.text
            records = document.records
        }
        self.origin = origin
        version = zone?.version ?? 0
        change = ZoneChange(from: before, to: records)
        after = records
        self.text = text
        undoing = TextSplice.undoing(text, to: zone?.text ?? [])
    }

    /// Works edits out, one after the other.
    init(
        _ edits: [ZoneEdit], in zone: StoredZone, newerThan serial: UInt32?, style: SerialStyle
    ) throws(ZoneFailure) {
        let records = try zone.records()
        let change: ZoneChange
        do throws(ZoneEditRefusal) {
            change = try ZoneChange(edits, in: records, origin: zone.origin)
        } catch {
            throw .refused(zone.origin, error)
        }
        try self.init(change, in: zone, records, newerThan: serial, style: style)
    }

    /// Works a change out that is known record by record.
    init(
        _ change: ZoneChange, in zone: StoredZone, _ records: [ResourceRecord],
        newerThan serial: UInt32?, style: SerialStyle
    ) throws(ZoneFailure) {
        var counted = change
        counted.bumpSerial(of: records, style, newerThan: serial)
        let (document, splices) = try Self.document(
            changing: Self.document(zone.text, records, zone.origin), by: counted)
        undoing = splices ?? TextSplice.undoing(document.text, to: zone.text)
        guard document.text.count <= Zones.maximumTextOctets else {
            throw .tooLong(zone.origin, octets: document.text.count)
        }
        try Self.check(document.records, zone.origin)
        origin = zone.origin
        version = zone.version
        before = records
        self.change = change
        after = document.records
        text = document.text
    }

    /// The document after a change, with what leads back; without that, in canonical form, where
    /// there is no way of changing it line by line: its remarks are then in the history.
    private static func document(
        changing before: ZoneDocument, by change: ZoneChange
    ) throws(ZoneFailure) -> (document: ZoneDocument, undoing: [TextSplice]?) {
        var document = before
        if let undoing = try? document.apply(removing: change.removed, adding: change.added) {
            return (document, undoing)
        }
        let changed = change.applied(to: before.records)
        return (
            try Self.document(MasterFile.canonicalText(of: changed), changed, before.origin), nil
        )
    }

    /// The text as a document; in canonical form if it cannot be kept as it is.
    private static func document(
        _ text: [UInt8], _ records: [ResourceRecord], _ origin: Name
    ) throws(ZoneFailure) -> ZoneDocument {
        if let document = try? ZoneDocument(parsing: text, origin: origin) { return document }
        do {
            return try ZoneDocument(records: records, origin: origin)
        } catch {
            throw .invalid(origin, ["its records cannot be written as text"])
        }
    }

    /// Nothing is stored that could not be answered.
    private static func check(_ records: [ResourceRecord], _ origin: Name) throws(ZoneFailure) {
        do {
            _ = try Zone(origin: origin, records: records)
        } catch {
            throw .invalid(origin, error.faults)
        }
    }
}

extension ResourceRecord {
    /// An SOA with another serial; other records stay as they are.
    package func withSerial(_ serial: UInt32) -> ResourceRecord {
        guard case .soa(var soa) = data else { return self }
        soa.serial = serial
        var record = self
        record.data = .soa(soa)
        return record
    }
}
