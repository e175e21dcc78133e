// SPDX-License-Identifier: Apache-2.0

import Bytes
import DMARC
import DNS
import Feedback
import Mail
import TransportSecurity

/// Finds out where reports may be sent.
struct ReportDestinations {
    let resolver: any Resolver

    /// A domain asks for reports at so many places; those behind are not served (RFC 9990 §3.5).
    static let maximumDestinations = 5

    /// Where a report may go, and whether it may be more when the DNS answers again.
    struct Finding: Equatable {
        var mail: [Address] = []
        var web: [String] = []
        var isTemporary = false
        /// Why nothing is sent.
        var reason = "no address that could be written to"
    }

    // MARK: DMARC

    /// The addresses of `rua` or `ruf` that accept reports about a domain (RFC 9990 §4).
    func verified(_ uris: [String], tag: String = "rua", for domain: String) async -> Finding {
        var finding = Finding()
        guard let policyDomain = Name(mailDomain: domain) else { return finding }
        // RFC 9990 §3.5: malformed ones are ignored, and do not count.
        let usable = uris.lazy.compactMap { uri -> (Address, Name)? in
            guard let address = Self.address(of: uri), let host = address.domain,
                let destination = Name(mailDomain: host.name)
            else { return nil }
            return (address, destination)
        }
        for (address, destination) in usable.prefix(Self.maximumDestinations) {
            switch await Organization.isShared(
                by: policyDomain, withAnyOf: [destination], resolver: resolver)
            {
            case true?: finding.add([address])
            case nil: finding.isTemporary = true
            case false?:
                await verify(address, destination, tag, policyDomain, &finding)
            }
        }
        return finding
    }

    private func verify(
        _ address: Address, _ destination: Name, _ tag: String, _ domain: Name,
        _ finding: inout Finding
    ) async {
        // RFC 9990 §4 steps 2 to 4.
        guard let suffix = destination.prepending("_dmarc".utf8)?.prepending("_report".utf8),
            let place = Name(labels: (domain.labels + suffix.labels).map { Array($0) })
        else { return finding.reason = "\(address): the name of its permission is too long" }
        let answer = await resolver.resolve(place, .txt)
        if case .failure = answer.outcome { return finding.isTemporary = true }
        // Steps 6 to 8.
        let records = answer.records.compactMap(\.textOctets).filter(PolicyRecord.isRecord)
        guard !records.isEmpty else {
            return finding.reason = "\(address) has not agreed to reports about \(domain)"
        }
        // Step 9: another address of the same host, in any of the records.
        let other = records.compactMap { PolicyRecord(parsing: $0) }.flatMap {
            tag == "ruf" ? $0.failureReports : $0.aggregateReports
        }
        guard !other.isEmpty else { return finding.add([address]) }
        let addresses = other.compactMap(\.address)
        guard addresses.count == other.count, addresses.allSatisfy({ $0.domain == address.domain })
        else { return finding.reason = "\(address) would have reports go to another host" }
        finding.add(addresses)
    }

    /// Whom a `mailto:` URI means (RFC 6068, without header fields).
    static func address(of uri: String) -> Address? {
        let text = uri.prefix { $0 != "?" && $0 != "!" }
        guard text.asciiLowercased.hasPrefix("mailto:") else { return nil }
        guard let octets = PercentEncoding.decode(text.utf8.dropFirst(7)) else { return nil }
        return try? Address(String(lossy: octets))
    }

    // MARK: TLSRPT

    /// Where a domain wants reports on TLS (RFC 8460 §3).
    func transport(for domain: String) async -> Finding {
        var finding = Finding()
        finding.reason = "the domain asks for no reports"
        guard
            let name = Name(mailDomain: domain)?.prepending("_tls".utf8)?
                .prepending("_smtp".utf8)
        else { return finding }
        let answer = await resolver.resolve(name, .txt)
        if case .failure = answer.outcome {
            finding.isTemporary = true
            return finding
        }
        let records = answer.records.compactMap(\.textOctets).filter {
            $0.starts(with: "v=TLSRPTv1;".utf8)
        }
        // If there is not just one, the domain does not implement TLSRPT.
        guard records.count == 1, let record = try? TLSReportingRecord(parsing: records[0]) else {
            return finding
        }
        for uri in record.addresses.prefix(Self.maximumDestinations) {
            if let address = Self.address(of: uri) {
                finding.add([address])
            } else {
                finding.web.append(uri)
            }
        }
        finding.reason = "no address that could be written to"
        return finding
    }
}

extension ReportDestinations.Finding {
    fileprivate mutating func add(_ addresses: [Address]) {
        for address in addresses
        where !mail.contains(address) && mail.count < ReportDestinations.maximumDestinations {
            mail.append(address)
        }
    }
}

extension ResourceRecord {
    /// Of a TXT record the character-strings, joined.
    fileprivate var textOctets: [UInt8]? {
        guard case .txt(let strings) = data else { return nil }
        return Array(strings.joined())
    }
}

extension Substring {
    fileprivate var asciiLowercased: String { String(self).asciiLowercased }
}
