// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("People log in with access tokens that somebody else has issued", .serialized, .built)
struct TokenProgramTests {
    /// A server that takes tokens as the issuer beside it says.
    private static func withIssuer(
        _ body: (Postreiter, Stage) async throws -> Void
    ) async throws {
        try await withStage { stage in
            let address = stage.address()
            let script = try stage.write(issuer, to: "issuer.py")
            let secret = try stage.write("hunter/2 ü\n", to: "secret")
            let issuer = try stage.start("/usr/bin/python3", [script, address, "8181"])
            #expect(await issuer.hasPrinted("ready"), "\(issuer.output)")
            let host = try await Postreiter(
                stage,
                environment: [
                    "POSTREITER_OAUTH_INTROSPECTION_URL": "http://\(address):8181/introspect",
                    "POSTREITER_OAUTH_CLIENT_ID": "mail",
                    "POSTREITER_OAUTH_CLIENT_SECRET_FILE": secret,
                    "POSTREITER_OAUTH_CLAIM": "email", "POSTREITER_OAUTH_SCOPE": "mail",
                    "POSTREITER_OAUTH_CONFIGURATION_URL":
                        "https://id.test/.well-known/openid-configuration",
                ])
            try await body(host, stage)
        }
    }

    /// Tokens are what they say; what follows a dot only makes them longer.
    private static let issuer = #"""
        import base64, http.server, json, sys, time, urllib.parse

        ACTIVE = {"active": True, "email": "alice@own.test", "email_verified": True,
                  "scope": "mail files"}
        ANSWERS = {
            "good": ACTIVE,
            "expired": ACTIVE | {"exp": 1},
            "other": ACTIVE | {"email": "bob@own.test"},
            "narrow": ACTIVE | {"scope": "files"},
        }

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                kind = urllib.parse.parse_qs(body)["token"][0].split(".")[0]
                pair = base64.b64decode(self.headers["Authorization"].split()[1]).decode()
                name, secret = map(urllib.parse.unquote, pair.split(":"))
                answer = json.dumps(ANSWERS.get(kind, {"active": False})).encode()
                if (name, secret) != ("mail", "hunter/2 ü"):
                    return self.send_error(401)
                if kind == "hang":
                    time.sleep(60)
                if kind == "huge":
                    answer = b"x" * (10 << 20)
                if kind == "rubbish":
                    answer = b"<html>"
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
        print("ready", flush=True)
        server.serve_forever()
        """#

    @Test("curl does by IMAP, POP3 and submission", .installed("curl", "python3"))
    func curl() async throws {
        try await Self.withIssuer { host, stage in
            let message = try stage.write(
                "From: \(host.account)\r\nSubject: token\r\n\r\nhello\r\n", to: "message")
            let ports = [
                ("smtps", Postreiter.Port.submissions), ("smtp", Postreiter.Port.submission),
                ("imaps", Postreiter.Port.imaps), ("imap", Postreiter.Port.imap),
                ("pop3s", Postreiter.Port.pop3s), ("pop3", Postreiter.Port.pop3),
            ]
            for (scheme, port) in ports {
                var options = [
                    "--silent", "--show-error", "--insecure", "--ssl-reqd", "--max-time", "60",
                    "--user", "\(host.account):",
                ]
                if scheme.hasPrefix("smtp") {
                    options += [
                        "--mail-from", host.account, "--mail-rcpt", host.account, "--upload-file",
                        message,
                    ]
                }
                let url = "\(scheme)://\(host.address):\(port)"
                let done = try await stage.run(
                    "curl", options + ["--oauth2-bearer", "good", url], within: .seconds(90))
                #expect(done.status == 0, "\(scheme): \(done.output)\n\(host.log)")
                // CURLE_LOGIN_DENIED.
                let refused = try await stage.run(
                    "curl", options + ["--oauth2-bearer", "expired", url], within: .seconds(90))
                #expect(refused.status == 67, "\(scheme): \(refused.output)")
            }
            #expect(try await host.mailbox(count: 2).count == 2)
            #expect(await host.hasLogged("the access token is refused: it has expired"))
        }
    }

    @Test(
        "Python's libraries do by all protocols, also with a token of several KiB",
        .installed("python3"))
    func python() async throws {
        try await Self.withIssuer { host, stage in
            let script = try stage.write(Self.clients, to: "clients.py")
            let done = try await stage.run(
                "/usr/bin/python3",
                [
                    script, host.address, host.account, "\(Postreiter.Port.imaps)",
                    "\(Postreiter.Port.pop3s)", "\(Postreiter.Port.submissions)",
                    "\(Postreiter.Port.managesieve)",
                ], within: .seconds(120))
            #expect(done.status == 0, "\(done.output)\n\(host.log)")
            #expect(done.output.hasSuffix("done\n"), "\(done.output)")
            #expect(
                await host.hasLogged(
                    "it belongs to bob@own.test", "its scope lacks `mail`", "does not answer",
                    "the answer is too long", "answers with what cannot be understood"),
                "\(host.log)")
        }
    }

    private static let clients = #"""
        import base64, imaplib, poplib, smtplib, socket, ssl, sys

        host, account = sys.argv[1:3]
        imap, pop, submission, sieve = map(int, sys.argv[3:7])
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        LONG = "good." + "x" * 6000

        def bearer(token, user=account):
            return f"n,a={user},\1host={host}\1port=1\1auth=Bearer {token}\1\1"

        def xoauth2(token, user=account):
            return f"user={user}\1auth=Bearer {token}\1\1"

        def by_imap(mechanism, first):
            """Whether it was let in, and what it was told before."""
            told = []
            def answer(challenge):
                told.append(challenge.decode())
                if len(told) == 1:
                    return first.encode()
                return b"\1" if mechanism == "OAUTHBEARER" else b""
            client = imaplib.IMAP4_SSL(host, imap, ssl_context=context)
            try:
                client.authenticate(mechanism, answer)
                client.select()
                client.logout()
                return True, told[1:]
            except imaplib.IMAP4.error as error:
                client.logout()
                return str(error), told[1:]

        client = imaplib.IMAP4(host, imap - 850)
        assert not any("AUTH=" in word and "SCRAM" not in word for word in client.capabilities), \
            client.capabilities
        client.logout()

        for token in ("good", LONG):
            assert by_imap("OAUTHBEARER", bearer(token)) == (True, [])
            assert by_imap("OAUTHBEARER", bearer(token).replace(f"a={account}", "")) == (True, [])
            assert by_imap("XOAUTH2", xoauth2(token)) == (True, [])
        for token, status in (("expired", "invalid_token"), ("other", "invalid_token"),
                              ("nonsense", "invalid_token"), ("narrow", "insufficient_scope")):
            outcome, told = by_imap("OAUTHBEARER", bearer(token))
            assert "AUTHENTICATIONFAILED" in outcome, outcome
            assert told == ['{"status":"%s","scope":"mail","openid-configuration":'
                            '"https://id.test/.well-known/openid-configuration"}' % status], told
        outcome, told = by_imap("XOAUTH2", xoauth2("expired"))
        assert "AUTHENTICATIONFAILED" in outcome and '"status":"400"' in told[0], (outcome, told)
        for token in ("huge", "rubbish", "hang"):
            outcome, told = by_imap("OAUTHBEARER", bearer(token))
            assert "UNAVAILABLE" in outcome and not told, (outcome, told)

        def by_pop(lines):
            client = poplib.POP3_SSL(host, pop, context=context)
            capabilities = client.capa()["SASL"]
            assert "OAUTHBEARER" in capabilities and "XOAUTH2" in capabilities, capabilities
            for line in lines:
                client._putline(line)
                reply, _ = client._getline()
            client.close()
            return reply

        def encoded(text):
            return base64.b64encode(text.encode())

        for token in ("good", LONG):
            assert by_pop([b"AUTH OAUTHBEARER", encoded(bearer(token))]).startswith(b"+OK")
            assert by_pop([b"AUTH OAUTHBEARER " + encoded(bearer(token))]).startswith(b"+OK")
            assert by_pop([b"AUTH XOAUTH2", encoded(xoauth2(token))]).startswith(b"+OK")
        refused = [b"AUTH OAUTHBEARER", encoded(bearer("expired"))]
        assert by_pop(refused).startswith(b"+ ")
        assert by_pop(refused + [encoded("\1")]).startswith(b"-ERR [AUTH]")
        assert by_pop([b"NOOP " + b"x" * 400]).startswith(b"-ERR")

        for mechanism, message in (("OAUTHBEARER", bearer), ("XOAUTH2", xoauth2)):
            for token in ("good", LONG):
                for isInitial in (True, False):
                    client = smtplib.SMTP_SSL(host, submission, context=context)
                    client.ehlo()
                    assert mechanism in client.esmtp_features["auth"].split()
                    code, _ = client.auth(
                        mechanism, lambda challenge=None: message(token),
                        initial_response_ok=isInitial)
                    assert code == 235, code
                    client.sendmail(
                        account, [account], f"From: {account}\r\nSubject: x\r\n\r\nhello\r\n")
                    client.quit()
        client = smtplib.SMTP_SSL(host, submission, context=context)
        client.ehlo()
        code, told = client.docmd("AUTH", "OAUTHBEARER " + encoded(bearer("other")).decode())
        assert code == 334 and b"invalid_token" in base64.b64decode(told), (code, told)
        code, told = client.docmd(encoded("\1").decode())
        assert code == 535, (code, told)
        client.quit()

        for token in ("good", LONG, "expired"):
            plain = socket.create_connection((host, sieve))
            file = plain.makefile("rwb")
            def until_ok():
                while True:
                    line = file.readline()
                    if line.startswith((b"OK", b"NO", b"BYE")) or not line:
                        return line
            until_ok()
            file.write(b"STARTTLS\r\n")
            file.flush()
            until_ok()
            secure = context.wrap_socket(plain)
            file = secure.makefile("rwb")
            until_ok()
            first = encoded(bearer(token))
            file.write(b'AUTHENTICATE "OAUTHBEARER" {%d+}\r\n%s\r\n' % (len(first), first))
            file.flush()
            if token == "expired":
                told = file.readline().strip()
                if told.startswith(b"{"):
                    told = file.readline().strip()
                assert b"invalid_token" in base64.b64decode(told.strip(b'"')), told
                file.write(b'"%s"\r\n' % encoded("\1"))
                file.flush()
                assert until_ok().startswith(b"NO")
            else:
                assert until_ok().startswith(b"OK"), token
            secure.close()
        print("done")
        """#

    @Test("A program of the operator's knows tokens as well as a server", .installed("curl"))
    func program() async throws {
        try await withStage { stage in
            let script = try stage.write(
                """
                read token
                case $token in
                    good) echo alice@own.test ;;
                    later) exit 75 ;;
                    hang) sleep 600 ;;
                    *) echo "token $token is none" >&2; exit 1 ;;
                esac
                """, to: "tokens.sh")
            let host = try await Postreiter(
                stage, environment: ["POSTREITER_OAUTH_PROGRAM": "/bin/sh,\(script)"])
            func logIn(_ token: String) async throws -> Int32? {
                try await stage.run(
                    "curl",
                    [
                        "--silent", "--show-error", "--insecure", "--max-time", "60", "--user",
                        "\(host.account):", "--oauth2-bearer", token,
                        "imaps://\(host.address):\(Postreiter.Port.imaps)",
                    ], within: .seconds(90)
                ).status
            }
            #expect(try await logIn("good") == 0, "\(host.log)")
            for token in ["bad", "later", "hang"] {
                #expect(try await logIn(token) == 67, "\(token)")
            }
            #expect(
                await host.hasLogged(
                    "token bad is none", "the program /bin/sh ends with 1",
                    "the program /bin/sh asks to be asked later", "it took too long"), "\(host.log)"
            )
        }
    }

    @Test("Without a hook tokens are not offered, and a setting that is half there is refused")
    func unset() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await play(
                """
                S: 220
                C: EHLO client.test
                S: 250
                C: AUTH OAUTHBEARER
                S: 5
                C: QUIT
                S: 221
                """, host.address, Postreiter.Port.submission)
            await host.stop()
            let half = try await stage.run(
                Postreiter.binary, ["serve", "--config", host.configuration],
                environment: ["POSTREITER_OAUTH_INTROSPECTION_URL": "https://id.test/"])
            #expect(half.status == 78 && half.output.contains("oauth.client-id"), "\(half.output)")
        }
    }
}
