// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DKIM
package import DNS
import MIME
import Mail

/// Whose a message says it is: the domains of its From field (RFC 9989 §5.3.1).
package struct AuthorDomains: Hashable, Sendable {
    /// Each once, in lower-case A-labels, in the order in which they stand there; those of
    /// addresses in groups too.
    package private(set) var domains: [Name] = []
    /// From fields; a message has exactly one (RFC 5322 §3.6).
    package private(set) var fields = 0
    /// An address has a domain that is none, or there are more addresses than are looked at.
    package private(set) var isIncomplete = false

    /// A domain that is known without a message.
    package init(_ domain: Name) {
        domains = [domain.lowercased]
        fields = 1
    }

    /// Of more From fields than that, which no message may have, only these are looked at.
    private static let maximumFields = 4
    /// Domains beyond are not looked at (RFC 9989 §11.5): each costs up to nine questions.
    package static let maximumDomains = 8

    /// Reads the From fields of a header.
    package init(_ header: FieldList) {
        let found = header.all(named: "from".utf8)
        fields = found.count
        isIncomplete = found.count > Self.maximumFields
        for field in found.prefix(Self.maximumFields) {
            var defects = DefectList()
            let list = AddressList(field.value, defects: &defects)
            for participant in list.participants { take(participant) }
        }
    }

    private mutating func take(_ participant: Participant) {
        // An address literal has no domain that could ask for anything.
        guard !participant.domain.isEmpty, !participant.domain.hasPrefix("[") else { return }
        guard let domain = Name(mailDomain: participant.domain) else { return isIncomplete = true }
        guard !domains.contains(domain) else { return }
        guard domains.count < Self.maximumDomains else { return isIncomplete = true }
        domains.append(domain)
    }
}

extension Name {
    /// A domain as mail writes it, in A-labels or U-labels (RFC 5890 §2.3), in lower case; nil
    /// for what is no domain name.
    package init?(mailDomain text: some StringProtocol) {
        var ascii = String(text)
        if !ascii.isASCII {
            guard let labels = try? InternationalDomain.toASCII(ascii) else { return nil }
            ascii = labels
        }
        self.init(dotted: ascii.asciiLowercased.utf8)
    }
}
