// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Testing

private func name(_ text: String) -> MailboxName {
    guard let name = try? MailboxName(text) else { preconditionFailure("no name: \(text)") }
    return name
}

@Suite("RFC 9051 §6.3.9, RFC 5258 LIST")
struct ListTests {
    @Test(
        "A star is anything, a percent sign anything within a level",
        arguments: [
            ("*", "a/b/c", true), ("%", "a", true), ("%", "a/b", false), ("%/%", "a/b", true),
            ("%/%", "a/b/c", false), ("a/*", "a/b/c", true), ("a/*", "a", false),
            ("a*", "a", true), ("a%b", "a/b", false), ("a*b", "a/b", true), ("", "a", false),
            ("*b*c*", "abxxcyy", true), ("*b*c", "abxxcyy", false), ("%a%a%a%", "banana", true),
            ("inbox", "INBOX", true), ("InB%", "INBOX", true), ("inbox/x", "INBOX/x", true),
            ("inbox/X", "INBOX/x", false), ("a", "A", false), ("**%%*", "a/b", true),
            ("ä%", "äö", true),
        ])
    func patterns(pattern: String, mailbox: String, isMatch: Bool) {
        #expect(
            ListPattern(reference: "", pattern: pattern).matches(name(mailbox)) == isMatch)
    }

    @Test("The reference stands before the pattern")
    func reference() {
        let pattern = ListPattern(reference: "a/", pattern: "%")
        #expect(pattern.matches(name("a/b")))
        #expect(!pattern.matches(name("b")))
    }

    @Test("A pattern of wildcards is not slow")
    func hostilePattern() {
        let pattern = ListPattern(
            reference: "", pattern: String(repeating: "*a%", count: 150) + "b")
        #expect(!pattern.matches(name(String(repeating: "a", count: 900))))
    }

    /// The hierarchy of RFC 5258 §5, example 9.
    private static let example: [ListCandidate] = [
        ListCandidate(name("inbox")), ListCandidate(name("foo2")),
        ListCandidate(name("foo2/bar1"), isSubscribed: true),
        ListCandidate(name("foo2/bar2"), isSubscribed: true), ListCandidate(name("baz2")),
        ListCandidate(name("baz2/bar2"), isSubscribed: true),
        ListCandidate(name("baz2/bar22"), isSubscribed: true),
        ListCandidate(name("baz2/bar222"), isSubscribed: true),
        ListCandidate(name("eps2"), isSubscribed: true),
        ListCandidate(name("eps2/mamba"), isSubscribed: true),
        ListCandidate(name("qux2/bar2"), isSubscribed: true),
    ]

    private func list(
        _ candidates: [ListCandidate], isRevision2: Bool = true, _ change: (inout List) -> Void
    ) -> [String] {
        var list = List()
        change(&list)
        return list.answers(over: candidates, isRevision2: isRevision2).map { answer in
            var writer = ResponseWriter()
            writer.list(
                answer.mailbox, answer.attributes, uses: answer.uses,
                isSubscribedList: list.isSubscribedList,
                hasSubscribedChild: answer.hasSubscribedChild)
            return String(String(lossy: writer.octets).dropLast())
        }
    }

    @Test("RFC 5258 §5, example 9: parents of subscribed mailboxes speak for them")
    func recursiveMatch() {
        let lines = list(Self.example) {
            $0.isExtended = true
            $0.selection = [.subscribed, .recursiveMatch]
            $0.patterns = ["*2"]
        }
        #expect(
            lines == [
                #"* LIST (\HasNoChildren \Subscribed) "/" baz2/bar2"#,
                #"* LIST (\HasNoChildren \Subscribed) "/" baz2/bar22"#,
                #"* LIST (\HasNoChildren \Subscribed) "/" baz2/bar222"#,
                #"* LIST (\HasChildren \Subscribed) "/" eps2 ("CHILDINFO" ("SUBSCRIBED"))"#,
                #"* LIST (\HasChildren) "/" foo2 ("CHILDINFO" ("SUBSCRIBED"))"#,
                #"* LIST (\HasNoChildren \Subscribed) "/" foo2/bar2"#,
                #"* LIST (\HasNoChildren \Subscribed) "/" qux2/bar2"#,
            ])
    }

    @Test("A level without a mailbox is listed where the pattern asks for it")
    func missingParent() {
        let candidates = [ListCandidate(name("a/b/c")), ListCandidate(name("INBOX"))]
        #expect(
            list(candidates) { $0.patterns = ["%"] } == [
                #"* LIST (\HasNoChildren) "/" INBOX"#,
                #"* LIST (\NonExistent \HasChildren) "/" a"#,
            ])
        #expect(
            list(candidates, isRevision2: false) { $0.patterns = ["a/%"] }
                == [#"* LIST (\Noselect \HasChildren) "/" a/b"#])
        #expect(
            list(candidates) { $0.patterns = ["a*"] } == [#"* LIST (\HasNoChildren) "/" a/b/c"#])
    }

    @Test("LSUB tells a parent of a subscribed mailbox for a percent sign")
    func subscribedList() {
        let candidates = [
            ListCandidate(name("foo")), ListCandidate(name("foo/bar"), isSubscribed: true),
            ListCandidate(name("gone"), exists: false, isSubscribed: true),
        ]
        let percent = list(candidates, isRevision2: false) {
            $0.isSubscribedList = true
            $0.patterns = ["%"]
        }
        #expect(percent == [#"* LSUB (\Noselect) "/" foo"#, #"* LSUB (\Noselect) "/" gone"#])
        let star = list(candidates, isRevision2: false) {
            $0.isSubscribedList = true
            $0.patterns = ["*"]
        }
        #expect(star == [#"* LSUB () "/" foo/bar"#, #"* LSUB (\Noselect) "/" gone"#])
        let name = list(candidates, isRevision2: false) {
            $0.isSubscribedList = true
            $0.patterns = ["foo"]
        }
        #expect(name == [])
    }

    @Test("Uses are told where they are asked for, and in plain LIST")
    func specialUse() {
        let candidates = [
            ListCandidate(name("Gesendet"), uses: [.sent]), ListCandidate(name("x")),
        ]
        #expect(
            list(candidates) { $0.patterns = ["*"] } == [
                #"* LIST (\HasNoChildren \Sent) "/" Gesendet"#, #"* LIST (\HasNoChildren) "/" x"#,
            ])
        let selected = list(candidates) {
            $0.isExtended = true
            $0.selection = .specialUse
            $0.patterns = ["*"]
        }
        #expect(selected == [#"* LIST (\HasNoChildren \Sent) "/" Gesendet"#])
        let silent = list(candidates) {
            $0.isExtended = true
            $0.returns = .children
            $0.patterns = ["G*"]
        }
        #expect(silent == [#"* LIST (\HasNoChildren) "/" Gesendet"#])
    }
}
