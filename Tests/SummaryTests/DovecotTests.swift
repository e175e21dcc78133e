// SPDX-License-Identifier: Apache-2.0

import Properties
import Summary
import Testing

@Suite("What Dovecot tells of messages, we tell", .enabled(if: Dovecot.isThere))
struct DovecotTests {
    /// Where we differ, and why: the beginning of the message, and the reason.
    private static let explained: [(String, String)] = [
        (
            "From: a@example.org\nContent-Type: multipart/mixed; boundary=\"=_1\"\n\npreamble",
            epilogue
        ),
        ("no header at all", "a line that is no field ends the header; it is not thrown away"),
        ("Content-Type: multipart/mixed\n", broken),
        ("Content-Type: multipart/mixed; boundary=x\n\nno part", broken),
        ("Content-Type: text\n", "a type that cannot be read is text/plain (RFC 2045 §5.2)"),
        ("Content-Type: /", "the same"),
        ("From: a@b, ,, c@d", "nothing between commas is no address (RFC 5322 §4.4)"),
        ("Content-Transfer-Encoding: x-unknown\n\n", without),
        ("Content-Disposition: attachment\nContent-Language", without),
    ]

    private static let epilogue =
        "the line end before a delimiter belongs to it (RFC 2046 §5.1.1), also behind a multipart"
    private static let broken = "a multipart without parts is the text that it is, not nothing"
    private static let without = "the fields of MIME count also without Content-Type"

    @Test("Envelopes and structures of written and odd messages, but for what is explained")
    func written() throws {
        let messages = Messages.written.map(Messages.octets) + Messages.odd
        let answers = try Dovecot.ask(about: messages)
        var differing: Set<String> = []
        for (message, answer) in zip(messages, answers) {
            let difference = try Self.difference(message, try #require(answer))
            let reason = Self.explained.first { message.starts(with: Messages.octets($0.0)) }
            if let reason, difference != nil { differing.insert(reason.0) }
            if reason == nil { #expect(difference == nil, "\(Self.text(message))") }
        }
        #expect(differing.count == Self.explained.count, "a reason explains nothing any more")
    }

    @Test("Envelopes and structures of 400 messages of any structure")
    func random() throws {
        let messages = Messages.random(400, seed: 6)
        let answers = try Dovecot.ask(about: messages)
        for (message, answer) in zip(messages, answers) {
            let difference = try Self.difference(message, try #require(answer))
            #expect(difference == nil, "\(Self.text(message))")
        }
    }

    private static func text(_ octets: [UInt8]) -> String {
        String(decoding: octets, as: UTF8.self)
    }

    private static func difference(_ message: [UInt8], _ answer: Dovecot.Answer) throws -> String? {
        let summary = MessageSummary(message)
        let pairs = [
            (try ResponseTree(summary.envelope), answer.envelope),
            (try ResponseTree(summary.structure), answer.structure),
        ]
        for (ours, theirs) in pairs where normal(ours) != normal(theirs) {
            return "\(ours) is not \(theirs)"
        }
        return nil
    }

    /// Without regard to case, as names and encodings are compared, and to how Dovecot names what
    /// is missing.
    private static func normal(_ tree: ResponseTree) -> ResponseTree {
        switch tree {
        case .string(let octets):
            let text = Self.text(octets).lowercased()
            let isMissing = text == "missing_domain" || text == "missing_mailbox"
            return .string(isMissing ? [] : Array(text.utf8))
        case .list(let items):
            return .list(sorted(items.map { normal($0) }))
        case .null, .number: return tree
        }
    }

    /// Dovecot writes parameters with charset or continuations last, as we do, but not in
    /// dispositions: their order means nothing.
    private static func sorted(_ items: [ResponseTree]) -> [ResponseTree] {
        guard items.count > 2, items.count.isMultiple(of: 2),
            items.allSatisfy({ $0.string != nil })
        else { return items }
        let pairs = stride(from: 0, to: items.count, by: 2).map { [items[$0], items[$0 + 1]] }
        return pairs.sorted {
            ($0[0].string ?? []).lexicographicallyPrecedes($1[0].string ?? [])
        }.flatMap { $0 }
    }
}
