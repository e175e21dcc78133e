// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import LiveWorld
import Mail
import Settings

/// Whether the DNS leads here, and back: what other servers look at before they take our mail.
struct NameChecks {
    private let settings: ServerSettings
    private let resolver: any Resolver

    init(_ settings: ServerSettings, _ resolver: any Resolver) {
        self.settings = settings
        self.resolver = resolver
    }

    // MARK: This host

    func host() async -> [Finding] {
        guard let name = try? Name(settings.hostName.name) else { return [] }
        var findings: [Finding] = []
        var addresses: [IPAddress] = []
        for type in [RecordType.a, .aaaa] {
            let answer = await resolver.resolve(name, type)
            if case .failure(let failure) = answer.outcome {
                findings.append(
                    Finding(
                        .warning, "address", "the addresses of \(name) are not known: \(failure)"))
            }
            addresses += answer.records.compactMap(\.data.address)
        }
        guard !addresses.isEmpty else {
            guard findings.isEmpty else { return findings }
            return [
                Finding(
                    .error, "address", "\(name) has neither an A nor an AAAA record",
                    advice: "publish \(name) with the public address of this host")
            ]
        }
        for address in addresses {
            findings.append(ownership(of: address, name))
            findings.append(await reverse(of: address, name))
        }
        return findings
    }

    private func ownership(of address: IPAddress, _ name: Name) -> Finding {
        let listening = settings.listen.all.map(\.address.host)
        let own = listening + settings.publicAddresses + MachineFacts.addresses
        guard own.contains(address) else {
            return Finding(
                .warning, "address", "\(name) has the address \(address), which is not this host's",
                advice:
                    "behind a translating router list it in `public-addresses`; else correct the zone"
            )
        }
        return Finding(.fine, "address", "\(name) has the address \(address) of this host")
    }

    /// The address points back to the name; many servers refuse mail without it.
    private func reverse(of address: IPAddress, _ name: Name) async -> Finding {
        guard !address.isLoopback, let question = address.reverseName else {
            return Finding(.fine, "reverse", "\(address) is seen by this machine alone")
        }
        let answer = await resolver.resolve(question, .ptr)
        let names = answer.records.compactMap { record -> Name? in
            if case .ptr(let target) = record.data { target } else { nil }
        }
        let advice = "ask whoever gave you \(address) to let it point to \(name)"
        switch answer.outcome {
        case .failure(let failure):
            return Finding(.warning, "reverse", "PTR of \(address) is not known: \(failure)")
        case .nameError, .noData:
            return Finding(
                .warning, "reverse",
                "\(address) points to no name: many servers refuse mail from it", advice: advice)
        case .records:
            guard names.contains(name) else {
                let found = names.map(\.description).sorted().joined(separator: ", ")
                return Finding(
                    .warning, "reverse", "\(address) points to \(found), not to \(name)",
                    advice: advice)
            }
            return Finding(.fine, "reverse", "\(address) points back to \(name)")
        }
    }

    // MARK: Domains

    func domains(_ domains: [String], relays: [String]) async -> [Finding] {
        guard !domains.isEmpty || !relays.isEmpty else {
            return [
                Finding(
                    .warning, "domains", "no domain is set up",
                    advice: "`postreiter domain add DOMAIN` adds one")
            ]
        }
        var findings: [Finding] = []
        for domain in (domains + relays).compactMap({ try? Name($0) }) {
            findings.append(await exchangers(of: domain))
        }
        return findings
    }

    private func exchangers(of domain: Name) async -> Finding {
        let answer = await resolver.resolve(domain, .mx)
        let own = ([settings.hostName] + settings.alsoKnownAs).compactMap { try? Name($0.name) }
        let advice = "publish: \(domain). MX 10 \(settings.hostName)."
        switch answer.outcome {
        case .failure(let failure):
            return Finding(.warning, "dns", "the MX records of \(domain) are not known: \(failure)")
        case .nameError:
            return Finding(
                .error, "dns", "\(domain) does not exist in the DNS",
                advice: "register the domain, or correct its delegation")
        case .noData:
            return Finding(.error, "dns", "\(domain) has no MX record", advice: advice)
        case .records:
            let exchanges = answer.records.compactMap { record -> Name? in
                if case .mx(let mx) = record.data { mx.exchange } else { nil }
            }
            if exchanges.contains(where: own.contains) {
                return Finding(.fine, "dns", "the MX records of \(domain) name this host")
            }
            let names = exchanges.map(\.description).sorted().joined(separator: ", ")
            return Finding(
                .error, "dns",
                "the MX records of \(domain) name \(names), not \(settings.hostName):"
                    + " mail will not arrive here", advice: advice)
        }
    }
}

extension RecordData {
    fileprivate var address: IPAddress? {
        switch self {
        case .a(let address): .v4(address)
        case .aaaa(let address): .v6(address)
        default: nil
        }
    }
}

extension IPAddress {
    /// RFC 1035 §3.5 and RFC 3596 §2.5.
    fileprivate var reverseName: Name? {
        if isIPv4 {
            let labels = octets.reversed().map { String($0) }
            return try? Name((labels + ["in-addr.arpa"]).joined(separator: "."))
        }
        let nibbles = octets.reversed().flatMap { [$0 & 15, $0 >> 4] }
        let labels = nibbles.map { String($0, radix: 16) }
        return try? Name((labels + ["ip6.arpa"]).joined(separator: "."))
    }
}
