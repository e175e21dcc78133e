// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Storage
import World

/// Who made a version, when and what for.
struct ZoneVersionEntry: Sendable {
    let time: Timestamp
    let author: String
    let summary: String
}

/// The tables, within one transaction.
struct Rows {
    private let transaction: any Transaction

    /// Of one zone, for IXFR: who has missed more gets the whole zone.
    static let keptDifferences: Int64 = 100

    init(_ transaction: any Transaction) { self.transaction = transaction }

    /// By what a zone is found.
    private static func key(_ origin: Name) -> Value { .text(origin.lowercased.absolute) }

    private static func name(_ text: String) throws(StorageFailure) -> Name {
        guard let name = try? Name(text) else { throw .corrupt("`\(text)` is no zone's name") }
        return name
    }

    private static func records(_ octets: [UInt8]) throws(StorageFailure) -> [ResourceRecord] {
        guard let records = try? RecordList.decode(octets) else {
            throw .corrupt("records of a zone cannot be read")
        }
        return records
    }

    // MARK: - Zones

    func origins() throws(StorageFailure) -> [Name] {
        try transaction.all("SELECT origin FROM zone WHERE text IS NOT NULL ORDER BY origin") {
            $0.text(0)
        }.map { text throws(StorageFailure) in try Self.name(text) }
    }

    func list() throws(StorageFailure) -> [ZoneSummary] {
        let rows = try transaction.all(
            """
            SELECT zone.origin, kind, zone.version, at_milliseconds, length(text), serial
            FROM zone
            LEFT JOIN zone_version ON zone_version.origin = zone.origin
                AND zone_version.version = zone.version
            LEFT JOIN zone_served ON zone_served.origin = zone.origin
            WHERE text IS NOT NULL ORDER BY zone.origin
            """
        ) {
            (
                $0.text(0), $0.text(1), $0.integer(2), $0.optionalInteger(3), $0.integer(4),
                $0.optionalInteger(5)
            )
        }
        return try rows.map { row throws(StorageFailure) in
            ZoneSummary(
                origin: try Self.name(row.0), kind: try Self.kind(row.1), version: row.2,
                changed: row.3.map { Timestamp(milliseconds: $0) }, octets: Int(row.4),
                serial: row.5.map { UInt32(truncatingIfNeeded: $0) })
        }
        .sorted { $0.origin.canonicalKey.lexicographicallyPrecedes($1.origin.canonicalKey) }
    }

    func zone(_ origin: Name) throws(StorageFailure) -> StoredZone? {
        let found = try transaction.first(
            "SELECT kind, version, text, managed FROM zone WHERE origin = ? AND text IS NOT NULL",
            [Self.key(origin)]
        ) { ($0.text(0), $0.integer(1), $0.blob(2), $0.blob(3)) }
        guard let (kind, version, text, managed) = found else { return nil }
        var options: [String: String] = [:]
        try transaction.query(
            "SELECT name, value FROM zone_option WHERE origin = ?", [Self.key(origin)]
        ) { options[$0.text(0)] = $0.text(1) }
        return StoredZone(
            origin: origin, kind: try Self.kind(kind), version: version, text: text,
            options: options, managed: Set(try Self.records(managed)))
    }

    private static func kind(_ text: String) throws(StorageFailure) -> StoredZone.Kind {
        guard let kind = StoredZone.Kind(rawValue: text) else {
            throw .corrupt("`\(text)` is no kind of zone")
        }
        return kind
    }

    /// Makes a planned change if the zone is still as it was then.
    func commit(_ plan: ZonePlan, _ entry: ZoneVersionEntry) throws {
        let zone = try zone(plan.origin)
        guard (zone?.version ?? 0) == plan.version else {
            throw ZoneFailure.changedMeanwhile(plan.origin)
        }
        try put(
            plan.origin, kind: .primary, text: plan.text,
            managed: plan.managed ?? zone?.managed ?? [], undoing: plan.undoing, entry)
        for (option, value) in plan.options.sorted(by: { $0.key < $1.key }) {
            try set(option, to: value, of: plan.origin)
        }
    }

    /// Writes the next version of a zone; text nil: the zone is removed.
    func put(
        _ origin: Name, kind: StoredZone.Kind, text: [UInt8]?, managed: Set<ResourceRecord>,
        undoing: [TextSplice], _ entry: ZoneVersionEntry
    ) throws(StorageFailure) {
        let key = Self.key(origin)
        let last = try transaction.first("SELECT version FROM zone WHERE origin = ?", [key]) {
            $0.integer(0)
        }
        let version = (last ?? 0) + 1
        let marks = MasterFile.canonicalOrder(of: managed)
        try transaction.execute("DELETE FROM zone WHERE origin = ?", [key])
        try transaction.execute(
            "INSERT INTO zone (origin, kind, version, text, managed) VALUES (?, ?, ?, ?, ?)",
            [
                key, .text(kind.rawValue), .integer(version), text.map { .blob($0) } ?? .null,
                .blob(RecordList.encode(marks)),
            ])
        try transaction.execute(
            """
            INSERT INTO zone_version (origin, version, at_milliseconds, author, summary, undoing)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            [
                key, .integer(version), .integer(entry.time.milliseconds), .text(entry.author),
                .text(entry.summary), .blob(TextSplice.encode(undoing)),
            ])
        try transaction.execute(
            "DELETE FROM zone_version WHERE origin = ? AND version <= ?",
            [key, .integer(version - Zones.maximumVersions)])
    }

    func set(_ option: String, to value: String?, of origin: Name) throws(StorageFailure) {
        try transaction.execute(
            "DELETE FROM zone_option WHERE origin = ? AND name = ?",
            [Self.key(origin), .text(option)])
        guard let value else { return }
        try transaction.execute(
            "INSERT INTO zone_option (origin, name, value) VALUES (?, ?, ?)",
            [Self.key(origin), .text(option), .text(value)])
    }

    func options(_ name: String) throws(StorageFailure) -> [Name: String] {
        let rows = try transaction.all(
            """
            SELECT zone_option.origin, value FROM zone_option
            JOIN zone ON zone.origin = zone_option.origin
            WHERE name = ? AND text IS NOT NULL
            """, [.text(name)]
        ) { ($0.text(0), $0.text(1)) }
        var options: [Name: String] = [:]
        for (origin, value) in rows { options[try Self.name(origin)] = value }
        return options
    }

    // MARK: - Versions

    func versions(of origin: Name) throws(StorageFailure) -> [ZoneVersion] {
        try transaction.all(
            """
            SELECT version, at_milliseconds, author, summary FROM zone_version
            WHERE origin = ? ORDER BY version DESC
            """, [Self.key(origin)]
        ) {
            ZoneVersion(
                number: $0.integer(0), time: Timestamp(milliseconds: $0.integer(1)),
                author: $0.text(2), summary: $0.text(3))
        }
    }

    func text(of origin: Name, version: Int64) throws -> [UInt8] {
        let latest = try transaction.first(
            "SELECT version, text FROM zone WHERE origin = ?", [Self.key(origin)]
        ) { ($0.integer(0), $0.blob(1)) }
        guard let (newest, latestText) = latest else { throw ZoneFailure.unknownZone(origin) }
        guard (1...newest).contains(version) else {
            throw ZoneFailure.unknownVersion(origin, version)
        }
        var text = latestText
        let ways = try transaction.all(
            """
            SELECT undoing FROM zone_version WHERE origin = ? AND version > ?
            ORDER BY version DESC
            """, [Self.key(origin), .integer(version)]
        ) { $0.blob(0) }
        guard ways.count == Int(newest - version) else {
            throw ZoneFailure.unknownVersion(origin, version)
        }
        for way in ways {
            guard let splices = TextSplice.decode(way),
                let before = TextSplice.apply(splices, to: text)
            else {
                throw StorageFailure.corrupt("a version of the zone \(origin) cannot be read")
            }
            text = before
        }
        return text
    }

    // MARK: - What is served

    func served(_ origin: Name) throws(StorageFailure) -> ServedZone? {
        let found = try transaction.first(
            "SELECT serial, version, records FROM zone_served WHERE origin = ?", [Self.key(origin)]
        ) { ($0.integer(0), $0.integer(1), $0.isNull(2) ? nil : $0.blob(2)) }
        guard let (serial, version, records) = found else { return nil }
        return ServedZone(
            origin: origin, serial: UInt32(truncatingIfNeeded: serial), version: version,
            records: try records.map { octets throws(StorageFailure) in try Self.records(octets) })
    }

    func keep(_ zone: ServedZone) throws(StorageFailure) {
        try transaction.execute(
            "DELETE FROM zone_served WHERE origin = ?", [Self.key(zone.origin)])
        try transaction.execute(
            "INSERT INTO zone_served (origin, serial, version, records) VALUES (?, ?, ?, ?)",
            [
                Self.key(zone.origin), .integer(Int64(zone.serial)), .integer(zone.version),
                zone.records.map { .blob(RecordList.encode($0)) } ?? .null,
            ])
    }

    func keep(_ difference: ZoneDifference) throws(StorageFailure) {
        let key = Self.key(difference.origin)
        let last = try transaction.first(
            "SELECT max(position) FROM zone_difference WHERE origin = ?", [key]
        ) { $0.integer(0) }
        let position = (last ?? 0) + 1
        try transaction.execute(
            """
            INSERT INTO zone_difference (origin, position, old_serial, new_serial, removed, added)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            [
                key, .integer(position), .integer(Int64(difference.oldSerial)),
                .integer(Int64(difference.newSerial)),
                .blob(RecordList.encode(difference.removed)),
                .blob(RecordList.encode(difference.added)),
            ])
        try transaction.execute(
            "DELETE FROM zone_difference WHERE origin = ? AND position <= ?",
            [key, .integer(position - Self.keptDifferences)])
    }

    func differences(
        of origin: Name, from serial: UInt32
    ) throws(StorageFailure) -> [ZoneDifference]? {
        let key = Self.key(origin)
        let start = try transaction.first(
            """
            SELECT position FROM zone_difference WHERE origin = ? AND old_serial = ?
            ORDER BY position DESC LIMIT 1
            """, [key, .integer(Int64(serial))]
        ) { $0.integer(0) }
        guard let start else { return nil }
        let rows = try transaction.all(
            """
            SELECT old_serial, new_serial, removed, added FROM zone_difference
            WHERE origin = ? AND position >= ? ORDER BY position
            """, [key, .integer(start)]
        ) { ($0.integer(0), $0.integer(1), $0.blob(2), $0.blob(3)) }
        var differences: [ZoneDifference] = []
        for row in rows {
            let difference = ZoneDifference(
                origin: origin, oldSerial: UInt32(truncatingIfNeeded: row.0),
                newSerial: UInt32(truncatingIfNeeded: row.1), removed: try Self.records(row.2),
                added: try Self.records(row.3))
            // A gap, as after an import in between: the way is not known.
            guard differences.last?.newSerial ?? difference.oldSerial == difference.oldSerial
            else { return nil }
            differences.append(difference)
        }
        return differences
    }
}

extension TextSplice {
    /// Start and end of the place, and what takes its place behind its length.
    static func encode(_ splices: [TextSplice]) -> [UInt8] {
        var octets: [UInt8] = []
        for splice in splices {
            for number in [splice.range.lowerBound, splice.range.upperBound, splice.octets.count] {
                octets += (0..<4).reversed().map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
            }
            octets += splice.octets
        }
        return octets
    }

    /// Nil for what `encode` did not write.
    static func decode(_ octets: [UInt8]) -> [TextSplice]? {
        var splices: [TextSplice] = []
        var index = 0
        while index < octets.count {
            guard octets.count - index >= 12 else { return nil }
            let numbers = (0..<3).map { place in
                octets[index + place * 4..<index + place * 4 + 4].reduce(0) { $0 << 8 | Int($1) }
            }
            index += 12
            guard numbers[0] <= numbers[1], octets.count - index >= numbers[2] else { return nil }
            splices.append(
                TextSplice(
                    range: numbers[0]..<numbers[1],
                    octets: Array(octets[index..<index + numbers[2]])))
            index += numbers[2]
        }
        return splices
    }
}
