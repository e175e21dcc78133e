// SPDX-License-Identifier: Apache-2.0

import Autoconfiguration
import Bytes
import Mail
import Testing

@Suite("How mail programs are set up")
struct MailSetupTests {
    private func setup(_ servers: [MailSetup.Server]) throws -> MailSetup {
        MailSetup(
            domain: try Domain("example.org"), host: try Domain("mx1.example.org"),
            servers: servers)
    }

    private static let all: [MailSetup.Server] = [
        .init(.submission, port: 587), .init(.imap, port: 143), .init(.imaps, port: 10_993),
        .init(.imaps, port: 993), .init(.submissions, port: 465), .init(.pop3s, port: 995),
        .init(.managesieve, port: 4190),
    ]

    @Test("Servers are told in the order of their worth, at their usual ports if they have them")
    func order() throws {
        let setup = try setup(Self.all)
        #expect(
            setup.servers.map { "\($0.service) \($0.port)" } == [
                "imaps 993", "imap 143", "pop3s 995", "submissions 465", "submission 587",
                "managesieve 4190",
            ])
        #expect(
            setup.instructions(in: .english).map { "\($0.label): \($0.text)" } == [
                "User name: the whole address, such as anna@example.org",
                "Password: that of the account",
                "Read mail: IMAP: mx1.example.org, Port 993, SSL/TLS",
                "Read mail: IMAP: mx1.example.org, Port 143, STARTTLS",
                "Read mail: POP3: mx1.example.org, Port 995, SSL/TLS",
                "Send mail: SMTP: mx1.example.org, Port 465, SSL/TLS",
                "Send mail: SMTP: mx1.example.org, Port 587, STARTTLS",
                "Sort mail: ManageSieve: mx1.example.org, Port 4190, STARTTLS",
                "Authentication: normal password",
            ])
    }

    @Test("Thunderbird's document names each server with its kind of TLS")
    func clientConfiguration() throws {
        let text = try setup(Self.all).clientConfiguration
        let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(
            words.contains(
                """
                <incomingServer type="imap"> <hostname>mx1.example.org</hostname> \
                <port>993</port> <socketType>SSL</socketType> \
                <authentication>password-cleartext</authentication> \
                <username>%EMAILADDRESS%</username> </incomingServer>
                """))
        #expect(words.contains("<port>587</port> <socketType>STARTTLS</socketType>"))
        #expect(words.contains("<outgoingServer type=\"smtp\">"))
        #expect(!words.contains("4190"))
    }

    @Test("PACC's document is JSON, and tells of ports that are not the usual ones")
    func userAgentConfiguration() throws {
        let text = try setup([.init(.imaps, port: 2993), .init(.submissions, port: 465)])
            .userAgentConfiguration
        let json = try JSON(parsing: Array(text.utf8))
        #expect(json["protocols"]?["imap"]?["host"]?.string == "mx1.example.org")
        #expect(json["protocols"]?["imap"]?["port"]?.integer == 2993)
        #expect(json["protocols"]?["smtp"]?["port"] == nil)
        #expect(json["protocols"]?["pop3"] == nil)
        #expect(json["info"]?["provider"]?["name"]?.string == "example.org")
    }

    @Test("What stands in an address does not break out of a document")
    func escaping() throws {
        let address = try Address("\"a<b>&'c\"@example.org")
        let setup = try setup(Self.all)
        let texts = [
            setup.autodiscoverResponse(for: address),
            try #require(setup.appleProfile(for: address)),
        ]
        for text in texts {
            #expect(text.contains("&quot;a&lt;b&gt;&amp;&apos;c&quot;@example.org"))
            #expect(!text.contains("a<b>"))
        }
        #expect(try self.setup([.init(.imaps, port: 993)]).appleProfile(for: address) == nil)
    }
}

@Suite("What Outlook posts to be set up")
struct AutodiscoverTests {
    private static let schema =
        "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

    private func body(_ address: String, _ schema: String = schema) -> String {
        """
        <?xml version="1.0" encoding="utf-8"?>
        <Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006">
          <Request>
            <EMailAddress>\(address)</EMailAddress>
            <AcceptableResponseSchema>\(schema)</AcceptableResponseSchema>
          </Request>
        </Autodiscover>
        """
    }

    @Test(
        "The address is found, with references and a prefix",
        arguments: [
            ("anna@example.org", "anna@example.org"),
            ("\n  anna@example.org \n", "anna@example.org"),
            ("a&amp;b@example.org", "a&b@example.org"),
            ("a&#x2B;b&#64;example.org", "a+b@example.org"),
        ])
    func found(written: String, address: String) throws {
        #expect(try Autodiscover.address(in: Array(body(written).utf8)).description == address)
        let prefixed = body(written).replacing("EMailAddress", with: "x:EMailAddress")
        #expect(try Autodiscover.address(in: Array(prefixed.utf8)).description == address)
    }

    @Test(
        "What is no request for settings is answered with its code",
        arguments: [
            ("", 600), ("<EMailAddress>", 600), ("<EMailAddress>anna</EMailAddress>", 600),
            ("<EMailAddress>a&b;@example.org</EMailAddress>", 600),
            ("<EMailAddress>a&#0;@example.org</EMailAddress>", 600),
            ("<EMailAddress>a&amp@example.org</EMailAddress>", 600),
            ("<!DOCTYPE x [<!ENTITY a \"b\">]><EMailAddress>a@example.org</EMailAddress>", 600),
            ("</EMailAddress>a@example.org<", 600),
            (
                "<EMailAddress>a@example.org</EMailAddress><AcceptableResponseSchema>x</A>", 601
            ),
            (String(repeating: "<", count: 60_000), 600),
        ])
    func refused(body: String, code: Int) throws {
        let fault = try #require(Autodiscover.Fault(rawValue: code))
        #expect(throws: fault) {
            try Autodiscover.address(in: Array(body.utf8))
        }
    }
}
