// SPDX-License-Identifier: Apache-2.0

import Mail
import World

/// What a notification says to people, in their language: first one plain sentence, then what it
/// means and what to do, then what was tried.
struct NotificationWording {
    private let notification: Notification
    private let language: Language

    init(_ notification: Notification) {
        self.notification = notification
        language = notification.language
    }

    var subject: String {
        switch notification.kind {
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
        }
    }

    var text: String {
        var paragraphs = notification.recipients.map(sentence)
        for advice in advice { paragraphs.append(advice) }
        if let tried { paragraphs.append(tried) }
        paragraphs.append(closing)
        return paragraphs.joined(separator: "\n\n") + "\n"
    }

    // MARK: The sentence

    private func sentence(_ recipient: Notification.Recipient) -> String {
        let address = (recipient.original ?? recipient.address).description
        let reason = DeliveryProblem(recipient).sentence(language)
        switch notification.kind {
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
        }
    }

    // MARK: What to do

    private var advice: [String] {
        switch notification.kind {
        case .success, .relayed: return []
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

    private var tried: String? {
        guard notification.kind != .success else { return nil }
        let lists = notification.recipients.map(tried)
        return language.choose("What happened in detail:", "Was im Einzelnen geschah:") + "\n\n"
            + lists.joined(separator: "\n\n")
    }

    private func tried(_ recipient: Notification.Recipient) -> String {
        var lines = ["  \(recipient.address)"]
        if let original = recipient.original, original != recipient.address {
            lines[0] += language.choose(" (for \(original))", " (für \(original))")
        }
        let evidence = recipient.evidence
        lines.append(
            "    \(evidence.status)  \(Self.shortened(evidence.text))"
                + (evidence.host.map { " (\($0))" } ?? ""))
        let shown = recipient.attempts.suffix(Notification.maximumAttempts)
        let hidden = recipient.attempts.count - shown.count
        if hidden > 0 {
            lines.append(
                language.choose(
                    "    \(hidden) earlier attempts are not shown.",
                    "    \(hidden) frühere Versuche sind nicht aufgeführt."))
        }
        for attempt in shown {
            let host = attempt.host.map { "\($0): " } ?? ""
            lines.append(
                "    \(Self.moment(attempt.time))  \(host)\(Self.shortened(attempt.text))")
        }
        return lines.joined(separator: "\n")
    }

    private var closing: String {
        let time = Self.moment(notification.accepted)
        let host = notification.reportingHost.unicode
        return language.choose(
            "The message was accepted by \(host) at \(time); its number there is "
                + "\(notification.queueIdentifier). Ask postmaster@\(host) if you need help, and "
                + "give that number.",
            "Die Nachricht wurde am \(time) von \(host) angenommen; sie hat dort die Nummer "
                + "\(notification.queueIdentifier). Hilfe erhalten Sie unter postmaster@\(host); "
                + "nennen Sie bitte diese Nummer.")
    }

    /// `2026-11-21 06:11 UTC`: read the same in every language.
    static func moment(_ time: Timestamp) -> String {
        let text = CalendarDate(time).internetFormat
        return text.prefix(10) + " " + text.dropFirst(11).prefix(5) + " UTC"
    }

    /// One line of bounded length, without what would change the layout.
    static func shortened(_ text: String) -> String {
        let line = String(
            text.prefix(Notification.maximumReplyCharacters + 1)
                .map { $0.isNewline || $0 == "\t" ? " " : $0 })
        guard line.count > Notification.maximumReplyCharacters else { return line }
        return line.prefix(Notification.maximumReplyCharacters) + "…"
    }
}
