// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing
import World

/// Whole, in single octets, and in pieces that fall between and within CRLF.
private let cuts: [Int?] = [nil, 1, 2, 3, 7]

private let greeting = """
    S: 220 mx.example.org ESMTP
    C: EHLO client.example.net
    S: 250-mx.example.org greets client.example.net
    S: 250-PIPELINING
    S: 250-SIZE 2000
    S: 250-8BITMIME
    S: 250 ENHANCEDSTATUSCODES

    """

@Suite("RFC 5321 the server's side, in dialogues")
struct ServerSessionTests {
    @Test("a message is accepted, command by command", arguments: cuts)
    func plain(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + """
                C: MAIL FROM:<ann@example.net>
                S: 250 2.1.0 Sender OK
                C: RCPT TO:<bob@example.org>
                S: 250 2.1.5 Recipient OK
                C: DATA
                D: open ESMTP client.example.net - 1
                S: 354 Start mail input, end with <CRLF>.<CRLF>
                C: Subject: one
                C:
                C: ..dot
                C: ...
                C: end
                C: .
                D: commit 31
                S: 250 2.0.0 queued as 1
                C: QUIT
                S: 221 2.0.0 Closing the connection
                D: close
                """)
        #expect(dialogue.messages == [Array("Subject: one\r\n\r\n.dot\r\n..\r\nend\r\n".utf8)])
    }
}
