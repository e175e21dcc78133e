// SPDX-License-Identifier: Apache-2.0

import Bytes
import MessageStore
import Testing
import World

private func letter(_ subject: String) -> String { "Subject: \(subject)\r\n\r\nbody\r\n" }

@Suite("RFC 5465 NOTIFY")
struct IMAPNotifyTests {
    @Test("Other mailboxes are told of by STATUS, at once and without a command")
    func others() throws {
        try play(
            """
            1C: a NOTIFY SET STATUS (mailboxes INBOX (MessageNew MessageExpunge)) (subtree Archive (MessageNew MessageExpunge FlagChange))
            1S: * STATUS Archive (MESSAGES 0 UIDNEXT 1 UIDVALIDITY … HIGHESTMODSEQ …)
            1S: * STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY …)
            1S: a OK done
            D: two
            1S: * STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY …)
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 1 +FLAGS.SILENT (\\Seen)
            2S: b OK done
            2C: c COPY 1 Archive
            2S: c OK …
            1S: * STATUS Archive (MESSAGES 1 UIDNEXT 2 UIDVALIDITY …)
            2C: d COPY 1 Trash
            2S: d OK …
            2C: e SELECT Archive
            2U: e OK …
            2C: f STORE 1 -FLAGS.SILENT (\\Seen)
            2S: f OK done
            1S: * STATUS Archive (UNSEEN 1 UIDVALIDITY …)
            2C: g STORE 1 +FLAGS.SILENT (\\Deleted)
            2S: g OK done
            2C: h CLOSE
            2S: h OK done
            1S: * STATUS Archive (MESSAGES 0 UIDNEXT 2 UNSEEN 0 UIDVALIDITY …)
            1C: b NOTIFY NONE
            1S: b OK done
            D: three
            1C: c NOOP
            1S: c OK done
            """, messages: [letter("one")])
    }

    @Test("The selected mailbox is told of with what the client wants to know of new messages")
    func selected() throws {
        try play(
            """
            1C: a NOTIFY SET (selected (MessageNew (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))
            1S: a OK done
            1C: b SELECT INBOX
            1U: b OK …
            D: two
            1S: * 2 EXISTS
            1S: * 1 RECENT
            1S: * 2 FETCH (UID 2 FLAGS (\\Recent) BODY[HEADER.FIELDS (SUBJECT)] {16}
            1S: Subject: two
            1S:
            1S: )
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 1 +FLAGS.SILENT (\\Flagged \\Deleted)
            2S: b OK done
            1S: * 1 FETCH (UID 1 FLAGS (\\Flagged \\Deleted))
            2C: c EXPUNGE
            2S: * 1 EXPUNGE
            2S: c OK done
            1S: * 1 EXPUNGE
            1C: c APPEND INBOX {5+}
            1C: own
            1C:
            1S: * 2 EXISTS
            1S: * 2 RECENT
            1S: c OK …
            1C: d UID STORE 3 +FLAGS (\\Deleted)
            1S: * 2 FETCH (UID 3 FLAGS (\\Recent \\Deleted))
            1S: d OK done
            1C: e EXPUNGE
            1S: * 2 EXPUNGE
            1S: * 1 RECENT
            1S: e OK done
            1C: f IDLE
            1S: + idling
            D: three
            1S: * 2 EXISTS
            1S: * 2 RECENT
            1S: * 2 FETCH (UID 4 FLAGS (\\Recent) BODY[HEADER.FIELDS (SUBJECT)] {18}
            1S: Subject: three
            1S:
            1S: )
            1C: DONE
            1S: f OK done
            """, messages: [letter("one")])
    }

    @Test("Delayed, EXPUNGE waits for a command; without flags or messages there is silence")
    func delayed() throws {
        try play(
            """
            1C: a SELECT INBOX
            1U: a OK …
            1C: b NOTIFY SET (selected-delayed (MessageNew MessageExpunge))
            1S: b OK done
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 1 +FLAGS.SILENT (\\Seen \\Deleted)
            2S: b OK done
            2C: c EXPUNGE
            2S: * 1 EXPUNGE
            2S: c OK done
            D: three
            1S: * 3 EXISTS
            1S: * 1 RECENT
            2C: d NOOP
            2S: * 2 EXISTS
            2S: * 0 RECENT
            2S: d OK done
            1C: c FETCH 2 UID
            1S: * 2 FETCH (UID 2)
            1S: c OK [EXPUNGEISSUED] some messages are gone
            1C: d NOOP
            1S: * 1 EXPUNGE
            1S: d OK done
            1C: e NOTIFY SET (personal (SubscriptionChange))
            1S: e OK done
            D: four
            1C: f NOOP
            1S: f OK done
            1C: g STORE 1 +FLAGS.SILENT (\\Deleted)
            1S: g OK done
            1C: h EXPUNGE
            1S: * 1 EXPUNGE
            1S: * 2 EXISTS
            1S: * 2 RECENT
            1S: h OK done
            """, messages: [letter("one"), letter("two")])
    }

    @Test("Names, subscriptions and annotations that others change are told, one's own are not")
    func names() throws {
        try play(
            """
            1C: a NOTIFY SET (personal (MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange))
            1S: a OK done
            1C: b CREATE Own
            1S: b OK …
            1C: c SETMETADATA Own (/private/comment "x")
            1S: c OK done
            2C: a CREATE Work/New
            2S: a OK …
            1S: * LIST (\\HasNoChildren) "/" Work/New
            1S: * LIST (\\NonExistent \\HasChildren) "/" Work
            2C: b RENAME Work/New Play
            2S: b OK done
            1S: * LIST (\\HasNoChildren) "/" Play ("OLDNAME" (Work/New))
            2C: ca SUBSCRIBE Play
            2S: ca OK done
            1S: * LIST (\\HasNoChildren \\Subscribed) "/" Play
            2C: c UNSUBSCRIBE Play
            2S: c OK done
            1S: * LIST (\\HasNoChildren) "/" Play
            2C: d SETMETADATA Play (/shared/comment "y" /private/comment "z")
            2S: d OK done
            1S: * METADATA Play /private/comment /shared/comment
            2C: e SETMETADATA "" (/private/comment "y")
            2S: e OK done
            1S: * METADATA "" /private/comment
            2C: f DELETE Play
            2S: f OK done
            1S: * LIST (\\NonExistent \\HasNoChildren) "/" Play
            1C: d DELETE Own
            1S: d OK done
            """)
    }

    @Test("With CONDSTORE the modification sequence is told, too")
    func modificationSequences() throws {
        try play(
            """
            1C: a ENABLE CONDSTORE
            1S: * ENABLED CONDSTORE
            1S: a OK done
            1C: b NOTIFY SET (inboxes (MessageNew MessageExpunge FlagChange))
            1S: b OK done
            D: two
            1S: * STATUS INBOX (MESSAGES 2 UIDNEXT 3 UNSEEN 2 UIDVALIDITY … HIGHESTMODSEQ 3)
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 1 +FLAGS.SILENT (\\Flagged)
            2S: b OK done
            1S: * STATUS INBOX (UIDVALIDITY … HIGHESTMODSEQ 4)
            """, messages: [letter("one")])
    }

    @Test("What cannot be asked for is refused")
    func refusals() throws {
        try play(
            """
            C: a NOTIFY SET (selected (MessageNew))
            S: a BAD …
            C: b NOTIFY SET (selected (FlagChange))
            S: b BAD …
            C: c NOTIFY SET (selected (MailboxName))
            S: c BAD …
            C: d NOTIFY SET (personal (MessageNew (UID) MessageExpunge))
            S: d BAD …
            C: e NOTIFY SET (personal (MessageNew MessageExpunge AnnotationChange))
            S: e NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)] …
            C: f NOTIFY SET (selected NONE) (selected-delayed NONE)
            S: f BAD …
            C: g NOTIFY SET (mailboxes Nowhere (MailboxName))
            S: g OK done
            C: h NOTIFY
            S: h BAD …
            """)
    }
}
