// SPDX-License-Identifier: Apache-2.0

import Bytes
import ManageSieve
import Testing

@Suite("RFC 5804 §1.7 capabilities, and what precedes scripts")
struct LoginDialogueTests {
    @Test("The capabilities greet, and change with TLS and with the login")
    func capabilities() {
        play(
            """
            S: "IMPLEMENTATION" "Postreiter"
            S: "VERSION" "1.0"
            S: "SASL" "SCRAM-SHA-256"
            S: "SIEVE" "fileinto vacation"
            S: "MAXREDIRECTS" "4"
            S: "LANGUAGE" "en"
            S: "UNAUTHENTICATE"
            S: "STARTTLS"
            S: OK "Postreiter keeps your scripts"
            C: AUTHENTICATE "PLAIN" "AGFubmEAc2VjcmV0"
            S: NO (ENCRYPT-NEEDED) "no passwords in plain text: use STARTTLS first"
            C: StartTls
            S: OK "begin TLS"
            * TLS
            S: "IMPLEMENTATION" "Postreiter"
            S: "VERSION" "1.0"
            S: "SASL" "SCRAM-SHA-256 PLAIN LOGIN"
            S: "SIEVE" "fileinto vacation"
            S: "MAXREDIRECTS" "4"
            S: "LANGUAGE" "en"
            S: "UNAUTHENTICATE"
            S: OK "TLS is on"
            C: STARTTLS
            S: NO "TLS is on already"
            C: Authenticate "plain" "AGFubmEAc2VjcmV0"
            * PLAIN
            S: OK "logged in"
            C: STARTTLS
            S: NO "already logged in"
            C: Authenticate "plain" "AGFubmEAc2VjcmV0"
            S: NO "already logged in"
            C: capability
            S: "IMPLEMENTATION" "Postreiter"
            S: "VERSION" "1.0"
            S: "SASL" "SCRAM-SHA-256 PLAIN LOGIN"
            S: "SIEVE" "fileinto vacation"
            S: "MAXREDIRECTS" "4"
            S: "LANGUAGE" "en"
            S: "UNAUTHENTICATE"
            S: "OWNER" "anna@example.org"
            S: OK "these are all"
            C: LOGOUT
            S: OK "bye"
            * closed
            """, isProtected: false, pipelined: false, hasGreeting: true)
    }

    @Test("What follows STARTTLS in plain text is not obeyed")
    func injection() {
        let peer = Peer(.tested, isProtected: false)
        peer.run()
        peer.log = []
        peer.session.receive(octets("STARTTLS\r\nLOGOUT\r\n"))
        peer.run()
        #expect(peer.log == ["S: NO \"nothing may follow STARTTLS before the handshake\""])
    }

    @Test("An exchange goes by quoted strings and literals, and is cancelled by an asterisk")
    func exchange() {
        play(
            """
            C: AUTHENTICATE "PLAIN"
            * PLAIN
            S: ""
            C: "YWdhaW4="
            * response again
            S: "b25jZSBtb3Jl"
            C: {16+}
            C: AGFubmEAc2VjcmV0
            * response \0anna\0secret
            S: OK "logged in"
            C: UNAUTHENTICATE
            * forgotten
            S: OK "logged out"
            C: UNAUTHENTICATE
            S: NO "log in first"
            C: AUTHENTICATE "PLAIN"
            * PLAIN
            S: ""
            C: "*"
            * cancelled
            S: NO "authentication cancelled"
            C: AUTHENTICATE "PLAIN"
            * PLAIN
            S: ""
            C: {0+}
            C: 
            * response 
            S: NO "wrong name or password"
            C: AUTHENTICATE "PLAIN"
            * PLAIN
            S: ""
            C: YWdhaW4=
            * cancelled
            S: NO "a string or a number must stand here"
            C: AUTHENTICATE {5+}
            C: PLAIN {16+}
            C: AGFubmEAc2VjcmV0
            * PLAIN
            S: OK "logged in"
            """)
    }

    @Test("SCRAM-SHA-1 stands where the policy names it, goes without TLS, and is unknown else")
    func offeredMechanisms() {
        var policy = ServerSession.Policy.tested
        policy.mechanisms.append("SCRAM-SHA-1")
        let capabilities = """
            S: "IMPLEMENTATION" "Postreiter"
            S: "VERSION" "1.0"
            S: "SASL" "SCRAM-SHA-256 SCRAM-SHA-1"
            S: "SIEVE" "fileinto vacation"
            S: "MAXREDIRECTS" "4"
            S: "LANGUAGE" "en"
            S: "UNAUTHENTICATE"
            S: "STARTTLS"
            """
        play(
            """
            C: CAPABILITY
            \(capabilities)
            S: OK "these are all"
            C: AUTHENTICATE "scram-sha-1" "YWdhaW4="
            * SCRAM-SHA-1
            S: "b25jZSBtb3Jl"
            C: ""
            * response 
            S: NO "wrong name or password"
            C: AUTHENTICATE "SCRAM-SHA-1-PLUS"
            S: NO "unknown mechanism"
            """, policy: policy, isProtected: false)
        play(
            """
            C: AUTHENTICATE "SCRAM-SHA-1" "YWdhaW4="
            S: NO "unknown mechanism"
            """)
    }

    @Test("Mechanisms that nobody offers, bad Base 64 and a response to LOGIN are refused")
    func refusals() {
        play(
            """
            C: AUTHENTICATE "GSSAPI"
            S: NO "unknown mechanism"
            C: AUTHENTICATE "PLAIN" "%%%"
            S: NO "expected an initial response in Base 64"
            C: AUTHENTICATE "LOGIN" "YW5uYQ=="
            S: NO "LOGIN takes no initial response"
            C: AUTHENTICATE
            S: NO "expected: AUTHENTICATE "mechanism" ["initial response"]"
            C: AUTHENTICATE "PLAIN" "a" "b"
            S: NO "these are too many arguments; expected: AUTHENTICATE "mechanism" ["initial response"]"
            """.replacingQuotes())
    }

    @Test("Who guesses too often is let go")
    func guesses() {
        let attempt = "C: AUTHENTICATE \"PLAIN\" \"YWJj\"\n* PLAIN\n"
        let refused = attempt + "S: NO \"wrong name or password\"\n"
        play(
            String(repeating: refused, count: 4) + attempt
                + "S: BYE \"too many failed logins\"\n* closed\nC: NOOP")
    }
}

extension String {
    /// The usage of a command stands within a quoted string, and its quotes are escaped there.
    fileprivate func replacingQuotes() -> String {
        split(separator: "\n").map { line in
            guard line.contains("expected: AUTHENTICATE") else { return String(line) }
            let usage = "\"mechanism\" [\"initial response\"]"
            let escaped = "\\\"mechanism\\\" [\\\"initial response\\\"]"
            guard let range = line.firstRange(of: usage) else { return String(line) }
            return line.replacingSubrange(range, with: escaped)
        }.joined(separator: "\n")
    }
}

extension Substring {
    fileprivate func replacingSubrange(_ range: Range<Index>, with text: String) -> String {
        self[..<range.lowerBound] + text + self[range.upperBound...]
    }
}

@Suite("RFC 5804 §2.5 to §2.13 scripts")
struct ScriptDialogueTests {
    @Test("Scripts are stored, checked, listed, fetched, renamed, activated and deleted")
    func scripts() {
        play(
            login + """
                C: HAVESPACE "new" 100
                S: OK
                C: havespace "new" 101
                S: NO (QUOTA/MAXSIZE) "too large"
                C: PUTSCRIPT "new" {16+}
                C: # a "comment"{3}
                * put new: # a "comment"{3}
                S: OK (WARNINGS) {24}
                S: line 1: odd
                S: line 2: odd
                C: PutScript {3+}
                C: a"b "keep \\"x\\\\\\";"
                * put a"b: keep "x\\";
                S: OK (WARNINGS) {24}
                S: line 1: odd
                S: line 2: odd
                C: CHECKSCRIPT {0+}
                C: 
                * check 
                S: NO "line 1: wrong"
                C: LISTSCRIPTS
                S: "main" ACTIVE
                S: "a\\"b"
                S: OK
                C: GETSCRIPT "main"
                S: {5}
                S: keep;
                S: OK
                C: GETSCRIPT "none"
                S: NO (NONEXISTENT) "there is none"
                C: RENAMESCRIPT "main" "a\\"b"
                S: NO (ALREADYEXISTS) "a\\"b is there"
                C: RENAMESCRIPT "main" "Größe"
                S: OK "main is Größe"
                C: SETACTIVE ""
                * activate none
                S: OK
                C: SETACTIVE "a\\"b"
                * activate a"b
                S: OK
                C: DELETESCRIPT "main"
                S: NO (ACTIVE) "it is active"
                C: DELETESCRIPT "other"
                S: OK
                C: NOOP
                S: OK "done"
                C: NOOP "sync-42"
                S: OK (TAG "sync-42") "done"
                C: NOOP {4+}
                C: a\u{D}\u{A}b
                S: OK (TAG {4}
                S: a
                S: b) "done"
                """)
    }

    @Test(
        "What is no command is refused, and the next one obeyed",
        arguments: [
            ("", "a command must stand here"),
            ("NONSENSE", "the command is unknown"),
            ("LISTSCRIPTS \"x\"", "expected: LISTSCRIPTS"),
            ("LISTSCRIPTS ", "a string or a number must stand here; expected: LISTSCRIPTS"),
            ("LOGOUT 1", "expected: LOGOUT"),
            ("HAVESPACE \"a\" 4294967296", "a number is less than 4294967296 and has no leading"),
            ("HAVESPACE \"a\" 01", "a number is less than 4294967296 and has no leading zeros"),
            ("HAVESPACE 1 \"a\"", "expected: HAVESPACE"),
            ("HAVESPACE \"a\"", "expected: HAVESPACE"),
            ("GETSCRIPT main", "a string or a number must stand here"),
            ("GETSCRIPT \"main", "a quoted string is not closed"),
            ("GETSCRIPT \"ma\\in\"", "only \\\" and \\\\ follow a backslash"),
            ("GETSCRIPT  \"main\"", "a string or a number must stand here"),
            ("GETSCRIPT \"main\"\"main\"", "a space must stand between arguments"),
            ("GETSCRIPT \"main\" \"b\"", "expected: GETSCRIPT"),
            ("GETSCRIPT \"a\0b\"", "a quoted string has no NUL"),
            ("GETSCRIPT {4}", "a literal begins with {octets+} and the end of the line"),
            ("GETSCRIPT {x+}", "a literal begins with {octets+} and the end of the line"),
            ("NOOP 1", "expected: NOOP"),
            ("NOOP \"a\" \"b\"", "expected: NOOP"),
            ("PUTSCRIPT \"a\" \"\(String(repeating: "x", count: 1025))\"", "a quoted string has"),
            ("NOOP \"\(String(repeating: "x", count: 9000))\"", "a line has at most 8192 octets"),
            ("NOOP\nNOOP", "lines end with CRLF"), ("NOOP\rNOOP", "lines end with CRLF"),
        ])
    func broken(line: String, reason: String) {
        for size in [1, 7, 20_000] {
            let peer = Peer(.tested, isProtected: true)
            peer.run()
            let input = octets(
                "AUTHENTICATE \"PLAIN\" \"AGFubmEAc2VjcmV0\"\r\n\(line)\r\nSETACTIVE \"x\"\r\n")
            for start in stride(from: 0, to: input.count, by: size) {
                peer.session.receive(Array(input[start..<min(start + size, input.count)]))
                peer.run()
            }
            let log = peer.log
            let refusal = log.first { $0.hasPrefix("S: NO") }
            #expect(refusal?.hasPrefix("S: NO \"\(reason)") == true, "\(log.suffix(4))")
            #expect(log.suffix(2) == ["* activate x", "S: OK"], "\(log.suffix(4))")
        }
    }

    @Test("A name that is not UTF-8 is none")
    func badName() {
        let peer = Peer(.tested, isProtected: true)
        peer.run()
        peer.session.receive(octets("AUTHENTICATE \"PLAIN\" \"AGFubmEAc2VjcmV0\"\r\n"))
        peer.session.receive(octets("GETSCRIPT \"") + [0xFF] + octets("\"\r\n"))
        peer.session.receive(octets("GETSCRIPT {1+}\r\n") + [0xFF] + octets("\r\n"))
        peer.run()
        #expect(peer.log.count { $0.hasPrefix("S: NO") } == 2)
    }

    @Test("A script that is too large is read past, and the next command obeyed")
    func tooLarge() {
        for size in [1, 10, 10_000] {
            let peer = Peer(.tested, isProtected: true)
            peer.run()
            let script = String(repeating: "keep;\r\n", count: 100)
            let input = octets(
                """
                AUTHENTICATE "PLAIN" "AGFubmEAc2VjcmV0"\r\nPUTSCRIPT "a" {700+}\r\n\(script)\r
                SETACTIVE ""\r\n
                """)
            for start in stride(from: 0, to: input.count, by: size) {
                peer.session.receive(Array(input[start..<min(start + size, input.count)]))
                peer.run()
                #expect(peer.session.heldOctets < 10_000)
            }
            #expect(
                peer.log.suffix(3) == [
                    "S: NO (QUOTA/MAXSIZE) \"a script has at most 200 octets\"",
                    "* activate none", "S: OK",
                ])
        }
    }

    @Test("Literals without measure end the connection, those of strangers earlier")
    func endless() {
        for (name, octetCount) in [("main", "99999999999999999999999"), ("main", "67108865")] {
            play(
                login + """
                    C: PUTSCRIPT "\(name)" {\(octetCount)+}
                    S: BYE "a literal of \(UInt64(octetCount) ?? UInt64.max) octets is not read"
                    * closed
                    C: NOOP
                    """)
        }
        play(
            """
            C: PUTSCRIPT "a" {65537+}
            S: BYE "a literal of 65537 octets is not read"
            * closed
            """)
    }

    @Test("A stranger's script is read past and refused")
    func stranger() {
        play(
            """
            C: PUTSCRIPT "a" {7+}
            C: discard
            S: NO "log in first"
            C: LISTSCRIPTS
            S: NO "log in first"
            C: NOOP
            S: OK "done"
            """)
    }

    @Test("A client that errs all the time is let go, and the server may end, too")
    func ends() {
        let errors = String(
            repeating: "C: X\nS: NO \"the command is unknown\"\n",
            count: ServerSession.maximumErrors - 1)
        play(errors + "C: X\nS: BYE \"too many errors\"\n* closed")
        let peer = Peer(.tested, isProtected: true)
        peer.run()
        peer.session.terminate(.tryLater, "the server stops")
        peer.session.receive(octets("NOOP\r\n"))
        peer.run()
        #expect(peer.log.suffix(2) == ["S: BYE (TRYLATER) \"the server stops\"", "* closed"])
    }
}
