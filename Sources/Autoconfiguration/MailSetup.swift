// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

/// What a mail program must know to use the accounts of a hosted domain.
///
/// It tells nothing of single accounts, not even whether there is one.
package struct MailSetup: Hashable, Sendable {
    /// What is served, the better first.
    package enum Service: String, Hashable, Sendable, CaseIterable {
        case imaps, imap, pop3s, pop3, submissions, submission, managesieve

        /// TLS from the first octet (RFC 8314 §3); the others begin it by a command.
        package var isImplicit: Bool { [.imaps, .pop3s, .submissions].contains(self) }

        /// As people call it.
        var title: String {
            switch self {
            case .imaps, .imap: "IMAP"
            case .pop3s, .pop3: "POP3"
            case .submissions, .submission: "SMTP"
            case .managesieve: "ManageSieve"
            }
        }

        /// RFC 8314 §7.1 and others: where programs look unless told otherwise.
        var usualPort: UInt16 {
            switch self {
            case .imaps: 993
            case .imap: 143
            case .pop3s: 995
            case .pop3: 110
            case .submissions: 465
            case .submission: 587
            case .managesieve: 4190
            }
        }
    }

    /// One place to connect to.
    package struct Server: Hashable, Sendable {
        package var service: Service
        package var port: UInt16

        package init(_ service: Service, port: UInt16) {
            self.service = service
            self.port = port
        }
    }

    package let domain: Domain
    /// The name in the certificate.
    package let host: Domain
    /// In the order of `Service`, each once.
    package let servers: [Server]

    /// Of several servers of a kind one at its usual port is told of, else the first.
    package init(domain: Domain, host: Domain, servers: [Server]) {
        self.domain = domain
        self.host = host
        self.servers = Service.allCases.compactMap { service in
            let all = servers.filter { $0.service == service }
            return all.first { $0.port == service.usualPort } ?? all.first
        }
    }

    /// To read mail from, the better first.
    var incoming: [Server] { servers.filter { ["IMAP", "POP3"].contains($0.service.title) } }
    /// To send mail through.
    var outgoing: [Server] { servers.filter { $0.service.title == "SMTP" } }

    func server(_ services: Service...) -> Server? {
        services.compactMap { service in servers.first { $0.service == service } }.first
    }
}

/// Text within documents of programs.
enum Markup {
    /// As character data or within quotes (XML 1.0 §2.4); what XML cannot hold is left out.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&apos;"
            case "\u{0}"..."\u{8}", "\u{B}", "\u{C}", "\u{E}"..."\u{1F}", "\u{FFFE}", "\u{FFFF}":
                break
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
