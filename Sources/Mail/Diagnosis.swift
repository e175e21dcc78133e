// SPDX-License-Identifier: Apache-2.0

/// What this server finds on the way of a message: a stable code, and a sentence in each language.
///
/// In a sentence a hole `{}` is kept as it is: a name, a number, the words of others. A hole `{+}`
/// holds another finding, which is told too. Sentences are kept in English, with the holes filled;
/// which finding they are is recognised by the same sentence. Those that quote others stand first,
/// and the one that fits much stands last.
package enum Diagnosis: String, CaseIterable, Hashable, Sendable {
    case mayArriveTwice = "may-arrive-twice"
    case notTried = "not-tried"
    case lifetimeOver = "lifetime-over"
    case overdueAtLast = "overdue-at-last"
    case overdue
    case noConnection = "no-connection"
    case senderRequiresTLS = "sender-requires-tls"
    case cannotAuthenticate = "cannot-authenticate"
    case lookUpFailed = "look-up-failed"
    case saidInReply = "said-in-reply"
    case said
    case breaksProtocol = "breaks-protocol"
    case noMailbox = "no-mailbox"
    case mailboxDisabled = "mailbox-disabled"
    case mailboxFull = "mailbox-full"
    case mailboxTooSmall = "mailbox-too-small"
    case directorySilent = "directory-silent"
    case passedOn = "passed-on"
    case inMailbox = "in-mailbox"
    case unreadable
    case addressUnreadable = "address-unreadable"
    case hostSuspended = "host-suspended"
    case destinationSuspended = "destination-suspended"
    case senderSuspended = "sender-suspended"
    case noHostReached = "no-host-reached"
    case noHostAsked = "no-host-asked"
    case connectionRefused = "connection-refused"
    case noRouteToHost = "no-route-to-host"
    case noAnswer = "no-answer"
    case connectionLost = "connection-lost"
    case cancelled
    case handshakeFailedWith = "handshake-failed-with"
    case handshakeFailed = "handshake-failed"
    case connectionEnded = "connection-ended"
    case silence
    case beforeGreeting = "before-greeting"
    case afterEHLO = "after-ehlo"
    case inSTARTTLS = "in-starttls"
    case inAUTH = "in-auth"
    case betweenMessages = "between-messages"
    case whileSendingMessage = "while-sending-message"
    case whileSending = "while-sending"
    case afterMessage = "after-message"
    case atEnd = "at-end"
    case lacksSTARTTLS = "lacks-starttls"
    case notEncrypted = "not-encrypted"
    case lacksMechanisms = "lacks-mechanisms"
    case notAuthentic = "not-authentic"
    case passwordSealed = "password-sealed"
    case badChallenge = "bad-challenge"
    case recipientsAtATime = "recipients-at-a-time"
    case domainsOnConnection = "domains-on-connection"
    case tooLarge = "too-large"
    case lacksBINARYMIME = "lacks-binarymime"
    case lacks8BITMIME = "lacks-8bitmime"
    case senderNeedsSMTPUTF8 = "sender-needs-smtputf8"
    case headerNeedsSMTPUTF8 = "header-needs-smtputf8"
    case addressNeedsSMTPUTF8 = "address-needs-smtputf8"
    case lacksREQUIRETLS = "lacks-requiretls"
    case lacksTLS = "lacks-tls"
    case lacksExtension = "lacks-extension"
    case partSigned = "part-signed"
    case partHeader = "part-header"
    case partEncoding = "part-encoding"
    case betweenParts = "between-parts"
    case tooComplex = "too-complex"
    case lacksDELIVERBY = "lacks-deliverby"
    case tooSlow = "too-slow"
    case noSuchDomain = "no-such-domain"
    case noMailHost = "no-mail-host"
    case unknownLiteral = "unknown-literal"
    case nullMX = "null-mx"
    case noAddress = "no-address"
    case loop
    case addressesUnknown = "addresses-unknown"
    case relayHostUnknown = "relay-host-unknown"
    case directoryUnknown = "directory-unknown"
    case hostsSuspended = "hosts-suspended"
    case nameServerSilent = "name-server-silent"
    case nameServerFailed = "name-server-failed"
    case nameServerRefused = "name-server-refused"
    case notValidated = "not-validated"
    case answerUseless = "answer-useless"
    case atHost = "at-host"
}

extension Diagnosis {
    /// The sentence in English and in German, with their holes.
    var sentences: (english: String, german: String) {
        switch self {
        case .mayArriveTwice:
            (
                "{+} (it may have been delivered already, and may arrive twice)",
                "{+} (sie ist möglicherweise schon zugestellt und kann doppelt ankommen)"
            )
        case .notTried:
            (
                "not tried, because just before: {+}",
                "nicht versucht, weil unmittelbar zuvor: {+}"
            )
        case .lifetimeOver:
            (
                "not delivered within its lifetime; at last: {+}",
                "innerhalb der Frist nicht zugestellt; zuletzt: {+}"
            )
        case .overdueAtLast:
            (
                "not delivered by the time its sender set; at last: {+}",
                "bis zu der Zeit, die der Absender gesetzt hat, nicht zugestellt; zuletzt: {+}"
            )
        case .overdue:
            (
                "not delivered by the time its sender set",
                "bis zu der Zeit, die der Absender gesetzt hat, nicht zugestellt"
            )
        case .noConnection: ("no connection to {}: {+}", "keine Verbindung zu {}: {+}")
        case .senderRequiresTLS: ("the sender requires TLS: {+}", "der Absender verlangt TLS: {+}")
        case .cannotAuthenticate: ("cannot authenticate: {+}", "keine Anmeldung möglich: {+}")
        case .lookUpFailed:
            (
                "The mail exchangers of {} could not be looked up: {+}",
                "Die Mail-Exchanger von {} waren nicht zu ermitteln: {+}"
            )
        case .saidInReply: ("{} said: {} (in reply to {})", "{} antwortete: {} (auf {})")
        case .said: ("{} said: {}", "{} antwortete: {}")
        case .breaksProtocol: ("{} breaks the protocol: {}", "{} verletzt das Protokoll: {}")
        case .noMailbox: ("there is no mailbox {} here", "hier gibt es kein Postfach {}")
        case .mailboxDisabled: ("the mailbox {} is disabled", "das Postfach {} ist gesperrt")
        case .mailboxFull: ("the mailbox {} is full", "das Postfach {} ist voll")
        case .mailboxTooSmall:
            (
                "the message is larger than all that the mailbox {} may hold",
                "die Nachricht ist größer als alles, was das Postfach {} fassen darf"
            )
        case .directorySilent:
            (
                "the directory does not answer just now",
                "das Verzeichnis antwortet gerade nicht"
            )
        case .passedOn: ("passed on to {} addresses", "an {} Adressen weitergegeben")
        case .inMailbox: ("in the mailbox", "im Postfach")
        case .unreadable: ("the message cannot be read: {}", "die Nachricht ist nicht lesbar: {}")
        case .addressUnreadable:
            (
                "this release cannot read its address: it is not tried",
                "dieses Release kann seine Adresse nicht lesen: es wird nicht versucht"
            )
        case .hostSuspended:
            (
                "deliveries to the host {} are suspended since {} by {}",
                "Zustellungen an den Rechner {} sind seit {} ausgesetzt durch {}"
            )
        case .destinationSuspended:
            (
                "deliveries to {} are suspended since {} by {}",
                "Zustellungen an {} sind seit {} ausgesetzt durch {}"
            )
        case .senderSuspended:
            (
                "deliveries for {} are suspended since {} by {}",
                "Zustellungen für {} sind seit {} ausgesetzt durch {}"
            )
        case .noHostReached: ("no host was reached", "kein Rechner wurde erreicht")
        case .noHostAsked: ("no host could be asked", "kein Rechner konnte gefragt werden")
        case .connectionRefused: ("connection refused", "Verbindung abgelehnt")
        case .noRouteToHost: ("no route to the host ({})", "kein Weg zum Rechner ({})")
        case .noAnswer: ("no answer in time", "keine Antwort innerhalb der Frist")
        case .connectionLost: ("connection lost", "Verbindung verloren")
        case .cancelled: ("cancelled", "abgebrochen")
        case .handshakeFailedWith:
            (
                "TLS handshake with {} failed: {+}",
                "TLS-Handshake mit {} gescheitert: {+}"
            )
        case .handshakeFailed: ("TLS handshake failed: {}", "TLS-Handshake gescheitert: {}")
        case .connectionEnded:
            (
                "the connection was lost ({}, {+})",
                "die Verbindung ging verloren ({}, {+})"
            )
        case .silence: ("nothing came for too long ({}, {+})", "zu lange kam nichts ({}, {+})")
        case .beforeGreeting: ("before the greeting", "vor der Begrüßung")
        case .afterEHLO: ("after EHLO", "nach EHLO")
        case .inSTARTTLS: ("in STARTTLS", "in STARTTLS")
        case .inAUTH: ("in AUTH", "in AUTH")
        case .betweenMessages: ("between messages", "zwischen Nachrichten")
        case .whileSendingMessage: ("while sending the message", "beim Senden der Nachricht")
        case .whileSending: ("while sending {}", "beim Senden von {}")
        case .afterMessage: ("after the end of the message", "nach dem Ende der Nachricht")
        case .atEnd: ("at the end", "am Ende")
        case .lacksSTARTTLS:
            (
                "{} does not offer STARTTLS, which is required",
                "{} bietet das verlangte STARTTLS nicht an"
            )
        case .notEncrypted:
            (
                "the connection to {} is not encrypted",
                "die Verbindung zu {} ist nicht verschlüsselt"
            )
        case .lacksMechanisms: ("{} offers none of AUTH {}", "{} bietet nichts von AUTH {} an")
        case .notAuthentic:
            (
                "{} did not prove that it knows the password",
                "{} hat nicht bewiesen, dass es das Passwort kennt"
            )
        case .passwordSealed:
            (
                "the password for {} cannot be opened; set the transport again",
                "das Passwort für {} ist nicht zu öffnen; der Transport ist neu zu setzen"
            )
        case .badChallenge:
            (
                "{} sends a challenge that is no base64",
                "{} schickt eine Aufforderung, die kein Base64 ist"
            )
        case .recipientsAtATime:
            (
                "{} takes {} recipients at a time",
                "{} nimmt {} Empfänger auf einmal"
            )
        case .domainsOnConnection:
            (
                "{} takes {} domains on a connection",
                "{} nimmt {} Domains je Verbindung"
            )
        case .tooLarge:
            (
                "the message has {} octets, {} takes {}",
                "die Nachricht hat {} Oktette, {} nimmt {}"
            )
        case .lacksBINARYMIME:
            (
                "the message is binary, and {} does not offer BINARYMIME",
                "die Nachricht ist binär, und {} bietet BINARYMIME nicht an"
            )
        case .lacks8BITMIME:
            (
                "the message is in 8 bits, and {} does not offer 8BITMIME",
                "die Nachricht hat 8 Bits, und {} bietet 8BITMIME nicht an"
            )
        case .senderNeedsSMTPUTF8:
            (
                "the sender's address needs SMTPUTF8, which {} does not offer",
                "die Adresse des Absenders braucht SMTPUTF8, das {} nicht anbietet"
            )
        case .headerNeedsSMTPUTF8:
            (
                "the header of the message needs SMTPUTF8, which {} does not offer",
                "der Kopf der Nachricht braucht SMTPUTF8, das {} nicht anbietet"
            )
        case .addressNeedsSMTPUTF8:
            (
                "the address needs SMTPUTF8, which {} does not offer",
                "die Adresse braucht SMTPUTF8, das {} nicht anbietet"
            )
        case .lacksREQUIRETLS:
            (
                "the sender requires TLS, and {} does not offer REQUIRETLS",
                "der Absender verlangt TLS, und {} bietet REQUIRETLS nicht an"
            )
        case .lacksTLS:
            (
                "the sender requires TLS, and {} does not offer it",
                "der Absender verlangt TLS, und {} bietet es nicht an"
            )
        case .lacksExtension:
            (
                "the host does not offer {}, and {+}",
                "der Rechner bietet {} nicht an, und {+}"
            )
        case .partSigned:
            (
                "a part that must be changed is signed or encrypted",
                "ein Teil, der geändert werden müsste, ist signiert oder verschlüsselt"
            )
        case .partHeader:
            (
                "the header of a part holds 8-bit characters",
                "der Kopf eines Teils enthält 8-Bit-Zeichen"
            )
        case .partEncoding:
            (
                "a part that must be changed must not be encoded",
                "ein Teil, der geändert werden müsste, darf nicht kodiert werden"
            )
        case .betweenParts:
            (
                "there is 8-bit text between the parts",
                "zwischen den Teilen steht 8-Bit-Text"
            )
        case .tooComplex:
            (
                "the message has too many parts or too large headers",
                "die Nachricht hat zu viele Teile oder zu große Köpfe"
            )
        case .lacksDELIVERBY:
            (
                "the message must be returned if it is late, and {} does not offer DELIVERBY",
                "die Nachricht muss zurück, wenn sie zu spät ist, und {} bietet "
                    + "DELIVERBY nicht an"
            )
        case .tooSlow:
            (
                "the message must be delivered in {} seconds, and {} asks for {}",
                "die Nachricht muss in {} Sekunden zugestellt sein, und {} verlangt {}"
            )
        case .noSuchDomain:
            (
                "Host unknown: the domain {} does not exist",
                "Host unknown: Die Domain {} gibt es nicht"
            )
        case .noMailHost:
            (
                "Host unknown: {} has neither an MX record nor an address",
                "Host unknown: {} hat weder einen MX-Eintrag noch eine Adresse"
            )
        case .unknownLiteral:
            (
                "Host unknown: {} names no host that can be reached",
                "Host unknown: {} bezeichnet keinen erreichbaren Rechner"
            )
        case .nullMX:
            (
                "Recipient address has null MX: {} does not accept mail",
                "Recipient address has null MX: {} nimmt keine E-Mail an"
            )
        case .noAddress:
            (
                "No route: none of the mail exchangers of {} has an address",
                "Kein Weg: Keiner der Mail-Exchanger von {} hat eine Adresse"
            )
        case .loop:
            (
                "Mail loop: the best mail exchanger for {} is this server itself, which "
                    + "has no mailboxes for it",
                "E-Mail-Schleife: Der beste Mail-Exchanger für {} ist dieser Server "
                    + "selbst, der keine Postfächer dafür hat"
            )
        case .addressesUnknown:
            (
                "No address of a mail exchanger of {} could be found out now",
                "Keine Adresse eines Mail-Exchangers von {} war zu ermitteln"
            )
        case .relayHostUnknown:
            (
                "No address of the relay host {} is known",
                "Zum Relay-Rechner {} ist keine Adresse bekannt"
            )
        case .directoryUnknown:
            (
                "The store does not say where this mail goes now",
                "Der Speicher sagt zurzeit nicht, wohin diese E-Mail geht"
            )
        case .hostsSuspended:
            (
                "Deliveries to {} are suspended by an operator",
                "Zustellungen an {} hat ein Betreiber ausgesetzt"
            )
        case .nameServerSilent:
            (
                "no name server answered in time",
                "Kein Nameserver hat rechtzeitig geantwortet"
            )
        case .nameServerFailed:
            (
                "the name server failed (SERVFAIL)",
                "Der Nameserver meldet einen Fehler (SERVFAIL)"
            )
        case .nameServerRefused:
            (
                "the name server refused to answer (REFUSED)",
                "Der Nameserver verweigert die Antwort (REFUSED)"
            )
        case .notValidated:
            (
                "DNSSEC validation failed: {}",
                "Die DNSSEC-Prüfung ist fehlgeschlagen: {}"
            )
        case .answerUseless:
            (
                "the answer cannot be used: {}",
                "Die Antwort ist nicht zu gebrauchen: {}"
            )
        case .atHost: ("{}: {+}", "{}: {+}")
        }
    }
}
