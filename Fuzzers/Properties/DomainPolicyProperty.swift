// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DMARC
import DNS
import SPF
import SimulatedWorld
import Synchronization
import World

extension Property {
    /// DMARC records of strangers, above one another: however they stand, a check ends after a
    /// bounded number of questions, comes to the same whether it explains or not, and holds for
    /// aligned what has the same Organizational Domain.
    ///
    /// The first line of an input is a From field, the second and third are the domains that SPF
    /// and DKIM found; the others are what stands in the DNS, each for a part of all names. There
    /// `|` is between records, `!` a DNS that does not answer, `?` a name that does not exist.
    package static let domainPolicy = Property("DomainPolicy") { input throws(Broken) in
        let lines = input.split(separator: .lineFeed, omittingEmptySubsequences: false)
        guard lines.count >= 3 else { return }
        for line in lines.dropFirst(3) { try expectRecord(Array(line)) }
        let authors = AuthorDomains(
            FieldList(Array("From: ".utf8) + lines[0] + [.carriageReturn, .lineFeed]))
        try expect(
            authors.domains.count <= AuthorDomains.maximumDomains, "too many authors are read")
        let sender = Name(mailDomain: String(lossy: lines[1]))
        let signer = Name(mailDomain: String(lossy: lines[2]))
        let records = RecordsByName(lines.dropFirst(3).map { Array($0) })
        var verdicts: [AlignmentCheck.Verdict] = []
        for explains in [false, true] {
            records.forget()
            var check = AlignmentCheck(resolver: records)
            check.explains = explains
            let judge = check
            let verdict = try? Simulation(seed: 1).run {
                await judge.verdict(
                    authors: authors, sender: sender.map { .init(.pass, $0) },
                    signatures: signer.map { [.init(.pass, $0)] } ?? [])
            }
            guard let verdict else { throw Broken("the check does not end") }
            verdicts.append(verdict)
            // Nine for an author, eight for each of the two.
            let count = records.questions
            try expect(count <= 9 * authors.domains.count + 16, "\(count) questions")
        }
        try expect(verdicts[0].steps.isEmpty, "steps that nobody asked for")
        verdicts[1].steps = []
        try expect(verdicts[0] == verdicts[1], "\(verdicts[0]) but explained \(verdicts[1])")
        try expectSense(verdicts[0])
        for case let identifier? in [sender, signer] {
            try expectShared(verdicts[0], identifier, records)
        }
    }

    private static func expectRecord(_ text: [UInt8]) throws(Broken) {
        guard let record = PolicyRecord(parsing: text) else { return }
        try expect(PolicyRecord.isRecord(text), "a record that is none was read")
        try expect(
            record.aggregateReports.count <= PolicyRecord.maximumURIs
                && record.failureReports.count <= PolicyRecord.maximumURIs, "too many addresses")
        try expect(record.isUsable || record.policy == .none, "a policy that nobody may apply")
        // RFC 9989 §4.7: what is unknown changes nothing, and neither does a last semicolon.
        guard text.last != UInt8(ascii: "=") else { return }
        let longer = PolicyRecord(parsing: text + Array(" ; ".utf8))
        try expect(longer == record, "with a semicolon behind, it is another: \(record)")
    }

    private static func expectSense(_ verdict: AlignmentCheck.Verdict) throws(Broken) {
        let isAligned = verdict.spfAligned || verdict.dkimAligned
        if verdict.result == .pass { try expect(isAligned, "it passes, and nothing is aligned") }
        if verdict.result == .fail { try expect(!isAligned, "it fails, and something is aligned") }
        guard verdict.result == .fail else {
            return try expect(verdict.disposition == .none, "\(verdict.result) is punished")
        }
        guard let record = verdict.record else { throw Broken("it fails without a record") }
        try expect(record.isUsable, "it fails by a record that cannot be used")
        try expect(
            verdict.disposition <= verdict.policy ?? .none, "more is done than the policy says")
    }

    private static func expectShared(
        _ verdict: AlignmentCheck.Verdict, _ identifier: Name, _ records: RecordsByName
    ) throws(Broken) {
        guard let author = verdict.authorDomain else { return }
        let shared = try? Simulation(seed: 1).run {
            let one = await Organization.isShared(
                by: author, withAnyOf: [identifier], resolver: records)
            let other = await Organization.isShared(
                by: identifier, withAnyOf: [author], resolver: records)
            return [one, other]
        }
        guard let shared else { throw Broken("the walk does not end") }
        // Whether both are known may depend on where the walk begins.
        if let one = shared[0], let other = shared[1] {
            try expect(one == other, "\(author) and \(identifier) are related one way only")
        }
        guard verdict.result == .pass, shared[0] == false else { return }
        try expect(
            !(verdict.spfAligned && verdict.dkimAligned),
            "\(identifier) is aligned with \(author), whose organization is another")
    }
}

/// A DNS in which a name has always the same of a few answers.
private final class RecordsByName: Resolver, Sendable {
    private let texts: [[UInt8]]
    private let asked = Mutex(0)

    init(_ texts: [[UInt8]]) { self.texts = texts }

    var questions: Int { asked.withLock { $0 } }

    func forget() { asked.withLock { $0 = 0 } }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        asked.withLock { $0 += 1 }
        let hash = name.lowercased.labels.joined().reduce(UInt32(2_166_136_261)) {
            ($0 ^ UInt32($1)) &* 16_777_619
        }
        guard !texts.isEmpty else { return Answer(.nameError) }
        let text = texts[Int(hash >> 8) % texts.count]
        if text == [UInt8(ascii: "!")] { return Answer(.failure(.timeout)) }
        if text == [UInt8(ascii: "?")] { return Answer(.nameError) }
        guard type == .txt else { return Answer(.noData) }
        let records = text.split(separator: UInt8(ascii: "|")).map { record in
            ResourceRecord(
                owner: name, type: .txt, ttl: 60,
                data: .txt(
                    stride(from: record.startIndex, to: record.endIndex, by: 255).map {
                        Array(record[$0..<min($0 + 255, record.endIndex)])
                    }))
        }
        return records.isEmpty ? Answer(.noData) : Answer(.records, records: records)
    }
}
