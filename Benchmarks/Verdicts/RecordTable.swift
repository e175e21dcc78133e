// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// Records in memory, as a resolver has them that was asked before.
struct RecordTable: Resolver {
    private struct Key: Hashable {
        let name: Name
        let type: RecordType
    }

    private var answers: [Key: Answer] = [:]

    /// Takes lines of NAME TYPE VALUE.
    init(_ lines: String) throws {
        for line in lines.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 2)
            let (name, value) = (try Name(String(parts[0])), String(parts[2]))
            let type: RecordType = parts[1] == "TXT" ? .txt : parts[1] == "MX" ? .mx : .a
            let data: RecordData
            if type == .txt {
                let octets = Array(value.utf8)
                data = .txt(
                    stride(from: 0, to: octets.count, by: 255).map {
                        Array(octets[$0..<min($0 + 255, octets.count)])
                    })
            } else {
                data = try RecordData(type, text: value)
            }
            let record = ResourceRecord(owner: name, type: type, ttl: 300, data: data)
            let key = Key(name: name, type: type)
            answers[key, default: Answer(.records, ttl: 300)].records.append(record)
        }
    }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        answers[Key(name: name, type: type)] ?? Answer(.nameError, ttl: 300)
    }
}
