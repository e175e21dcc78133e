// SPDX-License-Identifier: Apache-2.0

import Mail
import World

/// What a notification says to people, in their language: first one plain sentence, then what it
/// means and what to do, then a table of what was tried.
struct NotificationWording {
    private let notification: Notification
    private let language: Language

    /// All that is said is cut behind this: the machine's part is complete in any case.
    private static let maximumCharacters = 48 << 10

    init(_ notification: Notification) {
        self.notification = notification
        language = notification.language
    }

    var subject: String {
        if notification.audience == .postmaster {
            return language.choose(
                "A notification could not be delivered",
                "Eine Benachrichtigung war nicht zustellbar")
        }
        return switch notification.kind {
        case .failure:
            language.choose(
                "Your message could not be delivered", "Ihre Nachricht war nicht zustellbar")
        case .delay:
            language.choose(
                "Your message has not been delivered yet",
                "Ihre Nachricht ist noch nicht zugestellt")
        case .success:
            language.choose("Your message was delivered", "Ihre Nachricht wurde zugestellt")
        case .relayed:
            language.choose(
                "Your message was handed on", "Ihre Nachricht wurde weitergereicht")
        case .expanded:
            language.choose("Your message was distributed", "Ihre Nachricht wurde verteilt")
        }
    }

    var text: String {
        // A paragraph is a line: whoever shows it knows best how wide it may be.
        let paragraphs = notification.recipients.map(sentence) + advice + tried + [closing]
        return Self.limited(paragraphs.joined(separator: "\n\n") + "\n")
    }

    // MARK: The sentence

    private func sentence(_ recipient: Notification.Recipient) -> String {
        let address = Self.readable(recipient.accepted)
        let reason = DeliveryProblem(recipient).sentence(language)
        switch notification.kind {
        case .failure where notification.audience == .postmaster:
            return language.choose(
                "A notification to \(address) could not be delivered: \(reason). "
                    + "As it has no sender, only you are told.",
                "Eine Benachrichtigung an \(address) konnte nicht zugestellt werden: \(reason). "
                    + "Da sie keinen Absender hat, erfahren nur Sie davon.")
        case .failure:
            return language.choose(
                "Your message to \(address) could not be delivered: \(reason).",
                "Ihre Nachricht an \(address) konnte nicht zugestellt werden: \(reason).")
        case .delay(let until):
            return language.choose(
                "Your message to \(address) has not been delivered yet: \(reason). "
                    + "It will be tried again until \(Self.moment(until)).",
                "Ihre Nachricht an \(address) ist noch nicht zugestellt: \(reason). "
                    + "Die Zustellung wird bis \(Self.moment(until)) weiter versucht.")
        case .success:
            return language.choose(
                "Your message to \(address) was delivered.",
                "Ihre Nachricht an \(address) wurde zugestellt.")
        case .relayed:
            return language.choose(
                "Your message to \(address) was handed on to the next mail server, which does not "
                    + "report what becomes of it.",
                "Ihre Nachricht an \(address) wurde an den nächsten Mailserver weitergereicht, der "
                    + "nicht meldet, was daraus wird.")
        case .expanded:
            return language.choose(
                "Your message to \(address) was accepted and passed on to all addresses behind "
                    + "it. You will hear if it cannot be delivered to one of them.",
                "Ihre Nachricht an \(address) wurde angenommen und an alle Adressen dahinter "
                    + "weitergegeben. Sie hören davon, falls sie eine davon nicht erreicht.")
        }
    }

    // MARK: What to do

    private var advice: [String] {
        if notification.audience == .postmaster { return [] }
        switch notification.kind {
        case .success, .relayed, .expanded: return []
        case .delay:
            return [
                language.choose(
                    "You need not do anything and need not send it again. You will be told if it "
                        + "cannot be delivered in the end.",
                    "Sie müssen nichts tun und die Nachricht nicht noch einmal senden. Sie "
                        + "erhalten eine Nachricht, falls die Zustellung endgültig scheitert.")
            ]
        case .failure:
            var seen: [String] = []
            for recipient in notification.recipients {
                let text = DeliveryProblem(recipient).advice(language)
                if !seen.contains(text) { seen.append(text) }
            }
            return seen
        }
    }

    // MARK: What was tried

    private var tried: [String] {
        switch notification.kind {
        case .success, .expanded: return []
        case .failure, .delay, .relayed:
            let title = language.choose("What happened in detail:", "Was im Einzelnen geschah:")
            return [title] + notification.recipients.map(tried)
        }
    }

    private func tried(_ recipient: Notification.Recipient) -> String {
        var lines = ["  \(Self.readable(recipient.address))"]
        if recipient.accepted != recipient.address {
            let accepted = Self.readable(recipient.accepted)
            lines[0] += language.choose(" (for \(accepted))", " (für \(accepted))")
        }
        let evidence = recipient.evidence
        lines.append("    \(evidence.status)  \(Self.shortened(language.tell(evidence.text)))")
        let isCrowded = notification.recipients.count > Notification.maximumAttempts / 2
        let shown = recipient.attempts.suffix(
            isCrowded ? Notification.maximumAttemptsOfMany : Notification.maximumAttempts)
        let hidden = recipient.attempts.count - shown.count
        if hidden > 0 {
            lines.append(
                language.choose(
                    "    \(hidden) earlier attempts are not shown.",
                    "    \(hidden) frühere Versuche sind nicht aufgeführt."))
        }
        lines += AttemptTable(Array(shown), language).lines.map { "    " + $0 }
        return lines.joined(separator: "\n")
    }

    private var closing: String {
        let time = Self.moment(notification.original.accepted)
        let host = notification.reportingHost.unicode
        let number = notification.original.queueIdentifier
        return language.choose(
            "The message was accepted by \(host) at \(time); its number there is "
                + "\(number). Ask postmaster@\(host) if you need help, and give that number.",
            "Die Nachricht wurde am \(time) von \(host) angenommen; sie hat dort die Nummer "
                + "\(number). Hilfe erhalten Sie unter postmaster@\(host); "
                + "nennen Sie bitte diese Nummer.")
    }

    // MARK: Layout

    /// An address as people know it, the domain in its own letters.
    static func readable(_ address: Address) -> String {
        address.domain.map { "\(address.localPart)@\($0.unicode)" } ?? address.description
    }

    /// `2026-11-21 06:11 UTC`: read the same in every language.
    static func moment(_ time: Timestamp) -> String {
        let text = CalendarDate(time).internetFormat
        return text.prefix(10) + " " + text.dropFirst(11).prefix(5) + " UTC"
    }

    /// One line of bounded length, without what would change the layout.
    static func shortened(
        _ text: some StringProtocol, to limit: Int = Notification.maximumReplyCharacters
    ) -> String {
        let line = String(
            text.prefix(limit + 1).map { $0.isNewline || $0 == "\t" ? " " : $0 })
        return line.count > limit ? line.prefix(limit) + "…" : line
    }

    private static func limited(_ text: String) -> String {
        guard text.utf8.count > maximumCharacters else { return text }
        return text.prefix(maximumCharacters) + "…\n"
    }
}
