// SPDX-License-Identifier: Apache-2.0

import ARC
import Bytes
package import DKIM
import DNS
import Journal
package import Logging
package import Mail
package import MessageAuthentication

/// Finds out who sent what strangers bring, and says what is done with it.
package struct Inspector: Sendable {
    let examiner: MessageExaminer
    let policy: InboundPolicy
    /// Whether a stranger must name a sender's domain that is there.
    package var requiresSenderDomain = true
    /// The key by which a domain here seals what it forwards (RFC 8617); nil: it has none.
    package var sealer: @Sendable (Domain) async -> Signer.Identity? = { _ in nil }
    /// Told of each message that was examined, for reports to its author's domain.
    package var note: @Sendable (Findings, InboundPolicy.Decision) -> Void = { _, _ in }
    /// Told of each such message with its header, if its author's domain may want a report on that
    /// one message (RFC 9991); nil: nobody sends any.
    package var report: (@Sendable (Findings, InboundPolicy.Decision, _ header: [UInt8]) -> Void)?
    let log: Logger

    package init(_ examiner: MessageExaminer, policy: InboundPolicy, log: Logger) {
        self.examiner = examiner
        self.policy = policy
        self.log = log
    }

    /// Begins with a message whose header has come; `kept` is what goes on of it.
    ///
    /// `forwarder` is the domain here that passes it on to another one.
    func inspect(
        header: [UInt8], kept: [UInt8], of sender: SenderFacts, forwardedBy forwarder: Domain?
    ) async -> Inspection {
        var identity: Signer.Identity?
        if let forwarder { identity = await sealer(forwarder) }
        return Inspection(header: header, kept: kept, of: sender, by: self, sealedBy: identity)
    }
}

/// The inspection of one message while it comes.
struct Inspection {
    private let inspector: Inspector
    private let sender: SenderFacts
    private let kept: [UInt8]
    private let identity: Signer.Identity?
    /// For reports; empty if there are none.
    private let header: [UInt8]
    private var examination: MessageExamination
    private var sealing: Sealing?

    /// Of the recipients' domains so many are asked for their exchangers.
    private static let maximumDomains = 5

    /// What came of it.
    struct Result {
        /// The field that says what was found.
        let results: [UInt8]
        /// To stand above the message: that field, and the one for SPF.
        var fields: [UInt8]
        var decision: InboundPolicy.Decision
        /// Set: nothing of ours answers its reverse-path.
        var forgery: Envelope.Forgery?
        /// What the journal keeps.
        var facts: [Fact.Field]
        let findings: Findings
    }

    init(
        header: [UInt8], kept: [UInt8], of sender: SenderFacts, by inspector: Inspector,
        sealedBy identity: Signer.Identity?
    ) {
        self.inspector = inspector
        self.sender = sender
        self.kept = identity == nil ? [] : kept
        self.identity = identity
        self.header = inspector.report == nil ? [] : header
        examination = inspector.examiner.examine(header: header)
        sealing = identity.map { Self.sealing($0, inspector.examiner) }
    }

    private static func sealing(
        _ identity: Signer.Identity, _ examiner: MessageExaminer
    ) -> Sealing {
        var settings = Sealing.Settings(authservID: examiner.authservID, identity: identity)
        settings.time = examiner.now
        return Sealing(settings: settings, cryptography: examiner.cryptography)
    }

    /// Takes the next piece of the body.
    mutating func update(_ piece: ArraySlice<UInt8>) {
        examination.update(piece)
        piece.withUnsafeBytes { sealing?.update($0) }
    }

    /// The body is complete.
    ///
    /// `domains` are those of the recipients: their exchangers may bring what they hold for us.
    mutating func conclude(for domains: [Domain]) async -> Result {
        let findings = await examination.finish(sender)
        var decision = inspector.policy.decision(on: findings)
        if decision.action != .accept { await hearFellows(of: domains, &decision) }
        // What is put off comes again, and is reported on then.
        if decision.action != .postpone {
            inspector.note(findings, decision)
            inspector.report?(findings, decision, header)
        }
        let authservID = inspector.examiner.authservID
        let results = findings.authenticationResults(authservID: authservID)
        var facts = [Fact.Field(.results, findings.summary)]
        if decision.action != .accept, let reason = decision.reason {
            facts.append(Fact.Field(.verdict, reason))
        }
        return Result(
            results: results, fields: results + sender.receivedSPF(receiver: authservID),
            decision: decision,
            forgery: await inspector.policy.forgery(
                in: findings, resolver: inspector.examiner.resolver),
            facts: facts, findings: findings)
    }

    /// A backup exchanger has judged the message when it took it, from who brought it there.
    private func hearFellows(
        of domains: [Domain], _ decision: inout InboundPolicy.Decision
    ) async {
        let fellow = FellowExchanger(inspector.examiner.resolver)
        for domain in domains.prefix(Self.maximumDomains) {
            guard let name = try? Name(domain.name) else { continue }
            switch await fellow.brings(sender.client, mailOf: name) {
            case true?:
                return decision.overrule(
                    .init(
                        kind: .trustedForwarder, comment: "the client is an exchanger of \(domain)"
                    ))
            case false?: break
            case nil: decision.postpone(until: "whether the client is an exchanger of \(domain)")
            }
        }
    }

    /// The set of fields that vouches for what we found, where the message goes on to others; to
    /// stand above everything else.
    ///
    /// `header` and `body`: what filters have put in the place of those that came.
    mutating func seal(_ result: Result, header: [UInt8]?, body: [UInt8]?) -> [UInt8] {
        guard let identity else { return [] }
        if let body {
            sealing = Self.sealing(identity, inspector.examiner)
            body.withUnsafeBytes { sealing?.update($0) }
        }
        let chain = ReceivedChain(FieldList(result.results + (header ?? kept)))
        do {
            return try sealing?.finish(chain, result.findings.chain.status).flatMap { $0 } ?? []
        } catch {
            inspector.log.warning("a forwarded message was not sealed: \(error)")
            return []
        }
    }
}
