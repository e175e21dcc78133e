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
        case .routed: routed(fact)
        case .attempted: attempted(fact)
        case .deferred: deferred(fact)
        case .delivered: delivered(fact)
        case .bounced:
            say("Delivery", "Die Zustellung") + whom(fact)
                + say(" failed for good", " ist endgültig gescheitert") + reason(fact) + "."
        case .notified: notified(fact)
        case .held:
            say(
                "It is held until someone releases it.",
                "Sie wird festgehalten, bis jemand sie freigibt.")
        case .released: say("It was released.", "Sie wurde freigegeben.")
        case .deleted:
            say("It was deleted", "Sie wurde gelöscht") + whom(fact) + reason(fact) + "."
        case .continued: continued(fact)
        case .hastened:
            say("It is due at once", "Sie ist sofort an der Reihe") + reason(fact) + "."
        }
    }

    private func accepted(_ fact: Fact) -> String {
        let sender = fact[.sender].flatMap { $0.isEmpty ? nil : $0 }
        let from =
            sender.map { "<\($0)>" }
            ?? say("nobody (a notification)", "niemandem (eine Benachrichtigung)")
        var text = say("Accepted from \(from)", "Angenommen von \(from)") + whom(fact)
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
        return text + "."
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
        return say("The way", "Der Weg") + whom(fact) + say(" is: ", " ist: ") + route + "."
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
                + say(" into the mailbox \(mailbox).", " in das Postfach \(mailbox).")
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
        guard var text = fact.text, !text.isEmpty else { return "" }
        while text.hasSuffix(".") { text.removeLast() }
        // Our own findings are kept in English; what others said stays as it is.
        return ": \(language.tell(text))"
    }

    /// Where the message is now, and what comes next.
    func present(_ entry: QueueEntry?) -> String {
        guard let entry else {
            return say(
                "It is not in the queue any more.", "Sie ist nicht mehr in der Warteschlange.")
        }
        let waiting = entry.recipients.map { recipient in
            let whom = "<\(recipient.address)>"
            switch recipient.state {
            case .held: return say("\(whom) is held", "\(whom) wird festgehalten")
            case .active: return say("\(whom) is being tried", "\(whom) wird gerade versucht")
            case .waiting:
                let time = recipient.nextAttempt.map { CalendarDate($0).internetFormat } ?? "?"
                return say(
                    "\(whom) is tried next at \(time)",
                    "\(whom) wird als Nächstes um \(time) versucht")
            }
        }
        let until = CalendarDate(entry.expires).internetFormat
        return say("It is in the queue: ", "Sie ist in der Warteschlange: ")
            + waiting.joined(separator: "; ")
            + say("; we keep trying until \(until).", "; versucht wird es bis \(until).")
    }
}
