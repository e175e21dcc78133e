// SPDX-License-Identifier: Apache-2.0

import Directory
import Mail
import MessageStore
import Testing

@Suite("RFC 9208 QUOTA")
struct IMAPQuotaTests {
    private static func bound(octets: Int64? = nil, messages: Int64? = nil)
        -> @Sendable (IMAPSite) async throws -> Void
    {
        { site in
            var rules = MailboxRules()
            rules.octets = octets.map { .at($0) }
            rules.messages = messages.map { .at($0) }
            try await site.registry.set(
                rules: rules, of: .account(AccountID(rawValue: site.account)), by: "test", "quota")
        }
    }

    @Test("Where nothing is bounded there is no root")
    func noRoot() throws {
        try play(
            """
            C: a GETQUOTAROOT INBOX
            S: * QUOTAROOT INBOX
            S: a OK …
            C: b GETQUOTA anna@example.org
            S: b NO [NONEXISTENT] there is no such quota root
            C: c SETQUOTA anna@example.org (STORAGE 5)
            S: c NO [NOPERM] quotas are set by the operator
            """)
    }

    @Test("The root is the account, its resources are those that are bounded")
    func roots() throws {
        try play(
            """
            C: a GETQUOTAROOT "not there"
            S: * QUOTAROOT "not there" anna@example.org
            S: * QUOTA anna@example.org (STORAGE 2 10 MESSAGE 2 7 MAILBOX 6 10000)
            S: a OK …
            C: b GETQUOTA anna@example.org
            S: * QUOTA anna@example.org (STORAGE 2 10 MESSAGE 2 7 MAILBOX 6 10000)
            S: b OK …
            C: c GETQUOTA ben@example.org
            S: c NO [NONEXISTENT] there is no such quota root
            """,
            messages: [String(repeating: "x", count: 1000), String(repeating: "x", count: 1000)],
            prepare: Self.bound(octets: 10 << 10, messages: 7))
    }

    @Test("Who keeps too much may put something smaller in the place of something (RFC 8508 §3.4)")
    func replace() throws {
        try play(
            """
            C: a SELECT INBOX
            U: a OK …
            C: b APPEND INBOX {5+}
            S: b NO [OVERQUOTA] the mailboxes are full
            C: abc
            C:
            C: c UID REPLACE 1 INBOX {999+}
            C: \(String(repeating: "x", count: 997))
            C:
            S: * OK [APPENDUID … 3] the new one is there
            S: * 1 EXPUNGE
            S: * 2 EXISTS
            S: * 1 RECENT
            S: c OK done
            C: d UID REPLACE 2 Drafts {1001+}
            C: \(String(repeating: "x", count: 999))
            C:
            S: d NO [OVERQUOTA] the mailboxes are full
            C: e UID REPLACE 2 Drafts {1000+}
            C: \(String(repeating: "x", count: 998))
            C:
            S: * OK [APPENDUID … 1] the new one is there
            S: * 1 EXPUNGE
            S: e OK done
            """,
            messages: [String(repeating: "x", count: 1000), String(repeating: "x", count: 1000)],
            prepare: Self.bound(octets: 500))
    }

    @Test("A domain's own bound is a second root")
    func domain() throws {
        try play(
            """
            C: a GETQUOTAROOT INBOX
            S: * QUOTAROOT INBOX example.org
            S: * QUOTA example.org (MESSAGE 1 5)
            S: a OK …
            """, messages: ["x"]
        ) { site in
            var rules = MailboxRules()
            rules.messages = .at(5)
            try await site.registry.set(
                rules: rules, of: .domain(Domain("example.org")), by: "test", "quota")
        }
    }

    @Test("APPEND, COPY and MOVE: what does not fit leaves nothing behind; removing makes room")
    func overQuota() throws {
        try play(
            """
            C: a APPEND INBOX {10}
            S: + …
            C: 0123456789
            S: a OK [APPENDUID …
            C: b APPEND INBOX {10+}
            C: 0123456789
            S: b NO [OVERQUOTA] the mailboxes are full
            C: c SELECT INBOX
            U: c OK …
            C: d COPY 1 Trash
            S: d NO [OVERQUOTA] the mailboxes are full
            C: e MOVE 1 Trash
            S: * OK [COPYUID …
            S: * 1 EXPUNGE
            S: e OK …
            C: f SELECT Trash
            U: f OK …
            C: g STORE 1 +FLAGS.SILENT (\\Deleted)
            S: g OK …
            C: h STATUS Trash (MESSAGES DELETED DELETED-STORAGE)
            S: * STATUS Trash (MESSAGES 1 DELETED 1 DELETED-STORAGE 1)
            S: h OK …
            C: i EXPUNGE
            S: * 1 EXPUNGE
            S: * 0 RECENT
            S: i OK …
            C: j APPEND INBOX {10+}
            C: 0123456789
            S: j OK [APPENDUID …
            C: k DELETE Archive
            S: k OK …
            C: l GETQUOTA anna@example.org
            S: * QUOTA anna@example.org (MESSAGE 2 2 MAILBOX 5 10000)
            S: l OK …
            """,
            messages: ["x"], prepare: Self.bound(messages: 2))
    }

    @Test("Of several messages in one APPEND all fit or none")
    func multiAppend() throws {
        try play(
            """
            C: a APPEND INBOX {1+}
            C> x {1+}
            C: 
            C: y
            S: a NO [OVERQUOTA] the mailboxes are full
            C: b STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 0)
            S: b OK …
            """,
            prepare: Self.bound(messages: 1))
    }

    @Test("The counter of a deleted mailbox goes with it")
    func deletion() throws {
        try play(
            """
            C: a CREATE x
            S: a OK …
            C: b APPEND x {10+}
            C: 0123456789
            S: b OK …
            C: c DELETE x
            S: c OK …
            C: d GETQUOTA anna@example.org
            S: * QUOTA anna@example.org (STORAGE 0 1 MAILBOX 6 10000)
            S: d OK …
            """,
            prepare: Self.bound(octets: 1024))
    }
}
