// SPDX-License-Identifier: Apache-2.0

import Summary
import Testing

@Suite("RFC 8474 §5.2 THREADID")
struct ThreadIdentifierTests {
    /// Header fields and the message with which the thread began; nil: there is none.
    private static let messages: [(header: String, root: String?)] = [
        ("Message-ID: <a@x>", "a@x"),
        ("Message-ID: <b@x>\r\nReferences: <a@x>\r\nIn-Reply-To: <a@x>", "a@x"),
        ("Message-ID: <c@x>\r\nReferences: <a@x>\r\n <b@x>\r\nIn-Reply-To: <b@x>", "a@x"),
        ("References: <a@x> <b@x>", "a@x"),
        ("Message-ID: <d@x>\r\nIn-Reply-To: Your mail of Monday <a@x>", "a@x"),
        ("Message-ID: <e@x>\r\nReferences: nothing usable", "e@x"),
        ("Message-ID: <\"a\"@x>", "a@x"),
        ("Message-ID: <f@x>\r\nIn-Reply-To: <a@x> <b@x>", "a@x"),
        ("Message-ID: <A@x>", "A@x"),
        ("Subject: without names", nil),
    ]

    @Test("All that name the same beginning have the same identifier, others have another")
    func roots() {
        for (header, root) in Self.messages {
            let expected = root.flatMap { Self.identifier("Message-ID: <\($0)>") }
            #expect(Self.identifier(header) == expected, "\(header)")
        }
        let all = Set(Self.messages.compactMap { Self.identifier($0.header) })
        #expect(all.count == 3)
        #expect(all.allSatisfy { $0.count == 17 && $0.hasPrefix("t") })
    }

    @Test("It stays the same for ever, since clients keep it")
    func constant() {
        #expect(Self.identifier("Message-ID: <1@example.org>") == "ta09825de1b8b5ee2")
        // However long the thread has become.
        let many = (1...500).map { "<\($0)@example.org>" }.joined(separator: "\r\n ")
        #expect(Self.identifier("References: \(many)") == "ta09825de1b8b5ee2")
    }

    private static func identifier(_ header: String) -> String? {
        MessageSummary(Array("\(header)\r\n\r\ntext\r\n".utf8)).facts.threadIdentifier
    }
}
