// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A zone's records as text (RFC 1035 §5), with `$TTL` (RFC 2308 §4) and `$GENERATE`.
package struct MasterFile: Sendable {
    /// A record and where it stands.
    package struct Entry: Hashable, Sendable {
        package var record: ResourceRecord
        /// The included file, nil for the file itself.
        package var file: String?
        /// Counted from 1.
        package var line: Int
    }

    /// What is wrong at one place: what stands there and what was expected.
    package struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        /// The included file, nil for the file itself.
        package var file: String?
        /// Counted from 1; columns in octets.
        package var line: Int
        package var column: Int
        /// The word that stands there; empty for none.
        package var token: String
        package var expected: String

        package var description: String {
            let place = (file.map { "\($0):" } ?? "") + "\(line):\(column)"
            return "\(place): expected \(expected)" + (token.isEmpty ? "" : ", found \"\(token)\"")
        }
    }

    /// Reads an included file, its path relative to the first file's folder; throws why it cannot.
    package typealias FileReader = (String) throws(Unreadable) -> [UInt8]

    /// Why an included file cannot be read, in words.
    package struct Unreadable: Error, Sendable {
        package var reason: String
        package init(reason: String) { self.reason = reason }
    }

    /// Files that include files that include files: deeper is a mistake or a circle.
    package static let maximumIncludeDepth = 10
    /// As many records as a very large zone; each takes some 200 octets of memory.
    package static let maximumRecords = 5_000_000
    /// A file with more faults is something else than a master file.
    package static let maximumFaults = 100

    /// The records of the file and of those it includes, in their order.
    package private(set) var entries: [Entry] = []
    /// Everything that is wrong; `entries` then lacks those lines.
    package private(set) var faults: [Fault] = []

    package var records: [ResourceRecord] { entries.map(\.record) }

    /// Reads a whole file and goes on after each fault, up to `maximumFaults`.
    ///
    /// A record takes its TTL from itself, else from `$TTL` (RFC 2308 §4), else from the minimum
    /// of the SOA before it, else from the record before it (RFC 1035 §5.1); without any of them
    /// it is a fault. Syntax only: whether the records make sense together is for a check.
    package static func parse(
        _ text: [UInt8], origin: Name, include: FileReader = cannotInclude
    ) -> MasterFile {
        withoutActuallyEscaping(include) { include in
            var parser = MasterFileParser(include: include)
            parser.parse(text, context: .init(origin: origin), depth: 0)
            return MasterFile(entries: parser.entries, faults: parser.faults)
        }
    }

    /// Refuses every `$INCLUDE`.
    package static func cannotInclude(_ name: String) throws(Unreadable) -> [UInt8] {
        throw Unreadable(reason: "files cannot be included here")
    }

    /// The records as text: one line each, names absolute.
    package static func text(of records: [ResourceRecord]) -> String {
        records.map(\.text).joined(separator: "\n") + (records.isEmpty ? "" : "\n")
    }
}

extension ResourceRecord {
    /// One line of a master file, names absolute.
    package var text: String {
        "\(owner.absolute)\t\(ttl)\t\(self.class)\t\(type)\t\(data.text(as: type))"
    }
}
