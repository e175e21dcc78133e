// SPDX-License-Identifier: Apache-2.0

import Journal
import Mail
import Spool
import World

/// Tells facts as sentences, in a language.
struct Narrator {
    let language: Language

    private func say(_ english: String, _ german: String) -> String {
        language == .german ? german : english
    }

    /// One step of a message's way.
    func sentence(_ fact: Fact) -> String {
        switch fact.kind {
        case .accepted: accepted(fact)
        case .addressed: addressed(fact)
        case .refused:
            say("It was refused", "Sie wurde abgewiesen") + whom(fact) + reason(fact) + "."
                + results(fact)
        case .routed: routed(fact)
        case .attempted: attempted(fact)
        case .deferred: deferred(fact)
        case .delivered: delivered(fact)
        case .bounced:
            say("Delivery", "Die Zustellung") + whom(fact)
                + say(" failed for good", " ist endgültig gescheitert") + reason(fact) + "."
        case .notified: notified(fact)
        case .held:
            say("It is held", "Sie wird festgehalten") + whom(fact)
                + say(" until someone releases it", ", bis jemand sie freigibt") + author(fact)
                + reason(fact) + "."
        case .released:
            say("It was released", "Sie wurde freigegeben") + whom(fact) + author(fact)
                + reason(fact) + "."
        case .deleted:
            say("It was deleted", "Sie wurde gelöscht") + whom(fact) + author(fact)
                + reason(fact) + "."
        case .continued: continued(fact)
        case .hastened:
            say("It is due at once", "Sie ist sofort an der Reihe") + whom(fact) + author(fact)
                + reason(fact) + "."
        case .redirected: redirected(fact)
        case .suspended:
            scope(fact) + say(" were suspended", " wurden ausgesetzt") + author(fact)
                + reason(fact) + "."
        case .resumed:
            scope(fact) + say(" go on", " gehen weiter") + author(fact) + reason(fact) + "."
        }
    }

    private func redirected(_ fact: Fact) -> String {
        let way: String
        if let original = fact[.original] {
            way =
                (fact.recipient.map { say(" to <\($0)>", " an <\($0)>") } ?? "")
                + say(" instead of <\(original)>", " statt an <\(original)>")
        } else if let host = fact[.via] {
            way =
                whom(fact)
                + say(
                    " by way of \(host), whatever its domain's own way is",
                    " über \(host), gleich welchen Weg ihre Domain hat")
        } else {
            way = whom(fact) + say(" the way of its domain again", " wieder den Weg ihrer Domain")
        }
        return say("It goes", "Sie geht") + way + author(fact) + reason(fact) + "."
    }

    private func author(_ fact: Fact) -> String {
        fact[.author].map { say(" by \($0)", ", durch \($0)") } ?? ""
    }

    private func scope(_ fact: Fact) -> String {
        let subject = fact[.subject] ?? ""
        return switch fact[.scope].flatMap({ Suspension.Scope(rawValue: $0) }) {
        case .host:
            say("Deliveries to the host \(subject)", "Zustellungen an den Rechner \(subject)")
        case .sender: say("Deliveries for \(subject)", "Zustellungen für \(subject)")
        case .destination, nil: say("Deliveries to \(subject)", "Zustellungen an \(subject)")
        }
    }

    private func accepted(_ fact: Fact) -> String {
        let sender = fact[.sender].flatMap { $0.isEmpty ? nil : $0 }
        let from =
            sender.map { "<\($0)>" }
            ?? say("nobody (a notification)", "niemandem (eine Benachrichtigung)")
        var text = say("Accepted from \(from)", "Angenommen von \(from)") + whom(fact)
        if let original = fact[.original] {
            text += say(
                " (because <\(original)> leads there)", " (weil <\(original)> dorthin führt)")
        }
        if let client = fact[.client] {
            let name = fact[.helo].map { "\($0) [\(client)]" } ?? "[\(client)]"
            let how = fact[.protocolName] ?? "SMTP"
            text += say(", sent by \(name) with \(how)", ", gesendet von \(name) mit \(how)")
        }
        if let tls = fact[.tls] { text += say(" over \(tls)", " über \(tls)") }
        if let account = fact[.account] {
            text += say(", logged in as \(account)", ", angemeldet als \(account)")
        }
        if let octets = fact[.octets] {
            text += say(", \(octets) octets", ", \(octets) Oktette")
        }
        if let until = fact[.until] {
            text += say(
                ", to be delivered from \(until) on, as its sender asked",
                ", auf Wunsch des Absenders ab \(until) zuzustellen")
        }
        text += "."
        text += results(fact)
        if let verdict = fact[.verdict] {
            text += say(" It is put aside (Junk): \(verdict).", " Sie kommt in Junk: \(verdict).")
        }
        for change in fact.fields where change.key == .filtered {
            text += say(
                " Filters changed it: \(change.value).",
                " Filter haben sie geändert: \(change.value).")
        }
        if let other = fact[.about] {
            text += say(" It tells what became of \(other).", " Sie sagt, was aus \(other) wurde.")
        }
        if let report = fact[.report] {
            text += say(
                " It carries our report about \(report).",
                " Sie trägt unseren Bericht über \(report).")
        }
        if let other = fact[.continues] {
            text += say(" It continues \(other).", " Sie setzt \(other) fort.")
        }
        return text
    }

    private func results(_ fact: Fact) -> String {
        fact[.results].map {
            say(" Who sent it was examined: \($0).", " Geprüft, wer sie gesandt hat: \($0).")
        } ?? ""
    }

    private func addressed(_ fact: Fact) -> String {
        guard let original = fact[.original] else {
            return say("It is", "Sie ist") + whom(fact) + "."
        }
        return say("It is", "Sie ist") + whom(fact)
            + say(", because \(original) leads there.", ", weil \(original) dorthin führt.")
    }

    private func routed(_ fact: Fact) -> String {
        guard let route = fact[.route] else {
            return say("No way was found", "Es wurde kein Weg gefunden") + whom(fact)
                + reason(fact) + "."
        }
        let path = fact[.returnPath].map {
            say("; it goes on as from <\($0)>", "; sie geht weiter wie von <\($0)>")
        }
        return say("The way", "Der Weg") + whom(fact) + say(" is: ", " ist: ") + route
            + (path ?? "") + "."
    }

    private func attempted(_ fact: Fact) -> String {
        say("Tried", "Versucht") + host(fact) + whom(fact) + reason(fact) + "."
    }

    private func deferred(_ fact: Fact) -> String {
        let until = fact[.until] ?? "?"
        return say("It waits", "Sie wartet") + whom(fact) + reason(fact)
            + say("; the next attempt is at \(until).", "; der nächste Versuch ist um \(until).")
    }

    private func delivered(_ fact: Fact) -> String {
        if let mailbox = fact[.mailbox] {
            return say("Delivered", "Zugestellt") + whom(fact)
                + say(" into the mailbox \(mailbox)", " in das Postfach \(mailbox)")
                + reason(fact) + "."
        }
        return say("Handed over", "Übergeben") + whom(fact)
            + (fact.host.map { say(" to \($0)", " an \($0)") } ?? "") + reason(fact) + "."
    }

    private func notified(_ fact: Fact) -> String {
        let id = fact[.notification].map { " (\($0))" } ?? ""
        let whom = fact.recipient.map { "<\($0)>" } ?? say("The sender", "Der Absender")
        let what =
            switch fact[.reason] {
            case "failure": say(" that it failed", ", dass sie scheiterte")
            case "delay": say(" that it waits", ", dass sie wartet")
            case "success": say(" that it was delivered", ", dass sie zugestellt ist")
            case "relayed": say(" that it was handed on", ", dass sie weitergereicht ist")
            case "refusal": say(" that it was refused", ", dass sie abgelehnt wurde")
            case "expanded": say(" that it was distributed", ", dass sie verteilt ist")
            default: ""
            }
        return say("\(whom) was told\(what)\(id)", "\(whom) wurde benachrichtigt\(what)\(id)")
            + reason(fact) + "."
    }

    private func continued(_ fact: Fact) -> String {
        let id = fact[.continuation] ?? "?"
        return say("It goes on", "Sie geht") + whom(fact)
            + say(
                " as \(id), as the address is an alias.",
                " als \(id) weiter; die Adresse ist ein Alias.")
    }

    private func whom(_ fact: Fact) -> String {
        fact.recipient.map { say(" for <\($0)>", " für <\($0)>") } ?? ""
    }

    private func host(_ fact: Fact) -> String {
        fact.host.map { say(" at \($0)", " bei \($0)") } ?? ""
    }

    private func reason(_ fact: Fact) -> String {
        guard let text = fact.text, !text.isEmpty else { return "" }
        return ": \(plain(text))"
    }

    /// Without the full stop that the sentence around it will have.
    private func plain(_ text: String) -> String {
        var text = text
        while text.hasSuffix(".") { text.removeLast() }
        // Our own findings are kept in English; what others said stays as it is.
        return language.tell(text)
    }

    /// Where the message is now, why, and what comes next; nil for a story without a message.
    func present(_ entry: QueueEntry?, _ facts: [Fact], _ suspensions: Suspensions) -> String? {
        guard let entry else { return past(facts) }
        var parts = entry.recipients.prefix(Self.namedRecipients).map { recipient in
            recipient.node != nil
                ? say(
                    "\(whom(recipient)) is being tried", "\(whom(recipient)) wird gerade versucht")
                : waiting(recipient, of: entry, suspensions)
        }
        let further = entry.recipients.count - parts.count
        if further > 0 {
            parts.append(say("\(further) further recipients", "\(further) weitere Empfänger"))
        }
        let until = CalendarDate(entry.expires).internetFormat
        return say("It is in the queue: ", "Sie ist in der Warteschlange: ")
            + parts.joined(separator: "; ")
            + say("; we keep trying until \(until).", "; versucht wird es bis \(until).")
    }

    /// A message may have a thousand; a sentence names some.
    private static let namedRecipients = 10

    private func whom(_ recipient: QueueEntry.Recipient) -> String { "<\(recipient.address)>" }

    private func waiting(
        _ recipient: QueueEntry.Recipient, of entry: QueueEntry, _ suspensions: Suspensions
    ) -> String {
        let whom = whom(recipient)
        if recipient.state == .held { return say("\(whom) is held", "\(whom) wird festgehalten") }
        if let suspension = suspensions.covering(entry.reversePath, to: recipient.destination) {
            return say("\(whom) waits: ", "\(whom) wartet: ")
                + language.tell(suspension.sentence)
        }
        let time = recipient.nextAttempt.map { CalendarDate($0).internetFormat } ?? "?"
        var text = say(
            "\(whom) is tried next at \(time)", "\(whom) wird als Nächstes um \(time) versucht")
        if let host = recipient.via { text += say(" by way of \(host)", " über \(host)") }
        guard recipient.attempts > 0 else { return text }
        text += say(
            recipient.attempts == 1
                ? ", after one attempt" : ", after \(recipient.attempts) attempts",
            recipient.attempts == 1
                ? ", nach einem Versuch" : ", nach \(recipient.attempts) Versuchen")
        if let last = recipient.lastText { text += say(", at last: ", ", zuletzt: ") + plain(last) }
        return text
    }

    /// What became of each recipient of a message that is not in the queue any more.
    private func past(_ facts: [Fact]) -> String? {
        var ends: [(recipient: String, end: End)] = []
        for fact in facts {
            guard let end = End(fact), let recipient = fact.recipient?.description else { continue }
            ends.removeAll { $0.recipient == recipient }
            ends.append((recipient, end))
        }
        let parts = End.allCases.compactMap { end -> String? in
            let names = ends.filter { $0.end == end }.map { "<\($0.recipient)>" }
            guard !names.isEmpty else { return nil }
            var text = names.prefix(Self.namedRecipients).joined(separator: ", ")
            let further = names.count - Self.namedRecipients
            if further > 0 { text += say(" and \(further) more", " und \(further) weitere") }
            return word(end) + " " + text
        }
        guard !parts.isEmpty else {
            guard facts.contains(where: { $0.kind == .accepted }) else { return nil }
            return say(
                "It is not in the queue any more.", "Sie ist nicht mehr in der Warteschlange.")
        }
        return say("It is done: ", "Sie ist erledigt: ") + parts.joined(separator: "; ") + "."
    }

    private enum End: CaseIterable {
        case delivered, bounced, deleted, continued

        init?(_ fact: Fact) {
            switch fact.kind {
            case .delivered: self = .delivered
            case .bounced: self = .bounced
            case .deleted: self = .deleted
            case .continued: self = .continued
            default: return nil
            }
        }
    }

    private func word(_ end: End) -> String {
        switch end {
        case .delivered: say("delivered for", "zugestellt für")
        case .bounced: say("failed for", "gescheitert für")
        case .deleted: say("deleted for", "gelöscht für")
        case .continued: say("sent on for", "weitergesandt für")
        }
    }
}
