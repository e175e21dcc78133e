// SPDX-License-Identifier: Apache-2.0

import Mail
import Spool
import Testing

@Suite("A backup exchanger and the return paths of its primary (SRS)")
struct ReturnPathTests {
    @Test("Notifications to them are taken, other mail is asked to wait, and nobody else is known")
    func backup() throws {
        let path = "SRS0=HHHHHHHH=TT=example.org=joe@kept.example"
        let rows = [
            ("", path, "250"), ("x@there.example", path, "451 4.3.0"),
            ("", "SRS1=HHHH=example.org==HHHH=TT=example.net=joe@kept.example", "250"),
            ("", "SRS0=joe@kept.example", "550 5.1.1"), ("", "joe@kept.example", "550 5.1.1"),
            ("x@there.example", "info@kept.example", "250"),
            // A domain of our own knows its paths, and one of others is no business of ours.
            ("", path.replacing("kept", with: "here"), "550 5.1.1"),
            ("", path.replacing("kept", with: "other"), "550 5.7.1"),
        ]
        for (sender, recipient, expected) in rows {
            let world = try ReceptionWorld(zone: "there.example MX 10 mx.there.example")
            try world.run { world in
                let said = try await world.talk(
                    "EHLO a", "MAIL FROM:<\(sender)>", "RCPT TO:<\(recipient)>")
                #expect(
                    said.dropLast().last?.hasPrefix(expected) == true,
                    "<\(sender)> to \(recipient): \(said)")
            }
        }
    }

    @Test("One that was taken waits for the primary under the address it came to")
    func waits() throws {
        try ReceptionWorld().run { world in
            _ = try await world.talk(
                "EHLO a", "MAIL FROM:<>", "RCPT TO:<SRS0=HHHH=TT=example.org=joe@kept.example>",
                "DATA", "Subject: x", "", "back", ".")
            let accepted = try await world.accepted()
            #expect(
                accepted.map { "\($0.recipient.address)" }
                    == ["SRS0=HHHH=TT=example.org=joe@kept.example"])
        }
    }
}
