// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

extension Property {
    /// Master files: the records read, written as text, are read as the same, and faults are
    /// bounded and say where they are.
    package static let masterFile = Property("MasterFile") { input throws(Broken) in
        guard let origin = try? Name("example.org") else { return }
        let file = MasterFile.parse(input, origin: origin)
        try expect(file.faults.count <= MasterFile.maximumFaults, "\(file.faults.count) faults")
        let lines = input.count { $0 == .lineFeed } + 1
        for fault in file.faults {
            try expect((1...lines).contains(fault.line), "a fault in line \(fault.line)")
            try expect(fault.column >= 1, "a fault in column \(fault.column)")
        }
        for entry in file.entries.prefix(1000) {
            try expect((1...lines).contains(entry.line), "a record in line \(entry.line)")
        }
        let records = Array(file.records.prefix(1000))
        let text = MasterFile.text(of: records)
        let again = MasterFile.parse(Array(text.utf8), origin: origin)
        try expect(again.faults.isEmpty, "\(text): \(again.faults)")
        try expect(again.records == records, "written, it is another: \(text)")
        let canonical = MasterFile.canonicalText(of: records)
        let exported = MasterFile.parse(canonical, origin: .root)
        try expect(exported.faults.isEmpty, "exported, it has faults: \(exported.faults)")
        try expect(
            MasterFile.canonicalText(of: exported.records) == canonical,
            "exported twice, it differs: \(canonical)")
        try checkDocument(input, origin)
        if let zone = try? Zone(origin: origin, records: records) {
            try expect(zone.records.count <= records.count, "a zone has made records up")
        }
    }
}

/// A text that can be edited holds what was expected afterwards, or is refused.
private func checkDocument(_ input: [UInt8], _ origin: Name) throws(Property.Broken) {
    guard input.count < 10_000,
        var document = try? ZoneDocument(parsing: input, origin: origin),
        let first = document.records.first, document.records.count < 200
    else { return }
    let count = document.records.count
    var new = first
    new.ttl ^= 1
    guard (try? document.apply(removing: [first], adding: [new])) != nil else { return }
    let twins = count - document.records.count
    try expect(twins >= 0, "an edit has made records up")
    try expect(document.records.contains(new), "an edit has lost its record")
}
