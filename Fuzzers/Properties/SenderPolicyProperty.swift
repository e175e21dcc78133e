// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import SPF
import SimulatedWorld
import Synchronization
import World

extension Property {
    /// SPF records of a stranger: however they include one another, fan out and expand, a check
    /// ends after a bounded number of questions, and comes to the same whether it explains or not.
    ///
    /// The first line of an input is the sender, the others are the records that the names asked
    /// have, in turn.
    package static let senderPolicy = Property("SenderPolicy") { input throws(Broken) in
        var lines = input.split(separator: .lineFeed, omittingEmptySubsequences: false)
        let sender = String(lossy: lines.isEmpty ? [] : lines.removeFirst())
        for line in lines { expectReadable(Array(line)) }
        for address in ["192.0.2.1", "2001:db8::1"].compactMap({ IPAddress($0) }) {
            let client = HostCheck.Client(address: address, hello: "a.example", sender: sender)
            var verdicts: [HostCheck.Verdict] = []
            for explains in [false, true] {
                let names = ManyNames(lines.map { Array($0) })
                let simulation = Simulation(seed: 1)
                var check = HostCheck(resolver: names, time: simulation)
                check.explains = explains
                let judge = check
                guard let verdict = try? simulation.run({ await judge.verdict(on: client) }) else {
                    throw Broken("the check does not end")
                }
                verdicts.append(verdict)
                let count = names.questions
                try expect(count <= maximumQuestions, "\(count) questions")
            }
            try expect(verdicts[0].steps.isEmpty, "steps that nobody asked for")
            let steps = verdicts[1].steps.count
            try expect(steps <= 12 * (input.count + 10), "\(steps) steps")
            verdicts[1].steps = []
            try expect(verdicts[0] == verdicts[1], "\(verdicts[0]) but explained \(verdicts[1])")
        }
    }

    /// The first record, ten terms with ten names each, their names, the explanation
    /// (RFC 7208 §4.6.4).
    private static let maximumQuestions = 1 + 10 * 11 + 11 + 1

    private static func expectReadable(_ line: [UInt8]) {
        guard SenderPolicy.isRecord(line) else { return }
        do throws(SenderPolicy.Fault) {
            let policy = try SenderPolicy(parsing: line)
            precondition(policy.directives.count <= line.count, "terms out of nothing")
        } catch {
            precondition(!"\(error)".isEmpty, "a fault without a word")
        }
    }
}

/// A DNS in which every name has every record, and more than one.
private final class ManyNames: Resolver, Sendable {
    private let texts: [[UInt8]]
    private let asked = Mutex(0)

    init(_ texts: [[UInt8]]) { self.texts = texts }

    var questions: Int { asked.withLock { $0 } }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        let number = asked.withLock { asked in
            asked += 1
            return asked
        }
        func answer(_ data: [RecordData]) -> Answer {
            Answer(
                .records,
                records: data.map { ResourceRecord(owner: name, type: type, ttl: 60, data: $0) })
        }
        switch type {
        case .txt:
            guard !texts.isEmpty else { return Answer(.nameError) }
            let text = texts[(number - 1) % texts.count]
            let strings = stride(from: 0, to: text.count, by: 255).map {
                Array(text[$0..<min($0 + 255, text.count)])
            }
            return strings.isEmpty ? Answer(.noData) : answer([.txt(strings)])
        case .mx:
            return answer(
                (0..<10).compactMap { number in
                    (try? Name("mx\(number).example")).map {
                        .mx(.init(preference: 10, exchange: $0))
                    }
                })
        case .ptr:
            return answer((0..<20).compactMap { (try? Name("p\($0).example")).map { .ptr($0) } })
        case .a: return answer([.a(IPv4Address(198, 51, 100, UInt8(number & 127)))])
        default: return Answer(number.isMultiple(of: 3) ? .nameError : .noData)
        }
    }
}
