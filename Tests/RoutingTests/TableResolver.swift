// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Synchronization

/// A resolver that knows the lines it is given: `example.org MX 10 mx.example.org`.
///
/// `!timeout`, `!servfail`, `!refused` and `!bogus` in place of the data stand for faults.
final class TableResolver: Resolver {
    private let lines: [(name: Name, type: String, data: [String])]
    private let asked = Mutex<[String]>([])

    init(_ text: String) {
        lines = text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ").map(String.init)
            guard words.count >= 3, let name = try? Name(words[0]) else { return nil }
            return (name, words[1], Array(words[2...]))
        }
    }

    /// Each question, in the order asked.
    var questions: [String] { asked.withLock { $0 } }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        let word = type == .mx ? "MX" : type == .a ? "A" : "AAAA"
        asked.withLock { $0.append("\(name.lowercased) \(word)") }
        var aliases: [Name] = []
        var current = name
        while let line = lines.first(where: { $0.name == current && $0.type == "CNAME" }),
            let target = try? Name(line.data[0])
        {
            guard aliases.count < 8 else { return Answer(.failure(.malformed("alias loop"))) }
            aliases.append(target)
            current = target
        }
        let here = lines.filter { $0.name == current }
        let data = here.filter { $0.type == word }.map(\.data)
        switch data.first?.first {
        case "!timeout": return Answer(.failure(.timeout), aliases: aliases)
        case "!servfail": return Answer(.failure(.serverFailure), aliases: aliases)
        case "!refused": return Answer(.failure(.refused), aliases: aliases)
        case "!bogus": return Answer(.failure(.bogus("signature expired")), aliases: aliases)
        default: break
        }
        let records = data.compactMap { Self.record(current, type, $0) }
        if !records.isEmpty { return Answer(.records, records: records, aliases: aliases) }
        let exists = lines.contains { $0.name.isEqualOrBelow(current) }
        return Answer(exists ? .noData : .nameError, aliases: aliases)
    }

    private static func record(
        _ owner: Name, _ type: RecordType, _ words: [String]
    ) -> ResourceRecord? {
        let data: RecordData?
        switch type {
        case .mx:
            data = UInt16(words[0]).flatMap { preference in
                (try? Name(words[1])).map { .mx(MX(preference: preference, exchange: $0)) }
            }
        case .a: data = IPv4Address(words[0]).map { .a($0) }
        default: data = IPv6Address(words[0]).map { .aaaa($0) }
        }
        return data.map { ResourceRecord(owner: owner, type: type, ttl: 300, data: $0) }
    }
}
