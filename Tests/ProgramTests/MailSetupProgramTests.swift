// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Mail programs are set up as real parsers read it", .serialized, .built)
struct MailSetupProgramTests {
    /// Asks as programs do, and reads with Python's own parsers of XML, JSON and plists.
    private static let script = """
        import http.client, json, plistlib, ssl, sys
        import xml.etree.ElementTree as tree
        address, https, http_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        context = ssl._create_unverified_context()
        def ask(host, path, body=None, plain=False):
            connection = (http.client.HTTPConnection(address, http_port, timeout=20) if plain else
                http.client.HTTPSConnection(address, https, timeout=20, context=context))
            connection.request('POST' if body else 'GET', path, body, {'Host': host})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        def servers(octets):
            root = tree.fromstring(octets)
            assert root.tag == 'clientConfig' and root.get('version') == '1.1', root.tag
            provider = root.find('emailProvider')
            assert provider.findtext('domain') == 'own.test'
            return [(s.tag, s.get('type'), s.findtext('hostname'), int(s.findtext('port')),
                s.findtext('socketType'), s.findtext('username')) for s in provider
                if s.tag.endswith('Server')]
        for plain in (False, True):
            status, octets, _ = ask('autoconfig.own.test',
                '/mail/config-v1.1.xml?emailaddress=alice%40own.test', plain=plain)
            assert status == 200, status
            found = servers(octets)
            assert found[0][1:2] + found[0][3:] == ('imap', 2993, 'SSL', '%EMAILADDRESS%'), found
            assert ('outgoingServer', 'smtp', found[0][2], 2465, 'SSL', '%EMAILADDRESS%') in found
            assert ('outgoingServer', 'smtp', found[0][2], 2587, 'STARTTLS', '%EMAILADDRESS%') in found
        assert ask('own.test', '/.well-known/autoconfig/mail/config-v1.1.xml')[0] == 200
        assert ask('autoconfig.other.test', '/mail/config-v1.1.xml')[0] == 404
        post = '''<?xml version="1.0"?><Autodiscover
        xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>
        <EMailAddress>%s</EMailAddress><AcceptableResponseSchema>
        http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a
        </AcceptableResponseSchema></Request></Autodiscover>'''
        name = '{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}'
        status, octets, _ = ask('autodiscover.own.test', '/Autodiscover/Autodiscover.xml',
            post % 'a&amp;b@own.test')
        assert status == 200
        account = tree.fromstring(octets).find(f'{name}Response').find(f'{name}Account')
        told = {p.findtext(name + 'Type'): (int(p.findtext(name + 'Port')),
            p.findtext(name + 'LoginName'), p.findtext(name + 'SSL'))
            for p in account.findall(name + 'Protocol')}
        assert told['IMAP'] == (2993, 'a&b@own.test', 'on'), told
        assert told['SMTP'] == (2465, 'a&b@own.test', 'on'), told
        octets = ask('autodiscover.own.test', '/autodiscover/autodiscover.xml', post % 'a@other.test')[1]
        assert b'<ErrorCode>603</ErrorCode>' in octets
        status, _, fields = ask('autodiscover.own.test', '/autodiscover/autodiscover.xml', plain=True)
        assert status == 302 and fields['Location'].startswith('https://autodiscover.own.test/')
        document = json.loads(ask('ua-auto-config.own.test', '/.well-known/user-agent-configuration.json')[1])
        assert document['protocols']['imap']['host'] == found[0][2]
        profile = plistlib.loads(ask('autoconfig.own.test',
            '/mail/apple.mobileconfig?emailaddress=alice@own.test')[1])
        mail = profile['PayloadContent'][0]
        assert mail['IncomingMailServerPortNumber'] == 2993 and mail['EmailAddress'] == 'alice@own.test'
        print('all is well')
        """

    @Test("Thunderbird, Outlook, PACC and Apple find what they need", .installed("python3"))
    func documents() async throws {
        try await withStage { stage in
            let address = stage.address()
            let host = try await Postreiter(
                stage, address: address,
                environment: [
                    "POSTREITER_LISTEN_HTTPS": "\(address):2443",
                    "POSTREITER_LISTEN_HTTP": "\(address):2080",
                ])
            let told = try await stage.run(
                "python3", ["-c", Self.script, address, "2443", "2080"])
            #expect(told.output == "all is well\n", "\(told.output)\n\(host.log)")
            let words = try await host.command("domain", "setup", host.domain)
            #expect(words.output.contains("Port 2993, SSL/TLS"), "\(words.output)")
            let profile = try await host.command(
                "domain", "setup", host.account, "--document", "mobileconfig")
            #expect(profile.output.contains("com.apple.mail.managed"), "\(profile.output)")
            let none = try await host.command(
                "domain", "setup", host.domain, "--document", "autodiscover")
            #expect(none.status != 0)
        }
    }
}
