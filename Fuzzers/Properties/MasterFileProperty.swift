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
        if let zone = try? Zone(origin: origin, records: records) {
            try expect(zone.records.count <= records.count, "a zone has made records up")
        }
    }
}
