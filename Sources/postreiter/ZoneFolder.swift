// SPDX-License-Identifier: Apache-2.0

import DNS
import NameService

/// The zones a host answers for: the files `NAME.zone` in a folder.
enum ZoneFolder {
    /// Reads all of them; any fault stops the start, with all faults of that file.
    static func load(_ folder: String) throws(CommandFailure) -> ZoneBox {
        var zones = ZoneSet()
        for file in try Files.list(folder) where file.hasSuffix(".zone") {
            let zone = try read("\(folder)/\(file)", named: String(file.dropLast(5)))
            zones[zone.origin] = zone
        }
        return ZoneBox(zones)
    }

    static func read(_ path: String, named text: String) throws(CommandFailure) -> Zone {
        let origin: Name
        do {
            origin = try Name(text)
        } catch {
            throw .data("\(path): the file must be named as its zone, such as example.org.zone")
        }
        let file = MasterFile.parse(
            try Files.read(path), origin: origin, include: ZoneFiles.include(beside: path))
        guard file.faults.isEmpty else {
            throw .data(file.faults.map { "\(path):\($0)" }.joined(separator: "\n"))
        }
        do {
            return try Zone(origin: origin, records: file.records)
        } catch {
            throw .data("\(path): \(error)")
        }
    }
}
