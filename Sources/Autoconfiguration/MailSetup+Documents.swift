// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

extension MailSetup {
    /// Thunderbird's document, which many programs read (draft-ietf-mailmaint-autoconfig §4).
    ///
    /// The program itself puts the address in place of `%EMAILADDRESS%`.
    package var clientConfiguration: String {
        let domain = Markup.escape(domain.name)
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <clientConfig version="1.1">
              <emailProvider id="\(domain)">
                <domain>\(domain)</domain>
                <displayName>\(domain)</displayName>
                <displayShortName>\(domain)</displayShortName>
            \(incoming.map { element("incomingServer", $0) }.joined())\
            \(outgoing.map { element("outgoingServer", $0) }.joined())  </emailProvider>
            </clientConfig>

            """
    }

    private func element(_ name: String, _ server: Server) -> String {
        """
            <\(name) type="\(server.service.title.asciiLowercased)">
              <hostname>\(Markup.escape(host.name))</hostname>
              <port>\(server.port)</port>
              <socketType>\(server.service.isImplicit ? "SSL" : "STARTTLS")</socketType>
              <authentication>password-cleartext</authentication>
              <username>%EMAILADDRESS%</username>
            </\(name)>

        """
    }

    /// Outlook's answer for an address (POX Autodiscover, `outlook/responseschema/2006a`).
    package func autodiscoverResponse(for address: Address) -> String {
        let login = Markup.escape(address.description)
        var protocols = ""
        for server in [server(.imaps, .imap), server(.pop3s, .pop3)].compactMap(\.self) {
            protocols += element(server, login, "")
        }
        if let server = server(.submissions, .submission) {
            protocols += element(server, login, "        <UsePOPAuth>off</UsePOPAuth>\n")
        }
        return """
            <?xml version="1.0" encoding="utf-8"?>
            <Autodiscover xmlns="\(Autodiscover.responseSchema)">
              <Response xmlns="\(Autodiscover.outlookSchema)">
                <User>
                  <DisplayName>\(login)</DisplayName>
                </User>
                <Account>
                  <AccountType>email</AccountType>
                  <Action>settings</Action>
            \(protocols)    </Account>
              </Response>
            </Autodiscover>

            """
    }

    private func element(_ server: Server, _ login: String, _ more: String) -> String {
        """
              <Protocol>
                <Type>\(server.service.title)</Type>
                <Server>\(Markup.escape(host.name))</Server>
                <Port>\(server.port)</Port>
                <DomainRequired>off</DomainRequired>
                <LoginName>\(login)</LoginName>
                <SPA>off</SPA>
                <SSL>on</SSL>
                <Encryption>\(server.service.isImplicit ? "SSL" : "TLS")</Encryption>
                <AuthRequired>on</AuthRequired>
        \(more)      </Protocol>

        """
    }

    /// What a program asks for at `ua-auto-config.DOMAIN` (draft-ietf-mailmaint-pacc).
    ///
    /// Servers with TLS from the first octet only; a port that is not the usual one is told.
    package var userAgentConfiguration: String {
        var protocols: [(String, JSON)] = []
        let told: [(String, Service)] = [
            ("imap", .imaps), ("pop3", .pop3s), ("smtp", .submissions),
            ("managesieve", .managesieve),
        ]
        for (name, service) in told {
            guard let server = server(service) else { continue }
            var members: [(String, JSON)] = [
                ("host", .string(host.name)),
                ("authentication", ["sasl-SCRAM-SHA-256", "sasl-PLAIN"]),
            ]
            if server.port != service.usualPort {
                members.append(("port", .integer(Int64(server.port))))
            }
            protocols.append((name, .object(members)))
        }
        let name = JSON.string(domain.name)
        let document: JSON = [
            "protocols": .object(protocols),
            "info": ["provider": ["name": name, "shortName": name]],
        ]
        return document.description + "\n"
    }

    /// A profile that Apple's systems install (`.mobileconfig`), without a password.
    ///
    /// Installed again it replaces the one before. Nil without a server to read from and one to
    /// send through.
    package func appleProfile(for address: Address) -> String? {
        guard let incoming = server(.imaps, .imap, .pop3s, .pop3),
            let outgoing = server(.submissions, .submission)
        else { return nil }
        let login = Markup.escape(address.description)
        let identifier =
            "postreiter."
            + Markup.escape(
                domain.name.split(separator: ".").reversed()
                    .joined(separator: ".")) + "." + Self.identifier(of: address.description)
        let isIMAP = incoming.service.title == "IMAP"
        return """
            <?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" \
            "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
            <plist version="1.0">
            <dict>
              <key>PayloadType</key><string>Configuration</string>
              <key>PayloadVersion</key><integer>1</integer>
              <key>PayloadIdentifier</key><string>\(identifier)</string>
              <key>PayloadUUID</key><string>\(Self.identifier(of: "profile \(login)"))</string>
              <key>PayloadDisplayName</key><string>\(login)</string>
              <key>PayloadDescription</key><string>Mail of \(login)</string>
              <key>PayloadContent</key>
              <array>
                <dict>
                  <key>PayloadType</key><string>com.apple.mail.managed</string>
                  <key>PayloadVersion</key><integer>1</integer>
                  <key>PayloadIdentifier</key><string>\(identifier).mail</string>
                  <key>PayloadUUID</key><string>\(Self.identifier(of: "mail \(login)"))</string>
                  <key>PayloadDisplayName</key><string>\(login)</string>
                  <key>EmailAccountType</key><string>EmailType\(isIMAP ? "IMAP" : "POP")</string>
                  <key>EmailAccountDescription</key><string>\(login)</string>
                  <key>EmailAddress</key><string>\(login)</string>
            \(keys("IncomingMailServer", incoming, login))\
            \(keys("OutgoingMailServer", outgoing, login))\
                  <key>OutgoingPasswordSameAsIncomingPassword</key><true/>
                </dict>
              </array>
            </dict>
            </plist>

            """
    }

    private func keys(_ prefix: String, _ server: Server, _ login: String) -> String {
        """
              <key>\(prefix)HostName</key><string>\(Markup.escape(host.name))</string>
              <key>\(prefix)PortNumber</key><integer>\(server.port)</integer>
              <key>\(prefix)UseSSL</key><true/>
              <key>\(prefix)Username</key><string>\(login)</string>
              <key>\(prefix)Authentication</key><string>EmailAuthPassword</string>

        """
    }

    /// A UUID that is the same for the same text (RFC 9562 §5.8).
    private static func identifier(of text: String) -> String {
        var octets: [UInt8] = []
        for basis in [0xCBF2_9CE4_8422_2325 as UInt64, 0x8422_2325_CBF2_9CE4] {
            var hash = FowlerHash(basis: basis)
            hash.add(text.utf8)
            octets += (0..<8).map { UInt8(truncatingIfNeeded: hash.value >> UInt64($0 * 8)) }
        }
        octets[6] = octets[6] & 0x0F | 0x80
        octets[8] = octets[8] & 0x3F | 0x80
        let digits = Array(Hexadecimal.encode(octets))
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }
            .joined(separator: "-")
    }

    /// What a person types by hand, a line for each.
    package func instructions(in language: Language) -> [(label: String, text: String)] {
        let isGerman = language == .german
        var lines: [(String, String)] = [
            isGerman
                ? ("Benutzername", "die ganze Adresse, etwa anna@\(domain)")
                : ("User name", "the whole address, such as anna@\(domain)"),
            isGerman ? ("Passwort", "das des Kontos") : ("Password", "that of the account"),
        ]
        let kinds = [
            (isGerman ? "Mail lesen" : "Read mail", incoming),
            (isGerman ? "Mail senden" : "Send mail", outgoing),
            (
                isGerman ? "Mail sortieren" : "Sort mail",
                servers.filter { $0.service == .managesieve }
            ),
        ]
        for (label, servers) in kinds {
            for server in servers {
                let security = server.service.isImplicit ? "SSL/TLS" : "STARTTLS"
                lines.append(
                    (label, "\(server.service.title): \(host), Port \(server.port), \(security)"))
            }
        }
        lines.append(
            isGerman
                ? ("Authentifizierung", "normales Passwort") : ("Authentication", "normal password")
        )
        return lines
    }
}
