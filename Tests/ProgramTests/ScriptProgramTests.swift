// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("The program sorts and refuses mail by scripts", .built)
struct ScriptProgramTests {
    @Test(
        "swaks hears from the script of its recipient, and the trace says which line did it",
        .installed("swaks", "curl"))
    func refusal() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let script = try stage.write(
                """
                require ["reject"];
                if header :contains "subject" "offer" { reject "Not interested."; }

                """, to: "reject.sieve")
            let put = try await host.command(
                "sieve", "put", host.account, "main", script, "--activate")
            try #require(put.status == 0, "\(put.output)")
            let refused = try await host.submit(to: host.account, subject: "an offer")
            #expect(refused.status == 26, "\(refused.output)")
            #expect(refused.output.contains("550 5.7.1 Not interested."), "\(refused.output)")
            let accepted = try await host.submit(to: host.account, subject: "hello")
            #expect(accepted.status == 0, "\(accepted.output)")
            #expect(try await host.mailbox(count: 1).count == 1)
            let trace = try await host.command("trace", host.account)
            #expect(
                trace.output.contains("script: line 2: reject: \"Not interested.\""),
                "\(trace.output)")
        }
    }

    /// What Python's email package makes of a disposition notification.
    private static let reader = """
        import email, email.policy, sys
        report = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
        print(report.get_content_type(), report.get_param('report-type'), report['Auto-Submitted'])
        people, program, original = report.iter_parts()
        print(people.get_content().splitlines()[-1])
        fields = program.get_payload(0)
        print(program.get_content_type(), fields['Final-Recipient'], '|', fields['Disposition'])
        message = original.get_payload(0)
        print(message['Subject'], fields['Original-Message-ID'] == message['Message-ID'])
        """

    @Test(
        "What cannot be refused in the dialogue comes back as Python's email package reads it",
        .installed("swaks", "curl", "python3"))
    func disposition() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let script = try stage.write(
                """
                require ["reject"];
                if header :contains "subject" "offer" { reject "Schöne Grüße"; }

                """, to: "reject.sieve")
            let put = try await host.command(
                "sieve", "put", host.account, "main", script, "--activate")
            try #require(put.status == 0, "\(put.output)")
            let accepted = try await host.submit(to: host.account, subject: "an offer")
            #expect(accepted.status == 0, "\(accepted.output)")
            let report = try #require(try await host.mailbox(count: 1).first)
            let (status, seen) = try await stage.run(
                "/usr/bin/python3",
                [
                    try stage.write(Self.reader, to: "reader.py"),
                    try stage.write(report, to: "report.eml"),
                ], environment: ["PYTHONIOENCODING": "utf-8"])
            #expect(status == 0, "\(seen)")
            #expect(
                seen == """
                    multipart/report disposition-notification auto-replied
                    Schöne Grüße
                    message/disposition-notification rfc822; \(host.account) | \
                    automatic-action/MDN-sent-automatically; deleted
                    an offer True

                    """)
            let trace = try await host.command("trace", host.account)
            #expect(trace.output.contains("was told that it was refused"), "\(trace.output)")
        }
    }

    @Test(
        "The script of the domain sorts until an account has its own, and goes with --remove",
        .installed("swaks", "curl"))
    func standard() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let script = try stage.write(
                "require \"ereject\"; ereject \"closed\";\n", to: "closed.sieve")
            let wrong = try stage.write("fileinto;\n", to: "wrong.sieve")
            let refused = try await host.command("sieve", "default", host.domain, wrong)
            #expect(refused.status != 0 && refused.output.contains("line 1"), "\(refused.output)")
            let foreign = try await host.command("sieve", "default", "far.test", script)
            #expect(foreign.status != 0, "\(foreign.output)")
            for place in [host.domain, "all"] {
                let set = try await host.command("sieve", "default", place, script)
                #expect(set.status == 0, "\(set.output)")
            }
            let list = try await host.command("sieve", "default")
            #expect(list.output.contains(host.domain) && list.output.contains("all"))
            let text = try await host.command("sieve", "default", "all")
            #expect(text.output.contains("ereject \"closed\""), "\(text.output)")
            let own = try await host.command("sieve", "list", host.account)
            #expect(own.output.contains("the default of \(host.domain)"), "\(own.output)")
            let sent = try await host.submit(to: host.account, subject: "x")
            #expect(sent.output.contains("550 5.7.1 closed"), "\(sent.output)")
            for place in [host.domain, "all"] {
                let removed = try await host.command("sieve", "default", place, "--remove")
                #expect(removed.status == 0, "\(removed.output)")
            }
            let accepted = try await host.submit(to: host.account, subject: "x")
            #expect(accepted.status == 0, "\(accepted.output)")
        }
    }
}
