// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// The records that a hosted domain's mail needs, derived from the facts alone.
struct MailTemplate: Sendable {
    /// A place in the zone and what it should hold.
    struct Entry: Sendable {
        let purpose: TemplatePurpose
        let owner: Name
        let type: RecordType
        let data: [RecordData]

        var place: TemplatePlace { TemplatePlace(owner, type, data[0]) }
        var marks: [ManagedRecord] {
            data.map { ManagedRecord(owner: owner, type: type, data: $0) }
        }
    }

    private(set) var entries: [Entry] = []
    /// What is left out, and why.
    private(set) var notes: [TemplateNote] = []
    private let origin: Name

    /// `hosts` are shared by all domains; only those within the zone get records.
    init(_ domains: [MailFacts], hosts: [HostFacts], origin: Name) {
        self.origin = origin
        for facts in domains {
            addSigningKeys(facts)
            guard !facts.concernsKeysOnly else { continue }
            addExchangers(facts)
            addPolicies(facts)
            addTransportPolicy(facts)
            addServices(facts)
            addAutoconfiguration(facts)
            if !facts.hasPostmaster { notes.append(.postmasterMissing(facts.domain)) }
        }
        for host in hosts { addHost(host) }
    }

    private mutating func add(
        _ purpose: TemplatePurpose, _ owner: Name?, _ type: RecordType, _ data: [RecordData]
    ) {
        guard let owner, !data.isEmpty, owner.isEqualOrBelow(origin) else { return }
        var once: [RecordData] = []
        for data in data where !once.contains(data) { once.append(data) }
        let entry = Entry(purpose: purpose, owner: owner, type: type, data: once)
        guard !entries.contains(where: { $0.place == entry.place }) else { return }
        entries.append(entry)
    }

    private mutating func addText(_ purpose: TemplatePurpose, _ owner: Name?, _ text: String) {
        add(purpose, owner, .txt, [.txt(ManagedRecord.cut(Array(text.utf8)))])
    }

    private mutating func addExchangers(_ facts: MailFacts) {
        add(
            .exchangers, facts.domain, .mx,
            facts.exchangers.map { .mx(MX(preference: $0.preference, exchange: $0.host)) })
        // RFC 7208 §5.4: mail of the domain comes from where its mail goes.
        if !facts.exchangers.isEmpty { addText(.senders, facts.domain, "v=spf1 mx -all") }
    }

    private mutating func addSigningKeys(_ facts: MailFacts) {
        for key in facts.signingKeys {
            // RFC 6376 §3.6.2.1.
            addText(.signingKey, facts.domain.child("\(key.selector)._domainkey"), key.text)
        }
    }

    private mutating func addPolicies(_ facts: MailFacts) {
        if facts.signingKeys.isEmpty { notes.append(.noSigningKey(facts.domain)) }
        var policy = "v=DMARC1; p=\(facts.disposition.rawValue)"
        if let address = facts.reportsTo { policy += "; rua=mailto:\(address)" }
        addText(.alignment, facts.domain.child("_dmarc"), policy)
        if let address = facts.reportsTo {
            // RFC 8460 §3.
            addText(
                .transportReports, facts.domain.child("_smtp._tls"),
                "v=TLSRPTv1; rua=mailto:\(address)")
        }
    }

    private mutating func addTransportPolicy(_ facts: MailFacts) {
        guard let policy = facts.transportPolicy else {
            return notes.append(.noTransportPolicy(facts.domain))
        }
        // RFC 8461 §3.1; a CNAME may lead to who serves the policy (§8.2).
        addText(
            .transportPolicy, facts.domain.child("_mta-sts"),
            "v=STSv1; id=\(policy.identifier);")
        if let host = policy.host {
            add(.transportPolicyHost, facts.domain.child("mta-sts"), .cname, [.cname(host)])
        }
    }

    private mutating func addServices(_ facts: MailFacts) {
        for service in MailFacts.Service.allCases {
            let offers = facts.offers.filter { $0.service == service }
            // RFC 6186 §3.4: what is preferred has the lower priority; TLS from the first octet
            // (RFC 8314 §3.3), and IMAP before POP3.
            let priority: UInt16 =
                switch service {
                case .submissions, .imaps, .sieve: 0
                case .submission, .imap, .pop3s: 10
                case .pop3: 20
                }
            var data: [RecordData] = offers.map {
                .srv(SRV(priority: priority, weight: 1, port: $0.port, target: $0.host))
            }
            // RFC 6186 §3.4, RFC 2782: what is not offered, where anything is.
            if data.isEmpty, !facts.offers.isEmpty {
                data = [.srv(SRV(priority: 0, weight: 0, port: 0, target: .root))]
            }
            add(.service, facts.domain.child("_\(service.rawValue)._tcp"), .srv, data)
        }
    }

    private mutating func addAutoconfiguration(_ facts: MailFacts) {
        guard let host = facts.autoconfigurationHost else {
            return notes.append(.noAutoconfiguration(facts.domain))
        }
        for label in ["autoconfig", "autodiscover", "ua-auto-config"] {
            add(.autoconfiguration, facts.domain.child(label), .cname, [.cname(host)])
        }
        // Outlook's way to a certificate that is not for the domain's own names.
        add(
            .autoconfiguration, facts.domain.child("_autodiscover._tcp"), .srv,
            [.srv(SRV(priority: 0, weight: 1, port: 443, target: host))])
    }

    private mutating func addHost(_ host: HostFacts) {
        add(.address, host.name, .a, host.addresses.compactMap { $0.isIPv4 ? $0.data : nil })
        add(.address, host.name, .aaaa, host.addresses.compactMap { $0.isIPv4 ? nil : $0.data })
        // RFC 6698 §3, RFC 7672 §3.
        add(
            .association, host.name.child("_25._tcp"), .tlsa,
            host.associations.map { .tlsa($0) })
    }
}

/// What records of a template are for.
package enum TemplatePurpose: String, Hashable, Sendable {
    case exchangers = "mx"
    case senders = "spf"
    case signingKey = "dkim"
    case alignment = "dmarc"
    case transportPolicy = "mta-sts"
    case transportPolicyHost = "mta-sts-host"
    case transportReports = "tlsrpt"
    case service = "srv"
    case autoconfiguration = "autoconfig"
    case address
    case association = "tlsa"
    case postmaster
}

extension Name {
    /// Labels, with dots between them, in front of the name; nil if that is too long.
    fileprivate func child(_ labels: String) -> Name? {
        labels.split(separator: ".").reversed().reduce(Optional(self)) { name, label in
            name?.prepending(label.utf8)
        }
    }
}

extension IPAddress {
    fileprivate var data: RecordData {
        switch self {
        case .v4(let address): .a(address)
        case .v6(let address): .aaaa(address)
        }
    }
}
