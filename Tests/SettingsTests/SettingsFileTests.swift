// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import Testing

@testable import Settings

@Suite("The configuration file")
struct SettingsFileTests {
    private func read(
        _ text: String, environment: [String: String] = [:]
    ) throws(SettingsError) -> ServerSettings {
        try SettingsFile(text, name: "postreiter.yaml", environment: environment).settings()
    }

    @Test("every key is read")
    func everyKey() throws {
        let settings = try read(
            """
            host-name: MX1.example.org
            data-folder: /srv/mail
            language: de
            listen:
              smtp: [0.0.0.0, "[::]:2525"]
              submission: 127.0.0.1:1587
              dns: ["127.0.0.1:5353"]
            tls:
              certificate: /etc/tls/chain.pem
              private-key: /etc/tls/key.pem
            resolver: [127.0.0.1:5353]
            also-known-as: [mail.example.org]
            public-addresses: [192.0.2.1, "2001:db8::1"]
            limits:
              message-octets: 100000
              recipients: 200
            sending:
              port: 2525
              retry-minutes: [2, 10]
              lifetime-hours: 48
              delay-notice-hours: none
            name-server:
              identity: ns1 in Cologne
              responses-per-second: 0
              cookie-secrets: /etc/postreiter/cookies
            sharing:
              domains: [example.org  EXAMPLE.net]
            log:
              level: debug
            """)
        #expect(settings.sharing == SharingDomains(["example.org example.net"]))
        #expect(settings.hostName.name == "mx1.example.org")
        #expect(settings.dataFolder == "/srv/mail")
        #expect(settings.language == .german)
        #expect(settings.listen.smtp.map(\.description) == ["0.0.0.0:25", "[::]:2525"])
        #expect(settings.listen.submission.map(\.port) == [1587])
        #expect(settings.listen.submissions.isEmpty)
        #expect(settings.certificates.first?.chain == "/etc/tls/chain.pem")
        #expect(settings.resolver.map(\.description) == ["127.0.0.1:5353"])
        #expect(settings.publicAddresses.count == 2)
        #expect(settings.limits.messageOctets == 100_000)
        #expect(settings.limits.connections == 20_000)
        #expect(settings.sending.port == 2525)
        #expect(settings.sending.retryMinutes == [2, 10])
        #expect(settings.sending.lifetimeHours == 48)
        #expect(settings.sending.notificationLifetimeHours == 48)
        #expect(settings.sending.delayNoticeHours == nil)
        #expect(settings.nameServer.identity == "ns1 in Cologne")
        #expect(settings.nameServer.responsesPerSecond == nil)
        #expect(settings.nameServer.cookieSecretsFile == "/etc/postreiter/cookies")
        #expect(settings.logLevel == "debug")
    }

    @Test("an environment variable wins over the file")
    func environment() throws {
        let settings = try read(
            "host-name: mx1.example.org",
            environment: [
                "POSTREITER_HOST_NAME": "mx2.example.org",
                "POSTREITER_LISTEN_SMTP": "127.0.0.1:2525,[::1]:2525",
                "PATH": "/bin",
            ])
        #expect(settings.hostName.name == "mx2.example.org")
        #expect(settings.listen.smtp.map(\.description) == ["127.0.0.1:2525", "[::1]:2525"])
    }

    @Test(
        "what cannot be used is refused with its place and what to do",
        arguments: [
            (
                "host-nam: x.example",
                "postreiter.yaml:1:1: unknown key `host-nam`; did you mean `host-name`?"
            ),
            (
                "host-name: a.example\nlisten:\n  smpt: 1.2.3.4",
                "postreiter.yaml:3:3: unknown key `listen.smpt`; did you mean `listen.smtp`?"
            ),
            (
                "host-name: a.example\nlanguage: fr",
                "postreiter.yaml:2:1: `language` is `fr`; expected en or de"
            ),
            (
                "host-name: a.example\nlisten:\n  smtp: [localhost]",
                "postreiter.yaml:3:3: `listen.smtp` is `localhost`; expected an address and port"
                    + " such as 192.0.2.1:25 or [2001:db8::1]:25"
            ),
            (
                "host-name: a.example\nlimits:\n  recipients: 5",
                "postreiter.yaml:3:3: `limits.recipients` is `5`; expected a number from 100 to 100000"
            ),
            ("", "postreiter.yaml: `host-name` is missing"),
            ("host-name: [a.example]", "postreiter.yaml:1:12: `host-name` takes one value"),
            ("just text", "postreiter.yaml:1:1: expected `key: value` lines"),
            ("host-name: \"open", "postreiter.yaml:"),
        ])
    func refused(text: String, message: String) {
        let error = #expect(throws: SettingsError.self) { try read(text) }
        #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "")")
    }

    @Test("an unknown environment variable is refused with the nearest known one")
    func unknownVariable() {
        let error = #expect(throws: SettingsError.self) {
            try read("host-name: a.example", environment: ["POSTREITER_HOSTNAME": "b.example"])
        }
        #expect(
            error?.description
                == "environment: unknown variable POSTREITER_HOSTNAME;"
                + " did you mean POSTREITER_HOST_NAME?")
    }
}
