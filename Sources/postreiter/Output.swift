// SPDX-License-Identifier: Apache-2.0

import Bytes
import Control
import Glibc

/// Standard output for answers, standard error for everything else.
enum Output {
    static func line(_ text: String) { write(text + "\n", to: 1) }

    static func json(_ json: JSON) { line(json.description) }

    static func error(_ text: String) { write("postreiter: \(text)\n", to: 2) }

    /// A line about what is going on, beside the answer.
    static func progress(_ text: String) { write(text + "\n", to: 2) }

    static func octets(_ octets: [UInt8], to descriptor: Int32 = 1) {
        var rest = octets[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        octets(Array(text.utf8), to: descriptor)
    }

    /// Octets for people: `532 octets`, `3.4 KiB`, `12.0 MiB`.
    static func size(_ octets: Int64) -> String {
        guard octets >= 1024 else { return "\(octets) octets" }
        var tenths = octets * 10 / 1024
        var units = ["KiB", "MiB", "GiB", "TiB"][...]
        while tenths >= 10240, units.count > 1 {
            tenths /= 1024
            units.removeFirst()
        }
        return "\(tenths / 10).\(tenths % 10) \(units.first ?? "")"
    }

    /// Columns as wide as their longest cell; the first row is the heading.
    ///
    /// Columns of numbers, from `first` to `end`, stand to the right.
    static func table(_ rows: [[String]], numbersFrom first: Int = 0, to end: Int = -1) {
        let widths = (rows.first ?? []).indices.map { column in
            rows.map { $0[column].count }.max() ?? 0
        }
        for row in rows {
            var text = ""
            for (column, (cell, width)) in zip(row, widths).enumerated() {
                let space = String(repeating: " ", count: width - cell.count)
                text +=
                    (first...max(first, end)).contains(column) && first <= end
                    ? space + cell : cell + space
                text += "  "
            }
            while text.hasSuffix(" ") { text.removeLast() }
            line(text)
        }
    }
}

/// What went wrong, in one sentence with what to do, and the number of sysexits(3).
struct CommandFailure: Error {
    let text: String
    let exitCode: Int32

    /// EX_USAGE.
    static func usage(_ text: String) -> Self { Self(text: text, exitCode: 64) }
    /// EX_DATAERR.
    static func data(_ text: String) -> Self { Self(text: text, exitCode: 65) }
    /// EX_NOINPUT: a file cannot be read.
    static func noInput(_ text: String) -> Self { Self(text: text, exitCode: 66) }
    /// EX_NOUSER: nobody has the address.
    static func noUser(_ text: String) -> Self { Self(text: text, exitCode: 67) }
    /// EX_NOHOST: a host that cannot be.
    static func noHost(_ text: String) -> Self { Self(text: text, exitCode: 68) }
    /// EX_UNAVAILABLE.
    static func unavailable(_ text: String) -> Self { Self(text: text, exitCode: 69) }
    /// EX_CANTCREAT: a file cannot be written.
    static func cannotCreate(_ text: String) -> Self { Self(text: text, exitCode: 73) }
    /// EX_TEMPFAIL.
    static func temporary(_ text: String) -> Self { Self(text: text, exitCode: 75) }
    /// EX_CONFIG.
    static func configuration(_ text: String) -> Self { Self(text: text, exitCode: 78) }

    init(_ failure: ControlFailure) {
        self.init(text: failure.description, exitCode: failure.exitCode)
    }

    private init(text: String, exitCode: Int32) {
        self.text = text
        self.exitCode = exitCode
    }
}
