// SPDX-License-Identifier: Apache-2.0

import Directory
import Journal
import Logging
import MIME
import Mail
import MessageStore
import Metrics
import Spool
import Storage
import Tenancy
import World

/// What a batch puts into accounts with a quota, before the store knows of it.
struct QuotaTally {
    private var added: [String: Mailboxes.Usage] = [:]

    func apply(to standing: inout QuotaStanding) {
        for index in standing.roots.indices {
            guard let more = added[standing.roots[index].name] else { continue }
            standing.roots[index].usage.octets += more.octets
            standing.roots[index].usage.messages += more.messages
        }
    }

    mutating func add(_ octets: Int64, messages: Int64, to standing: QuotaStanding) {
        for root in standing.roots {
            added[root.name, default: .init(messages: 0, octets: 0)].octets += octets
            added[root.name, default: .init(messages: 0, octets: 0)].messages += messages
        }
    }
}

// Into mailboxes that may not hold everything.
extension Deliverer {
    /// Whether an account may keep copies of these sizes; if not, that is concluded.
    ///
    /// Returns what is to be told of it: nil if there is no room.
    func admit(
        _ sizes: [Int], of recipient: DueRecipient, to account: AccountID,
        _ conclusions: inout Conclusions
    ) async -> [QuotaCrossing]? {
        let address = "\(recipient.address)"
        do {
            let (verdict, crossings) = try await room(for: sizes, of: account, &conclusions)
            switch verdict {
            case .fits: return crossings
            case .full:
                let text = Diagnosis.mailboxFull.text(address)
                conclusions.add(recipient, .transient(.init(EnhancedStatus(4, 2, 2), text)))
            case .neverFits:
                let text = Diagnosis.mailboxTooSmall.text(address)
                conclusions.add(recipient, .permanent(.init(EnhancedStatus(5, 2, 2), text)))
            }
        } catch {
            log.error("the quota of \(address) cannot be read, it waits: \(error)")
            conclusions.add(
                recipient,
                .transient(.init(EnhancedStatus(4, 3, 0), Diagnosis.directorySilent.text())))
        }
        return nil
    }

    /// Whether an account may keep messages of these sizes; if so they are counted already, and it
    /// is said what is to be told of it.
    func room(
        for sizes: [Int], of account: AccountID, _ conclusions: inout Conclusions
    ) async throws -> (verdict: QuotaStanding.Verdict, crossings: [QuotaCrossing]) {
        guard let quotas, let largest = sizes.max(),
            var standing = try await quotas.standing(of: account)
        else { return (.fits, []) }
        conclusions.tally.apply(to: &standing)
        let octets = sizes.reduce(0) { $0 + Int64($1) }
        let messages = Int64(sizes.count)
        let verdict = standing.verdict(
            adding: octets, messages: messages, largest: Int64(largest))
        guard verdict == .fits else { return (verdict, []) }
        conclusions.tally.add(octets, messages: messages, to: standing)
        return (.fits, quotas.crossings(of: standing, adding: octets, messages: messages))
    }

    /// Logs and counts what is reached, and tells whom it concerns.
    func warnings(of crossings: [QuotaCrossing]) async -> [Conclusion.Notice] {
        var notices: [Conclusion.Notice] = []
        for crossing in crossings where crossing.threshold > 0 {
            let root = crossing.root
            log.warning("\(root.name) has used \(crossing.threshold) % of its quota")
            counters.warn(crossing.threshold)
            guard let account = await account(crossing.account, warnedOf: root) else { continue }
            let addressee =
                root.isShared
                ? account.login.domain.map { Address(Self.postmaster, at: $0) } : account.login
            guard let addressee else { continue }
            let warning = QuotaWarning(
                root: root, threshold: crossing.threshold,
                language: account.language ?? settings.language)
            let octets = warning.message(
                from: Address(Self.postmaster, at: settings.hostName), to: addressee,
                at: time.timestamp, entropy: entropy)
            let envelope = Envelope(
                from: .null, to: [Envelope.Recipient(addressee, notify: .never)],
                body: octets.contains { $0 >= 0x80 } ? .eightBitMIME : .sevenBit,
                isInternational: addressee.isInternational)
            notices.append(
                Conclusion.Notice(id: ids.next(), octets: octets, Acceptance(envelope)))
        }
        return notices
    }

    private func account(
        _ id: AccountID, warnedOf root: QuotaStanding.Root
    ) async -> Account? {
        do {
            return try await registry.account(id)
        } catch {
            log.warning("nobody is told that \(root.name) is nearly full: \(error)")
            return nil
        }
    }
}

/// Tells somebody that a quota is nearly used up.
struct QuotaWarning {
    let root: QuotaStanding.Root
    /// In percent.
    let threshold: Int
    let language: Language

    func message(
        from sender: Address, to recipient: Address, at now: Timestamp, entropy: any Entropy
    ) -> [UInt8] {
        var header = HeaderWriter()
        header.field("Date", date: now)
        header.field("From", participants: [Participant(sender)])
        header.field("To", participants: [Participant(recipient)])
        header.field("Subject", text: subject)
        if let domain = sender.domain {
            header.field(
                "Message-ID", identifiers: [.make(at: now, by: domain, entropy: entropy)])
        }
        // RFC 3834 §5: nothing answers it.
        header.field("Auto-Submitted", structured: "auto-generated")
        return Composition(header: header, .text(text, subtype: "plain"))
            .message(entropy: entropy)
    }

    private var subject: String {
        language.choose(
            root.isShared
                ? "The mailboxes of \(root.name) are \(threshold) % full"
                : "Your mailbox is \(threshold) % full",
            root.isShared
                ? "Die Postfächer von \(root.name) sind zu \(threshold) % voll"
                : "Ihr Postfach ist zu \(threshold) % voll")
    }

    private var text: String {
        var lines: [String] = []
        if let limit = root.quota.octets {
            let (used, all) = (Self.size(root.usage.octets), Self.size(limit))
            lines.append(
                language.choose(
                    "\(root.name) keeps \(used) of \(all).",
                    "\(root.name) belegt \(used) von \(all)."))
        }
        if let limit = root.quota.messages {
            lines.append(
                language.choose(
                    "\(root.name) keeps \(root.usage.messages) of \(limit) messages.",
                    "\(root.name) hat \(root.usage.messages) von \(limit) Nachrichten."))
        }
        let advice = language.choose(
            "When nothing more fits, new messages are refused. Remove what you do not need any "
                + "more, and empty the trash.",
            "Wenn nichts mehr hineinpasst, werden neue Nachrichten abgewiesen. Löschen Sie, was "
                + "Sie nicht mehr brauchen, und leeren Sie den Papierkorb.")
        return lines.joined(separator: "\n") + "\n\n" + advice + "\n"
    }

    /// For people: three digits and a unit.
    private static func size(_ octets: Int64) -> String {
        let units = ["octets", "KiB", "MiB", "GiB", "TiB"]
        var (value, unit) = (octets * 10, 0)
        while value >= 10_240, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
        return unit == 0 || value >= 1000 || value % 10 == 0
            ? "\(value / 10) \(units[unit])" : "\(value / 10).\(value % 10) \(units[unit])"
    }
}
