// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DMARC
package import DNS
package import Mail
import SPF

extension InboundPolicy {
    /// By which check a message's reverse-path counts as forged, so that nothing answers it: what
    /// we say of ourselves would go to somebody who has sent nothing (backscatter).
    ///
    /// Not so what this site's own networks bring. A result other than `fail` says nothing, and what
    /// the DNS does not say now vouches for nobody.
    package func forgery(
        in findings: Findings, resolver: any Resolver
    ) async -> Envelope.Forgery? {
        guard findings.sender.reversePath != .null,
            !ownNetworks.contains(where: { $0.contains(findings.sender.client) })
        else { return nil }
        if findings.dmarc.result == .fail { return .dmarc }
        guard findings.sender.mailFrom.result == .fail else { return nil }
        guard let domain = findings.sender.domain else { return .spf }
        let isVouchedFor = await Organization.isShared(
            by: domain, withAnyOf: findings.provenDomains, resolver: resolver)
        return isVouchedFor == true ? nil : .spf
    }
}

extension Findings {
    /// Those that a signature or DMARC shows to stand behind the message.
    fileprivate var provenDomains: [Name] {
        var domains = signatures.filter { $0.result == .pass }.compactMap {
            $0.domain.flatMap { Name(mailDomain: $0) }
        }
        if dmarc.result == .pass, let author = dmarc.authorDomain { domains.append(author) }
        return domains
    }
}
