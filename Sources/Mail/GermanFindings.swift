// SPDX-License-Identifier: Apache-2.0

extension Phrasebook {
    /// What this server finds on the way of a message, in German.
    ///
    /// Findings that quote others stand first.
    static let german = Phrasebook(
        quoting + delivering + connecting + refusing + routing + naming)

    private typealias Pairs = [(english: String, other: String)]

    private static let quoting: Pairs = [
        (
            "{+} (it may have been delivered already, and may arrive twice)",
            "{+} (sie ist möglicherweise schon zugestellt und kann doppelt ankommen)"
        ),
        ("not tried, because just before: {+}", "nicht versucht, weil unmittelbar zuvor: {+}"),
        (
            "not delivered within its lifetime; at last: {+}",
            "innerhalb der Frist nicht zugestellt; zuletzt: {+}"
        ),
        (
            "not delivered by the time its sender set; at last: {+}",
            "bis zu der Zeit, die der Absender gesetzt hat, nicht zugestellt; zuletzt: {+}"
        ),
        (
            "not delivered by the time its sender set",
            "bis zu der Zeit, die der Absender gesetzt hat, nicht zugestellt"
        ),
        (
            "the message cannot be sent on now: {+}",
            "die Nachricht kann jetzt nicht weitergeleitet werden: {+}"
        ),
        ("no connection to {}: {+}", "keine Verbindung zu {}: {+}"),
        ("the sender requires TLS: {+}", "der Absender verlangt TLS: {+}"),
        ("cannot authenticate: {+}", "keine Anmeldung möglich: {+}"),
        (
            "The mail exchangers of {} could not be looked up: {+}",
            "Die Mail-Exchanger von {} waren nicht zu ermitteln: {+}"
        ),
        ("{} said: {} (in reply to {})", "{} antwortete: {} (auf {})"),
        ("{} said: {}", "{} antwortete: {}"),
        ("{} breaks the protocol: {}", "{} verletzt das Protokoll: {}"),
    ]

    private static let delivering: Pairs = [
        ("there is no mailbox {} here", "hier gibt es kein Postfach {}"),
        ("the mailbox {} is disabled", "das Postfach {} ist gesperrt"),
        ("the directory does not answer just now", "das Verzeichnis antwortet gerade nicht"),
        ("passed on to {} addresses", "an {} Adressen weitergegeben"),
        ("in the mailbox", "im Postfach"),
        ("by an operator", "durch den Betreiber"),
        ("the message cannot be read: {}", "die Nachricht ist nicht lesbar: {}"),
        ("there is no message", "es gibt keine Nachricht"),
    ]

    private static let connecting: Pairs = [
        ("no host was reached", "kein Rechner wurde erreicht"),
        ("no host could be asked", "kein Rechner konnte gefragt werden"),
        ("connection refused", "Verbindung abgelehnt"),
        ("no route to the host ({})", "kein Weg zum Rechner ({})"),
        ("no answer in time", "keine Antwort innerhalb der Frist"),
        ("connection lost", "Verbindung verloren"),
        ("cancelled", "abgebrochen"),
        ("TLS handshake with {} failed: {+}", "TLS-Handshake mit {} gescheitert: {+}"),
        ("TLS handshake failed: {}", "TLS-Handshake gescheitert: {}"),
        ("the connection was lost ({}, {+})", "die Verbindung ging verloren ({}, {+})"),
        ("nothing came for too long ({}, {+})", "zu lange kam nichts ({}, {+})"),
        ("before the greeting", "vor der Begrüßung"),
        ("after EHLO", "nach EHLO"),
        ("in STARTTLS", "in STARTTLS"),
        ("in AUTH", "in AUTH"),
        ("between messages", "zwischen Nachrichten"),
        ("while sending the message", "beim Senden der Nachricht"),
        ("while sending {}", "beim Senden von {}"),
        ("after the end of the message", "nach dem Ende der Nachricht"),
        ("after the final dot", "nach dem Schlusspunkt"),
        ("at the end", "am Ende"),
    ]

    private static let refusing: Pairs = [
        (
            "{} does not offer STARTTLS, which is required",
            "{} bietet das verlangte STARTTLS nicht an"
        ),
        (
            "the connection to {} is not encrypted", "die Verbindung zu {} ist nicht verschlüsselt"
        ),
        ("{} does not offer AUTH PLAIN", "{} bietet AUTH PLAIN nicht an"),
        ("{} offers none of AUTH {}", "{} bietet nichts von AUTH {} an"),
        (
            "{} did not prove that it knows the password",
            "{} hat nicht bewiesen, dass es das Passwort kennt"
        ),
        (
            "the password for {} cannot be opened; set the transport again",
            "das Passwort für {} ist nicht zu öffnen; der Transport ist neu zu setzen"
        ),
        (
            "{} sends a challenge that is no base64",
            "{} schickt eine Aufforderung, die kein Base64 ist"
        ),
        ("{} takes {} recipients at a time", "{} nimmt {} Empfänger auf einmal"),
        ("{} takes {} domains on a connection", "{} nimmt {} Domains je Verbindung"),
        (
            "the message has {} octets, {} takes {}",
            "die Nachricht hat {} Oktette, {} nimmt {}"
        ),
        (
            "the message is binary, and {} does not offer BINARYMIME",
            "die Nachricht ist binär, und {} bietet BINARYMIME nicht an"
        ),
        (
            "the message is in 8 bits, and {} does not offer 8BITMIME",
            "die Nachricht hat 8 Bits, und {} bietet 8BITMIME nicht an"
        ),
        (
            "the sender's address needs SMTPUTF8, which {} does not offer",
            "die Adresse des Absenders braucht SMTPUTF8, das {} nicht anbietet"
        ),
        (
            "the header of the message needs SMTPUTF8, which {} does not offer",
            "der Kopf der Nachricht braucht SMTPUTF8, das {} nicht anbietet"
        ),
        (
            "the address needs SMTPUTF8, which {} does not offer",
            "die Adresse braucht SMTPUTF8, das {} nicht anbietet"
        ),
        (
            "the sender requires TLS, and {} does not offer REQUIRETLS",
            "der Absender verlangt TLS, und {} bietet REQUIRETLS nicht an"
        ),
        (
            "the sender requires TLS, and {} does not offer it",
            "der Absender verlangt TLS, und {} bietet es nicht an"
        ),
        ("the host does not offer {}, and {+}", "der Rechner bietet {} nicht an, und {+}"),
        (
            "a part that must be changed is signed or encrypted",
            "ein Teil, der geändert werden müsste, ist signiert oder verschlüsselt"
        ),
        (
            "the header of a part holds 8-bit characters",
            "der Kopf eines Teils enthält 8-Bit-Zeichen"
        ),
        (
            "a part that must be changed must not be encoded",
            "ein Teil, der geändert werden müsste, darf nicht kodiert werden"
        ),
        (
            "there is 8-bit text between the parts", "zwischen den Teilen steht 8-Bit-Text"
        ),
        (
            "the message has too many parts or too large headers",
            "die Nachricht hat zu viele Teile oder zu große Köpfe"
        ),
        (
            "the message must be returned if it is late, and {} does not offer DELIVERBY",
            "die Nachricht muss zurück, wenn sie zu spät ist, und {} bietet DELIVERBY nicht an"
        ),
        (
            "the message must be delivered in {} seconds, and {} asks for {}",
            "die Nachricht muss in {} Sekunden zugestellt sein, und {} verlangt {}"
        ),
    ]

    private static let routing: Pairs = [
        (
            "Host unknown: the domain {} does not exist",
            "Host unknown: Die Domain {} gibt es nicht"
        ),
        (
            "Host unknown: {} has neither an MX record nor an address",
            "Host unknown: {} hat weder einen MX-Eintrag noch eine Adresse"
        ),
        (
            "Host unknown: {} names no host that can be reached",
            "Host unknown: {} bezeichnet keinen erreichbaren Rechner"
        ),
        (
            "Recipient address has null MX: {} does not accept mail",
            "Recipient address has null MX: {} nimmt keine E-Mail an"
        ),
        (
            "No route: none of the mail exchangers of {} has an address",
            "Kein Weg: Keiner der Mail-Exchanger von {} hat eine Adresse"
        ),
        (
            "Mail loop: the best mail exchanger for {} is this server itself, "
                + "which has no mailboxes for it",
            "E-Mail-Schleife: Der beste Mail-Exchanger für {} ist dieser Server selbst, "
                + "der keine Postfächer dafür hat"
        ),
        (
            "No address of a mail exchanger of {} could be found out now",
            "Keine Adresse eines Mail-Exchangers von {} war zu ermitteln"
        ),
        (
            "No address of the relay host {} is known",
            "Zum Relay-Rechner {} ist keine Adresse bekannt"
        ),
        ("no name server answered in time", "Kein Nameserver hat rechtzeitig geantwortet"),
        (
            "the name server failed (SERVFAIL)", "Der Nameserver meldet einen Fehler (SERVFAIL)"
        ),
        (
            "the name server refused to answer (REFUSED)",
            "Der Nameserver verweigert die Antwort (REFUSED)"
        ),
        ("DNSSEC validation failed: {}", "Die DNSSEC-Prüfung ist fehlgeschlagen: {}"),
        ("the answer cannot be used: {}", "Die Antwort ist nicht zu gebrauchen: {}"),
    ]

    /// A finding with the name of a host in front; as it fits much, the last.
    private static let naming: Pairs = [("{}: {+}", "{}: {+}")]
}
