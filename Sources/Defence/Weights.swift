// SPDX-License-Identifier: Apache-2.0

/// What each test weighs: the defaults, and what the configuration says otherwise.
package struct Weights: Hashable, Sendable {
    /// What a test has found, in each language.
    package typealias Meaning = (english: String, german: String)

    private var own: [String: Points]

    /// `own` outweigh the defaults, by the name of the test.
    package init(_ own: [String: Points] = [:]) { self.own = own }

    /// Of tests with these names; any other weighs nothing unless the configuration says so.
    ///
    /// A single fault of an honest server stays below the threshold for marking. What anybody can
    /// have (a pass for a domain of one's own) speaks for nothing.
    package static let defaults: [(name: String, weight: Points, meaning: Meaning)] = [
        (
            "spf=fail", 3,
            (
                "the sender's domain says that this client may not send for it",
                "die Domain des Absenders sagt, dass dieser Client nicht für sie senden darf"
            )
        ),
        (
            "spf=softfail", 1,
            (
                "the sender's domain says that this client probably may not",
                "die Domain des Absenders sagt, dass dieser Client es wohl nicht darf"
            )
        ),
        (
            "spf=permerror", 0.5,
            (
                "the SPF record cannot be understood",
                "der SPF-Eintrag ist nicht zu verstehen"
            )
        ),
        (
            "dkim=fail", 0.5,
            (
                "a signature does not fit the message",
                "eine Signatur passt nicht zur Nachricht"
            )
        ),
        (
            "dkim=permerror", 0.5,
            (
                "a signature cannot be checked, now or later",
                "eine Signatur lässt sich weder jetzt noch später prüfen"
            )
        ),
        (
            "dmarc=fail", 3,
            (
                "nobody the domain in From knows has sent it",
                "niemand, den die Domain in From kennt, hat sie gesandt"
            )
        ),
        (
            "arc=fail", 0.5,
            (
                "the chain of those who forwarded it is broken",
                "die Kette derer, die sie weitergaben, ist gebrochen"
            )
        ),
        (
            "iprev=fail", 1,
            (
                "the client's name does not lead back to its address",
                "der Name des Clients führt nicht zu seiner Adresse zurück"
            )
        ),
        (
            "iprev=permerror", 1.5,
            (
                "the client's address has no name",
                "die Adresse des Clients hat keinen Namen"
            )
        ),
        (
            "hello=ours", 6,
            (
                "the client calls itself by this host's name",
                "der Client nennt sich wie dieser Rechner"
            )
        ),
        (
            "hello=literal-mismatch", 3,
            (
                "the client calls itself by an address that is not its own",
                "der Client nennt sich nach einer Adresse, die nicht seine ist"
            )
        ),
        (
            "hello=literal", 1,
            (
                "the client has no name, only an address",
                "der Client hat keinen Namen, nur eine Adresse"
            )
        ),
        (
            "hello=unqualified", 1.5,
            (
                "the client's name has no domain",
                "der Name des Clients hat keine Domain"
            )
        ),
        (
            "hello=malformed", 1.5,
            (
                "what the client calls itself is no name",
                "wie der Client sich nennt, ist kein Name"
            )
        ),
        (
            "date=future", 1.5,
            (
                "the message is dated more than a day ahead",
                "die Nachricht ist mehr als einen Tag vordatiert"
            )
        ),
        (
            "date=missing", 0.5,
            (
                "the message has no date",
                "die Nachricht hat kein Datum"
            )
        ),
        (
            "date=invalid", 0.5,
            (
                "the date cannot be understood",
                "das Datum ist nicht zu verstehen"
            )
        ),
        (
            "message-id=missing", 0.5,
            (
                "the message has no Message-ID",
                "die Nachricht hat keine Message-ID"
            )
        ),
        (
            "from=missing", 1.5,
            (
                "nobody is named as author",
                "niemand ist als Autor genannt"
            )
        ),
        (
            "from=several", 1,
            (
                "there is more than one From field",
                "es gibt mehr als ein Feld From"
            )
        ),
        (
            "defect", 0.25,
            (
                "the message breaks the rules of its format, at that place",
                "die Nachricht verletzt an dieser Stelle die Regeln ihres Formats"
            )
        ),
        (
            "defect=nul-octet", 1,
            (
                "there is a NUL octet in the header",
                "im Kopf steht ein NUL-Oktett"
            )
        ),
        (
            "defect=boundary-missing", 1,
            (
                "a multipart has no boundary",
                "ein Multipart hat keine Grenze"
            )
        ),
        (
            "defect=boundary-not-found", 1,
            (
                "the boundary of a multipart does not occur",
                "die Grenze eines Multiparts kommt nicht vor"
            )
        ),
        (
            "defect=base64-invalid", 0.5,
            (
                "Base64 content is damaged",
                "Base64-Inhalt ist beschädigt"
            )
        ),
        (
            "defect=header-not-utf8", 0.5,
            (
                "the header is in a charset that it does not name",
                "der Kopf ist in einem Zeichensatz, den er nicht nennt"
            )
        ),
        (
            "known=yes", -4,
            (
                "an account has written to this sender before, and it is really him",
                "ein Konto hat diesem Absender schon geschrieben, und er ist es wirklich"
            )
        ),
        (
            "greylist=waited", -0.5,
            (
                "the client came again, as servers do",
                "der Client kam wieder, wie Server es tun"
            )
        ),
    ]

    private static let byName = Dictionary(
        uniqueKeysWithValues: defaults.map { ($0.name, $0.weight) })

    /// What a test of this name weighs.
    package subscript(name: String) -> Points {
        own[name] ?? Self.byName[name] ?? .zero
    }

    /// What an oddity of the message weighs; those without a weight of their own weigh the same.
    subscript(defect code: String) -> Points {
        own["defect=\(code)"] ?? own["defect"] ?? Self.byName["defect=\(code)"] ?? self["defect"]
    }

    /// What a test found, for people; nil for one that others have named.
    package static func meaning(of name: String) -> Meaning? {
        meanings[name] ?? (name.hasPrefix("defect=") ? meanings["defect"] : nil)
    }

    private static let meanings = Dictionary(
        uniqueKeysWithValues: defaults.map { ($0.name, $0.meaning) })

    /// A weight that the configuration states; nil where it says nothing.
    package func own(_ name: String) -> Points? { own[name] }
}
