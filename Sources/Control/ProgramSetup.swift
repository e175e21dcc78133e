// SPDX-License-Identifier: Apache-2.0

import Autoconfiguration
import Bytes
import Directory
import Mail
import ZoneCheck

/// `domain.setup`: what a person types into a mail program for accounts of a domain.
struct ProgramSetup {
    let registry: Registry
    let host: MailHost?
    let language: Language

    static let name = "domain.setup"

    func perform(_ arguments: Arguments) async throws -> JSON {
        let domain = try arguments.domain("domain")
        guard try await registry.domains().contains(where: { $0.name == domain }) else {
            throw ControlFailure.usage("the domain \(domain) is not hosted here")
        }
        guard let host, let name = try? Domain("\(host.name)") else {
            throw ControlFailure.usage("the name of this host is none that programs can look up")
        }
        let setup = MailSetup(domain: domain, host: name, servers: host.servers)
        var answer: [(String, JSON)] = [
            ("domain", .string(domain.name)), ("host", .string(name.name)),
            ("servers", .array(setup.servers.map(\.json))),
            (
                "instructions",
                .array(
                    setup.instructions(in: language).map {
                        ["label": .string($0.label), "text": .string($0.text)]
                    })
            ),
            ("autoconfig", .string(setup.clientConfiguration)),
            ("pacc", .string(setup.userAgentConfiguration)),
        ]
        if let address = try arguments.optionalAddress("address") {
            answer.append(("autodiscover", .string(setup.autodiscoverResponse(for: address))))
            answer.append(("mobileconfig", JSON(setup.appleProfile(for: address))))
        }
        return .object(answer)
    }
}

extension MailHost {
    fileprivate var servers: [MailSetup.Server] {
        services.compactMap { service, port in
            let kind: MailSetup.Service =
                switch service {
                case .submissions: .submissions
                case .submission: .submission
                case .imaps: .imaps
                case .imap: .imap
                case .pop3s: .pop3s
                case .pop3: .pop3
                case .sieve: .managesieve
                }
            return MailSetup.Server(kind, port: port)
        }
    }
}

extension MailSetup.Server {
    fileprivate var json: JSON {
        [
            "service": .string(service.rawValue), "port": .integer(Int64(port)),
            "tls": .string(service.isImplicit ? "implicit" : "starttls"),
        ]
    }
}
