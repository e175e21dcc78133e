// SPDX-License-Identifier: Apache-2.0

import Mail
import Routing

/// Why a recipient did not get a message, as far as a person has to know it.
///
/// Told by the enhanced status (RFC 3463), because that says the same whoever said it.
struct DeliveryProblem {
    private enum Cause {
        case domainUnknown
        case noMailHost
        case nullMX
        case mailboxUnknown
        case addressSyntax
        case mailboxMoved
        case mailboxDisabled
        case mailboxFull
        case tooLarge
        case loop
        case noRoute
        case noAnswer
        case nameService
        case expired
        case busy
        case content
        case international
        case security
        case refused
        case other
    }

    private let cause: Cause
    private let domain: String
    private let isPermanent: Bool

    init(_ recipient: Notification.Recipient) {
        let evidence = recipient.evidence
        domain = recipient.address.domain?.unicode ?? recipient.address.destination.description
        isPermanent = evidence.status.class == 5
        cause = Self.cause(evidence)
    }

    /// RFC 3463 §3.
    private static func cause(_ evidence: Outcome.Evidence) -> Cause {
        let status = evidence.status
        switch (status.subject, status.detail) {
        case (1, 2):
            // The table of routing tells the two apart in its text.
            return evidence.text.contains("MX") ? .noMailHost : .domainUnknown
        case (1, 1): return .mailboxUnknown
        case (1, 3), (1, 4): return .addressSyntax
        case (1, 6): return .mailboxMoved
        case (1, 10): return .nullMX
        case (2, 1): return .mailboxDisabled
        case (2, 2): return .mailboxFull
        case (2, 3), (3, 4): return .tooLarge
        case (3, 1), (3, 2), (4, 5): return .busy
        case (4, 1), (4, 2): return .noAnswer
        case (4, 3): return .nameService
        case (4, 4): return .noRoute
        case (4, 6): return .loop
        case (4, 7): return .expired
        case (6, 7): return .international
        case (6, _): return .content
        case (7, 4), (7, 5), (7, 10), (7, 11), (7, 30): return .security
        case (7, _): return .refused
        default: return .other
        }
    }

    /// What follows the colon, without a final dot.
    func sentence(_ language: Language) -> String {
        switch cause {
        case .domainUnknown:
            language.choose(
                "the domain \(domain) does not exist (Host unknown)",
                "Die Domain \(domain) gibt es nicht (Host unknown)")
        case .noMailHost:
            language.choose(
                "the domain \(domain) has no mail server (Host unknown)",
                "Die Domain \(domain) hat keinen Mailserver (Host unknown)")
        case .nullMX:
            language.choose(
                "the domain \(domain) does not accept mail",
                "Die Domain \(domain) nimmt keine E-Mail an")
        case .mailboxUnknown:
            language.choose(
                "there is no such mailbox at \(domain)",
                "Bei \(domain) gibt es kein solches Postfach")
        case .addressSyntax:
            language.choose(
                "the address is not written correctly", "Die Adresse ist nicht richtig geschrieben")
        case .mailboxMoved:
            language.choose(
                "the mailbox has moved and its new address is not known",
                "Das Postfach ist umgezogen, die neue Adresse ist nicht bekannt")
        case .mailboxDisabled:
            language.choose(
                "the mailbox does not accept mail", "Das Postfach nimmt keine E-Mail an")
        case .mailboxFull:
            language.choose("the mailbox is full", "Das Postfach ist voll")
        case .tooLarge:
            language.choose(
                "the message is larger than the receiving server accepts",
                "Die Nachricht ist größer, als der empfangende Server annimmt")
        case .loop:
            language.choose(
                "the message goes round in a circle between mail servers",
                "Die Nachricht läuft zwischen Mailservern im Kreis")
        case .noRoute:
            language.choose(
                "no mail server of \(domain) could be found",
                "Kein Mailserver von \(domain) war zu finden")
        case .noAnswer:
            language.choose(
                "no mail server of \(domain) could be reached",
                "Kein Mailserver von \(domain) war zu erreichen")
        case .nameService:
            language.choose(
                "the mail servers of \(domain) could not be looked up",
                "Die Mailserver von \(domain) waren nicht zu ermitteln")
        case .expired:
            language.choose(
                "it could not be delivered in the time it may take",
                "Sie war in der dafür vorgesehenen Zeit nicht zuzustellen")
        case .busy:
            language.choose(
                "the receiving server is not ready to take mail",
                "Der empfangende Server kann gerade keine E-Mail annehmen")
        case .content:
            language.choose(
                "the receiving server cannot handle the content of the message",
                "Der empfangende Server kann mit dem Inhalt der Nachricht nicht umgehen")
        case .international:
            language.choose(
                "the receiving server does not support internationalized addresses",
                "Der empfangende Server unterstützt keine internationalisierten Adressen")
        case .security:
            language.choose(
                "no connection of the required security could be made",
                "Eine Verbindung mit der verlangten Sicherheit kam nicht zustande")
        case .refused:
            language.choose(
                "the receiving server refused the message by its rules",
                "Der empfangende Server hat die Nachricht nach seinen Regeln abgelehnt")
        case .other:
            isPermanent
                ? language.choose(
                    "the receiving server refused it", "Der empfangende Server hat sie abgelehnt")
                : language.choose(
                    "the receiving server did not take it",
                    "Der empfangende Server hat sie nicht angenommen")
        }
    }

    /// What it means and what the sender can do.
    func advice(_ language: Language) -> String {
        switch cause {
        case .domainUnknown, .noMailHost:
            language.choose(
                "Please check what stands behind the @ for a spelling mistake, correct it, and "
                    + "send the message again.",
                "Bitte prüfen Sie, was hinter dem @ steht, auf einen Schreibfehler, verbessern Sie "
                    + "ihn und senden Sie die Nachricht noch einmal.")
        case .mailboxUnknown, .addressSyntax:
            language.choose(
                "Please check the address for a spelling mistake, above all what stands before "
                    + "the @. If it is right, ask the recipient in another way for a valid "
                    + "address.",
                "Bitte prüfen Sie die Adresse auf einen Schreibfehler, vor allem den Teil vor dem "
                    + "@. Ist sie richtig, fragen Sie den Empfänger auf anderem Weg nach einer "
                    + "gültigen Adresse.")
        case .nullMX, .mailboxMoved, .mailboxDisabled:
            language.choose(
                "Sending it again will not help. Please ask the recipient in another way for an "
                    + "address that receives mail.",
                "Erneutes Senden hilft nicht. Bitte fragen Sie den Empfänger auf anderem Weg nach "
                    + "einer Adresse, die E-Mail empfängt.")
        case .mailboxFull:
            language.choose(
                "Please tell the recipient in another way, and send the message again later.",
                "Bitte verständigen Sie den Empfänger auf anderem Weg und senden Sie die Nachricht "
                    + "später noch einmal.")
        case .tooLarge:
            language.choose(
                "Please make it smaller, for example by sending a link instead of an attachment.",
                "Bitte verkleinern Sie sie, zum Beispiel durch einen Link statt eines Anhangs.")
        case .loop, .noRoute, .noAnswer, .nameService, .expired, .busy:
            language.choose(
                "The fault lies with the mail servers of \(domain), not with your message. You can "
                    + "send it again later; if it matters, reach the recipient in another way.",
                "Der Fehler liegt bei den Mailservern von \(domain), nicht bei Ihrer Nachricht. "
                    + "Sie können sie später noch einmal senden; ist es wichtig, erreichen Sie den "
                    + "Empfänger auf anderem Weg.")
        case .content, .international:
            language.choose(
                "The recipient's mail system cannot take a message of this form. Please send it in "
                    + "a simpler form or to another address.",
                "Das Mailsystem des Empfängers kann eine Nachricht dieser Form nicht annehmen. "
                    + "Bitte senden Sie sie in einfacherer Form oder an eine andere Adresse.")
        case .security, .refused, .other:
            language.choose(
                "What the receiving server said stands below. If it does not help you, pass this "
                    + "notification on to your postmaster.",
                "Was der empfangende Server mitgeteilt hat, steht unten. Hilft es Ihnen nicht "
                    + "weiter, geben Sie diese Mitteilung an Ihren Postmaster weiter.")
        }
    }
}
