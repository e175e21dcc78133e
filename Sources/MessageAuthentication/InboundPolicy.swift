// SPDX-License-Identifier: Apache-2.0

import ARC
package import Bytes
import DKIM
import DMARC
import DNS
import SPF

/// What is done with a message, given what was found out about its sender.
///
/// The domain's owner states a policy (RFC 9989); the last word has the receiver (§5.4), who says
/// in its reports why it did otherwise.
package struct InboundPolicy: Sendable, Hashable {
    /// Whether messages are rejected and put aside as domains ask; else it is only said.
    package var isEnforced = true
    /// Domains whose ARC seals are believed: what the first of a chain found then counts.
    package var trustedSealers: Set<String> = []
    /// Domains of mailing lists and forwarders: what they sign, or send from their own hosts, is
    /// taken although they have changed it.
    package var knownForwarders: Set<String> = []
    /// Whose messages are never rejected or put aside: programs of this site.
    package var ownNetworks: [IPNetwork] = []

    package init() {}

    /// What is done.
    package enum Action: String, Hashable, Sendable {
        case accept = "none"
        case quarantine
        case reject
        /// Its sender is asked to come again: the DNS does not say now what it must say.
        case postpone = "defer"
    }

    /// Why a domain's policy was not followed (RFC 9990, PolicyOverrideType).
    package struct Override: Hashable, Sendable {
        /// The words of the report.
        package enum Kind: String, Hashable, Sendable {
            case localPolicy = "local_policy"
            case mailingList = "mailing_list"
            case trustedForwarder = "trusted_forwarder"
        }

        package var kind: Kind
        package var comment: String

        package init(kind: Kind, comment: String) {
            self.kind = kind
            self.comment = comment
        }
    }

    /// An action with its reason.
    package struct Decision: Hashable, Sendable {
        package var action: Action
        /// A sentence for people; nil for a message about which there is nothing to say.
        package var reason: String?
        package var override: Override?

        /// Takes the message all the same.
        package mutating func overrule(_ override: Override) {
            action = .accept
            reason = (reason ?? "") + "; taken all the same: " + override.comment
            self.override = override
        }

        /// Asks a sender to come again instead of refusing the message: the DNS does not say now
        /// what may speak for it.
        package mutating func postpone(until question: String) {
            guard action == .reject else { return }
            action = .postpone
            reason = (reason ?? "") + "; it cannot be found out now \(question)"
        }
    }

    /// Decides; the result is the same for the same findings.
    package func decision(on findings: Findings) -> Decision {
        let dmarc = findings.dmarc
        if dmarc.result == .temperror { return postponement(of: findings) }
        let wanted = Action(rawValue: dmarc.disposition.rawValue) ?? .accept
        guard wanted != .accept else { return Decision(action: .accept) }
        let domain = dmarc.authorDomain.map { String(lossy: $0.dotted) } ?? "its author"
        let reason = """
            neither SPF nor DKIM shows that it comes from \(domain), \
            whose policy says \(wanted.rawValue)
            """
        var decision = Decision(action: wanted, reason: reason)
        if let override = override(for: findings) {
            decision.overrule(override)
        } else if let open = openQuestion(in: findings) {
            decision.postpone(until: open)
        }
        return decision
    }

    /// What might speak for a message, if the DNS said more; nil: nothing.
    private func openQuestion(in findings: Findings) -> String? {
        if findings.chain.isTemporary, !trustedSealers.isEmpty {
            return "whether its ARC chain holds"
        }
        let unsure =
            findings.signatures.filter { $0.result == .temperror }.compactMap(\.domain)
            + (findings.sender.mailFrom.result == .temperror
                ? [findings.sender.mailFromDomain] : [])
        return unsure.first { knownForwarders.contains($0.lowercased()) }
            .map { "whether it comes by \($0)" }
    }

    /// RFC 9989 §4.10.1, §5.3.6: neither passed nor failed.
    ///
    /// It is put off rather than taken, if it may be one that the policy rejects: else whoever forges
    /// had only to wait for a fault. A domain whose policy cannot be found does not lose what is
    /// plainly its own.
    private func postponement(of findings: Findings) -> Decision {
        let dmarc = findings.dmarc
        // A domain at the top asks for nothing but for names that are not there, if for anything:
        // its faults would put off the mail of all below it.
        let mayReject =
            dmarc.unansweredDomain.map { $0.labels.count > 1 }
            ?? (dmarc.policy ?? .reject == .reject)
        guard mayReject, let author = dmarc.authorDomain,
            !vouchers(of: findings).contains(String(lossy: author.lowercased.dotted))
        else { return Decision(action: .accept) }
        var decision = Decision(
            action: .postpone,
            reason: """
                it cannot be found out now whether it comes from \(String(lossy: author.dotted))\
                \(dmarc.problem.map { ": \($0)" } ?? "")
                """)
        if let override = override(for: findings) { decision.overrule(override) }
        return decision
    }

    private func override(for findings: Findings) -> Override? {
        if ownNetworks.contains(where: { $0.contains(findings.sender.client) }) {
            return Override(kind: .localPolicy, comment: "the client is in a network of this site")
        }
        let forwarder = vouchers(of: findings).first { knownForwarders.contains($0) }
        if let forwarder {
            return Override(
                kind: .mailingList, comment: "it came by \(forwarder), which forwards mail")
        }
        if findings.chain.status == .pass, !findings.chain.sealers.isEmpty,
            findings.chain.sealers.allSatisfy(trustedSealers.contains),
            findings.chain.originResults.contains(where: {
                $0.shows(author: findings.dmarc.authorDomain)
            })
        {
            let sealers = findings.chain.sealers.joined(separator: ", ")
            return Override(
                kind: .trustedForwarder,
                comment: "arc=pass, and the first of the sealers \(sealers) knew its author")
        }
        guard isEnforced else {
            return Override(kind: .localPolicy, comment: "policies are only noted here")
        }
        return nil
    }

    /// The domains that proved to have had the message in their hands.
    private func vouchers(of findings: Findings) -> [String] {
        var domains = findings.signatures.filter { $0.result == .pass }.compactMap {
            $0.domain?.lowercased()
        }
        if findings.sender.mailFrom.result == .pass {
            domains.append(findings.sender.mailFromDomain.lowercased())
        }
        return domains
    }
}

extension String {
    /// Whether this `resinfo` (RFC 8601 §2.2) says that the method has passed.
    fileprivate func isPassOf(_ method: String) -> Bool {
        let word = prefix { !$0.isWhitespace }.lowercased()
        return word == "\(method)=pass"
    }

    /// Whether it says that DMARC passes, for that author if it names one, or that SPF or a signature
    /// passes for just that domain: the same, where the sealer could not find the policy.
    fileprivate func shows(author: Name?) -> Bool {
        guard let author else { return false }
        let property: String
        let isDMARC = isPassOf("dmarc")
        if isDMARC {
            property = "header.from="
        } else if isPassOf("spf") {
            property = "smtp.mailfrom="
        } else if isPassOf("dkim") {
            property = "header.d="
        } else {
            return false
        }
        let domain = String(lossy: author.lowercased.dotted)
        let values = withoutCommentsAndQuotes.lowercased().split(whereSeparator: \.isWhitespace)
            .filter { $0.hasPrefix(property) }.map { $0.dropFirst(property.count) }
        if isDMARC, values.isEmpty { return true }
        return values.count == 1 && values[0].split(separator: "@").last.map(String.init) == domain
    }

    /// What a sender has written may stand in comments and quoted strings.
    private var withoutCommentsAndQuotes: String {
        var kept = ""
        var (depth, isQuoted, isEscaped) = (0, false, false)
        for character in unicodeScalars {
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" && depth == 0 {
                isQuoted.toggle()
            } else if isQuoted {
                continue
            } else if character == "(" {
                depth += 1
            } else if character == ")" {
                depth = max(0, depth - 1)
            } else if depth == 0 {
                kept.unicodeScalars.append(character)
            }
        }
        return kept
    }
}
