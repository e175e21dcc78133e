// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import Settings

/// The hosts of the demo, where they are, and their zones.
struct DemoPlan: Sendable {
    /// A mail server: a name and an address of this machine alone.
    struct Host: Sendable {
        let name: String
        let address: String
    }

    /// Where everything listens: a free thousand of ports, such as 2525, 2587, 2465.
    struct Ports: Sendable {
        let base: UInt16
        var dns: UInt16 { base + 53 }
        var smtp: UInt16 { base + 525 }
        var submission: UInt16 { base + 587 }
        var submissions: UInt16 { base + 465 }
        var pop3: UInt16 { base + 110 }
        var pop3s: UInt16 { base + 995 }

        /// Below the ports that systems give to outgoing connections.
        static let blocks: [UInt16] = [2000, 12000, 22000, 4000, 14000, 24000, 6000, 16000, 26000]
    }

    static let post = Host(name: "post.lotus.example", address: "127.0.0.10")
    static let mx1 = Host(name: "mx1.iris.example", address: "127.0.0.21")
    static let mx2 = Host(name: "mx2.iris.example", address: "127.0.0.22")
    static let left = Host(name: "left.tandem.example", address: "127.0.0.31")
    static let right = Host(name: "right.tandem.example", address: "127.0.0.32")
    static let plain = Host(name: "plain.example", address: "127.0.0.41")
    static let hosts = [post, mx1, mx2, left, right, plain]
    /// Its zone entry leads to this address, and nobody listens there.
    static let absent = Host(name: "mx.lonely.example", address: "127.0.0.51")
    static let names = Host(name: "ns.example", address: "127.0.0.2")

    /// Who may send for lotus.example (SPF), and what becomes of other mail in its name (DMARC).
    static let lotusSenders = "v=spf1 a:post.lotus.example ip6:::1 -all"
    static let lotusPolicy = "v=DMARC1; p=reject"

    /// Master files by the name of their zone.
    static let zones = [
        (
            "lotus.example",
            """
            $ORIGIN lotus.example.
            $TTL 300
            @       SOA   ns.example. hostmaster (
                          1       ; serial
                          3600 900 604800 60 )
                    NS    ns.example.
                    MX    10 post
                    TXT   "\(lotusSenders)"
            _dmarc  TXT   "\(lotusPolicy)"
            post    A     \(post.address)

            """
        ),
        (
            "iris.example",
            """
            $ORIGIN iris.example.
            $TTL 300
            @       SOA   ns.example. hostmaster ( 1 3600 900 604800 60 )
                    NS    ns.example.
                    MX    10 mx1
                    MX    20 mx2
            mx1     A     \(mx1.address)
            mx2     A     \(mx2.address)

            """
        ),
        (
            "example",
            """
            $ORIGIN example.
            $TTL 300
            @               SOA   ns hostmaster ( 1 3600 900 604800 60 )
                            NS    ns
            ns              A     \(names.address)
            lotus           NS    ns
            iris            NS    ns
            ; two exchangers with the same preference
            tandem          MX    10 left.tandem
            tandem          MX    10 right.tandem
            left.tandem     A     \(left.address)
            right.tandem    A     \(right.address)
            ; no MX at all
            plain           A     \(plain.address)
            six             AAAA  ::1
            ; no mail, please (RFC 7505)
            silent          MX    0 .
            ; an exchanger that is down
            lonely          MX    10 mx.lonely
            mx.lonely       A     \(absent.address)

            """
        ),
    ]

    /// The lines of the zone `example` in which a word stands.
    static func lines(of word: String) -> String {
        let text = zones.last?.1 ?? ""
        return text.split(separator: "\n").filter { $0.contains(word) && !$0.hasPrefix(";") }
            .joined(separator: "\n")
    }
}

extension DemoPlan.Host {
    var ip: IPAddress {
        get throws(CommandFailure) {
            guard let ip = IPAddress(address) else { throw .data("\(address) is no address") }
            return ip
        }
    }

    func at(_ port: UInt16) throws(CommandFailure) -> SocketAddress {
        SocketAddress(try ip, port: port)
    }

    /// What a server on this host is told.
    func settings(in folder: String, _ ports: DemoPlan.Ports) throws -> ServerSettings {
        var settings = ServerSettings(
            hostName: try Domain(name), dataFolder: "\(folder)/\(name)")
        settings.listen.smtp = [try at(ports.smtp)]
        settings.listen.submission = [try at(ports.submission)]
        settings.listen.submissions = [try at(ports.submissions)]
        settings.listen.pop3 = [try at(ports.pop3)]
        settings.listen.pop3s = [try at(ports.pop3s)]
        settings.sending.port = ports.smtp
        settings.sending.source = [try ip]
        // All come from this machine, and are strangers to each other.
        settings.trust.networks = []
        // Its zones are files: nobody would publish the keys.
        settings.signing.isAutomatic = false
        return settings
    }
}
