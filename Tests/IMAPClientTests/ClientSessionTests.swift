// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAPClient
import Testing
import World

@Suite("RFC 9051: the client's side")
struct ClientSessionTests {
    /// Plays a dialogue: what the server says, and what is expected of the client.
    ///
    /// Octets arrive in pieces of `piece`.
    static func play(
        _ script: String, startsTLS: Bool = false, password: String = "secret", piece: Int
    ) -> String {
        var session = ClientSession(
            .init(user: "anna", password: password, startsTLS: startsTLS))
        var transcript = ""
        for line in script.split(separator: "\n") {
            var octets = Array((line + "\r\n").utf8)[...]
            while !octets.isEmpty {
                session.receive(Array(octets.prefix(piece)))
                octets = octets.dropFirst(piece)
                do throws(ProtocolFailure) {
                    while let step = try session.next() {
                        switch step {
                        case .send(let octets):
                            transcript += String(decoding: octets, as: UTF8.self)
                        case .startTLS:
                            transcript += "(TLS)\r\n"
                            session.startedTLS()
                        case .ready:
                            transcript += "(ready)\r\n"
                            session.begin("NOOP")
                        case .data(let response): transcript += "(\(response.text))\r\n"
                        case .completed(let end): transcript += "(\(end.isOK) \(end.text))\r\n"
                        }
                    }
                } catch {
                    transcript += "FAILED \(error)"
                    return transcript.split(separator: "\r\n").joined(separator: "\n")
                }
            }
        }
        return transcript.split(separator: "\r\n").joined(separator: "\n")
    }

    @Test("logs in, asks for capabilities again, and performs a command", arguments: [1, 3, 1000])
    func login(_ piece: Int) {
        let transcript = Self.play(
            """
            * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hello
            a1 OK in
            * CAPABILITY IMAP4rev1 NAMESPACE
            a2 OK done
            * 3 EXISTS
            a3 OK done
            """, piece: piece)
        #expect(
            transcript == """
                a1 AUTHENTICATE PLAIN AGFubmEAc2VjcmV0
                a2 CAPABILITY
                (ready)
                a3 NOOP
                (3 EXISTS)
                (true OK done)
                """)
    }

    @Test("protects the connection first, and believes nothing that came before")
    func startTLS() {
        let transcript = Self.play(
            """
            * OK hello
            * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED
            a1 OK done
            a2 OK begin
            * CAPABILITY IMAP4rev1
            a3 OK done
            a4 NO [AUTHENTICATIONFAILED] no
            """, startsTLS: true, password: "a\"b\\", piece: 7)
        #expect(
            transcript == #"""
                a1 CAPABILITY
                a2 STARTTLS
                (TLS)
                a3 CAPABILITY
                a4 LOGIN "anna" "a\"b\\"
                FAILED the server does not let anna in: NO [AUTHENTICATIONFAILED] no
                """#)
    }

    @Test(
        "what a server must not do ends the session with a reason",
        arguments: [
            ("* BYE full", "the server ends the connection: BYE full"),
            ("220 mx ESMTP", "the server answers a command that was not given"),
            ("* PREAUTH in", "the server does not let the connection be protected"),
            ("* OK [CAPABILITY IMAP4rev1] x", "the server offers no STARTTLS"),
            ("* FETCH", "the server's greeting is none of IMAP"),
            ("* X (a", "the server sends a list without an end"),
            ("* X )", "the server ends a list that has not begun"),
            ("* X \"a", "the server sends a quoted string without an end"),
            ("x", "the server sends a line without a tag"),
            ("* X {99999999999}", "the server sends 99999999999 octets at once"),
        ])
    func refused(_ line: String, _ reason: String) {
        #expect(Self.play(line, startsTLS: true, piece: 1000) == "FAILED \(reason)")
    }

    @Test("lines and lists without an end are refused, however they come")
    func bounded() {
        func fails(_ octets: String) -> Bool {
            var reader = ResponseReader()
            reader.receive(Array(octets.utf8))
            do {
                while try reader.next() != nil {}
                return false
            } catch {
                return true
            }
        }
        #expect(fails("* X " + String(repeating: "a", count: 600_000)))
        #expect(fails("* X " + String(repeating: "(", count: 100) + "\r\n"))
        #expect(
            fails(
                "* X "
                    + String(
                        repeating: String(repeating: "a", count: 60_000) + "{0}\r\n", count: 20)))
        #expect(!fails("* X (((a)))\r\n"))
    }

    @Test("literals stand in their places; too large ones are passed over", arguments: [1, 5, 99])
    func literals(_ piece: Int) throws {
        let text = "* 4 FETCH (UID 9 FLAGS (\\Seen $x) BODY[] {5}\r\na)\r\n( RFC822.SIZE 5)\r\n"
        var reader = ResponseReader()
        var octets = Array(text.utf8)[...]
        var responses: [Response] = []
        while !octets.isEmpty {
            reader.receive(Array(octets.prefix(piece)))
            octets = octets.dropFirst(piece)
            while let response = try reader.next() { responses.append(response) }
        }
        let data = try #require(responses.first.flatMap(FetchedData.init))
        #expect(data.uid == 9 && data.flags == ["\\Seen", "$x"] && data.size == 5)
        #expect(data.body == .octets(Array("a)\r\n(".utf8)))

        reader = ResponseReader()
        let count = ResponseReader.literalLimitOctets + 1
        reader.receive(Array("* 1 FETCH (UID 1 BODY[] {\(count)}\r\n".utf8))
        for _ in 0..<count / (1 << 20) {
            reader.receive([UInt8](repeating: 0x61, count: 1 << 20))
            #expect(try reader.next() == nil)
        }
        reader.receive(Array("a)\r\n".utf8))
        #expect(try reader.next().flatMap(FetchedData.init)?.body == .tooLarge(count))
    }

    @Test("dates, mailboxes and namespaces are read, and what is none of them is not")
    func data() throws {
        func response(_ text: String) throws -> Response {
            var reader = ResponseReader()
            reader.receive(Array((text + "\r\n").utf8))
            return try #require(try reader.next())
        }
        let fetched = FetchedData(
            try response("* 1 FETCH (INTERNALDATE \"14-Nov-2023 23:13:20 +0100\" UID 7 X)"))
        #expect(fetched?.internalDate == Timestamp(seconds: 1_700_000_000))
        #expect(FetchedData(try response("* 1 FETCH (UID 0)")) == nil)
        #expect(FetchedData(try response("* 1 FETCH (FLAGS ())")) == nil)
        #expect(FetchedData(try response("* 1 FETCH")) == nil)
        let listed = ListedMailbox(try response("* LIST (\\HasNoChildren \\Sent) \".\" \"A.B\""))
        #expect(listed?.attributes.contains("\\sent") == true)
        #expect(listed?.delimiter == UInt8(ascii: ".") && listed?.name == Array("A.B".utf8))
        let flat = ListedMailbox(try response("* LIST () NIL INBOX"))
        #expect(flat?.delimiter == nil && flat?.name == Array("INBOX".utf8))
        let spaces = ServerNamespace.all(
            try response("* NAMESPACE ((\"INBOX.\" \".\")) NIL ((\"shared.\" \".\"))"))
        #expect(
            spaces?.personal == [ServerNamespace(prefix: Array("INBOX.".utf8), delimiter: 0x2E)])
        #expect(spaces?.others.count == 1)
    }
}
