// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import KeyLife
import Mail
import NameService
import World
import ZoneCheck

/// `dkim.…`: the keys that sign the mail of hosted domains.
struct SigningKeyCommands {
    let keeper: KeyKeeper
    let language: Language

    static let prefix = "dkim."

    /// Carries a command out; each of them answers with the state that it leads to.
    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        do {
            switch name.dropFirst(Self.prefix.count) {
            case "status": return try await status(arguments)
            case "keygen", "rotate":
                let domain = try arguments.domain("domain")
                let selector = arguments.json["selector"]?.string
                let kinds = try kinds(arguments)
                guard selector == nil || kinds.count == 1 else {
                    throw ControlFailure.usage("a selector goes with one algorithm")
                }
                try await keeper.makeKeys(of: domain, kinds, selector: selector)
            case "revoke":
                try await keeper.revoke(
                    arguments.text("selector"), of: arguments.domain("domain"))
            case "publish": try await keeper.publish(arguments.domain("domain"))
            default: throw ControlFailure.usage("unknown command `\(name)`")
            }
            return try await json(arguments.domain("domain"), looks: true)
        } catch let failure as KeyKeeper.Failure {
            throw ControlFailure(failure, language)
        }
    }

    private func kinds(_ arguments: Arguments) throws(ControlFailure) -> [KeyKind] {
        guard let text = arguments.json["algorithm"]?.string else { return [.rsa, .ed25519] }
        guard let kind = KeyKind(rawValue: text) else {
            throw .data(
                language.choose(
                    "`\(text)` is no algorithm for signing: rsa or ed25519",
                    "`\(text)` ist kein Verfahren zum Signieren: rsa oder ed25519"))
        }
        return [kind]
    }

    private func status(_ arguments: Arguments) async throws -> JSON {
        if arguments.json["domain"]?.string != nil {
            return try await json(arguments.domain("domain"), looks: true)
        }
        var list: [JSON] = []
        for domain in try await keeper.domains() {
            list.append(try await json(domain, looks: false))
        }
        return ["domains": .array(list)]
    }

    // MARK: - Answers

    private func json(_ domain: Domain, looks: Bool) async throws -> JSON {
        let status = try await keeper.status(of: domain, looks: looks)
        let (place, zone): (String, Name?) =
            switch status.place {
            case .here(let origin): ("zone", origin)
            case .pushed(let origin): ("push", origin)
            case .byHand: ("by-hand", nil)
            }
        return .object([
            ("domain", .string(domain.name)), ("signs", .bool(status.signs)),
            ("place", .string(place)), ("zone", JSON(zone?.description)),
            ("automatic", .bool(status.isAutomatic)),
            ("pending", .bool(status.keys.isPending)),
            ("keys", .array(status.keys.keys.map { json($0, status) })),
            ("findings", .array(findings(status))),
        ])
    }

    private func json(_ key: DomainKey, _ status: KeyStatus) -> JSON {
        let domain = status.keys.domain
        let time = { (time: Timestamp?) in JSON(time.map { CalendarDate($0).internetFormat }) }
        return .object([
            ("selector", .string(key.selector)), ("algorithm", .string(key.kind.rawValue)),
            ("state", .string(key.state.rawValue)),
            (
                "signing",
                .bool(
                    status.keys.signing(key.kind)?.selector == key.selector
                        && !status.lost.contains(key.selector))
            ),
            ("made", time(key.made)), ("since", time(key.since)),
            ("seen", time(key.rightSince == nil ? nil : key.seen)), ("used", time(key.used)),
            ("fault", JSON(key.fault?.rawValue)),
            ("name", JSON(key.name(of: domain)?.description)), ("text", .string(key.record)),
            ("record", .string(record(key, of: domain))),
        ])
    }

    /// A line for a master file.
    private func record(_ key: DomainKey, of domain: Domain) -> String {
        guard let name = key.name(of: domain) else { return "" }
        return ResourceRecord(
            owner: name, type: .txt, ttl: ZoneChange.defaultTTL,
            data: .txt(ManagedRecord.cut(Array(key.record.utf8)))
        ).text
    }

    private func findings(_ status: KeyStatus) -> [JSON] {
        var findings = status.findings.map { finding in
            json(
                finding.code, text(finding, status), advice(finding, status),
                isAlarming: finding.isAlarming)
        }
        for selector in status.lost.sorted() {
            findings.append(
                json(
                    "key-lost",
                    Wording(
                        "The key \(selector) cannot be opened: secret.key is not the one that it "
                            + "was sealed with.",
                        "Der Schlüssel \(selector) lässt sich nicht öffnen: secret.key ist nicht "
                            + "die Datei, mit der er versiegelt wurde."),
                    Wording(
                        "Restore secret.key from a backup, or `postreiter dkim rotate`.",
                        "secret.key aus einer Sicherung holen, oder `postreiter dkim rotate`."),
                    isAlarming: true))
        }
        for key in status.keys.keys {
            findings += self.findings(status.servers[key.selector], of: key)
        }
        if let trouble = status.trouble {
            findings.append(
                json(
                    "not-published",
                    Wording(
                        "The records could not be published: \(trouble)",
                        "Die Einträge ließen sich nicht veröffentlichen: \(trouble)"),
                    Wording(
                        "It is tried again every five minutes.",
                        "Alle fünf Minuten wird es wieder versucht."), isAlarming: true))
        }
        return findings
    }

    /// What the name servers themselves say of a key that is not in use yet, or is faulty.
    private func findings(
        _ servers: [AuthorityCheck.Sighting]?, of key: DomainKey
    ) -> [JSON] {
        guard let servers, key.isDoubted else { return [] }
        // Where no server has it, the finding of the key itself says all there is to say.
        let isAnywhere = servers.contains { $0.sighting == .right }
        var findings: [JSON] = []
        var reached = 0
        for server in servers {
            let name = server.address.map { "\(server.server) [\($0)]" } ?? "\(server.server)"
            switch server.sighting {
            case .right: reached += 1
            case .wrong(let fault):
                reached += 1
                guard isAnywhere else { continue }
                findings.append(
                    json(
                        "server-lacks-key",
                        Wording(
                            "The name server \(name) does not show the record of \(key.selector): "
                                + "\(words(fault).english).",
                            "Der Nameserver \(name) zeigt den Eintrag für \(key.selector) nicht: "
                                + "\(words(fault).german)."),
                        Wording(
                            "The key is used when all name servers show it: see that this one gets "
                                + "the zone (NOTIFY, zone transfer).",
                            "Der Schlüssel wird benutzt, wenn alle Nameserver ihn zeigen: Prüfen, ob "
                                + "dieser die Zone bekommt (NOTIFY, Zonentransfer)."),
                        isAlarming: false))
            case .failure(let failure):
                findings.append(
                    json(
                        "server-not-asked",
                        Wording(
                            "The name server \(name) could not be asked for \(key.selector) from "
                                + "here: \(failure).",
                            "Der Nameserver \(name) war von hier nicht nach \(key.selector) zu "
                                + "fragen: \(failure)."),
                        Wording(
                            "The key does not wait for it.",
                            "Der Schlüssel wartet nicht auf ihn."),
                        isAlarming: false))
            }
        }
        guard reached == 0 else { return findings }
        findings.append(
            json(
                "servers-not-asked",
                Wording(
                    "None of the name servers could be asked for \(key.selector): what the resolver "
                        + "of this server sees counts alone.",
                    "Keiner der Nameserver war nach \(key.selector) zu fragen: Es zählt allein, was "
                        + "der Resolver dieses Servers sieht."),
                Wording(
                    "If a firewall keeps this server from asking others than its resolver (port "
                        + "53), that is all right.",
                    "Lässt eine Firewall diesen Server nur seinen Resolver fragen (Port 53), ist "
                        + "das in Ordnung."),
                isAlarming: false))
        return findings
    }

    private func json(
        _ code: String, _ text: Wording, _ advice: Wording, isAlarming: Bool
    ) -> JSON {
        .object([
            ("code", .string(code)), ("alarm", .bool(isAlarming)),
            ("text", .string(text[language])), ("advice", .string(advice[language])),
        ])
    }

    private func text(_ finding: KeyFinding, _ status: KeyStatus) -> Wording {
        let domain = status.keys.domain
        return switch finding {
        case .unsigned where status.keys.keys.contains { $0.state == .visible }:
            Wording(
                "Mail of \(domain) goes without a signature: its keys were seen in the DNS only "
                    + "just now.",
                "Mail von \(domain) geht ohne Signatur: Die Schlüssel sind im DNS erst seit "
                    + "eben zu sehen.")
        case .unsigned:
            Wording(
                "Mail of \(domain) goes without a signature: no key of it was seen in the DNS.",
                "Mail von \(domain) geht ohne Signatur: Kein Schlüssel ist im DNS zu sehen.")
        case .unsignedKind(let kind):
            Wording(
                "No \(kind.rawValue) key of \(domain) can sign at the moment.",
                "Kein \(kind.rawValue)-Schlüssel von \(domain) kann zur Zeit signieren.")
        case .toPublish(let key):
            Wording(
                "The record of \(key.selector) is not in the zone of \(domain) yet.",
                "Der Eintrag für \(key.selector) fehlt in der Zone von \(domain) noch.")
        case .faulty(let key, let fault):
            Wording(
                "The record of \(key.selector) is not right: \(words(fault).english).",
                "Der Eintrag für \(key.selector) stimmt nicht: \(words(fault).german).")
        case .unseen(let key, let since):
            Wording(
                "The record of \(key.selector) could not be looked at since "
                    + "\(CalendarDate(since).internetFormat): no name server answers.",
                "Der Eintrag für \(key.selector) war seit \(CalendarDate(since).internetFormat) "
                    + "nicht abzufragen: Kein Nameserver antwortet.")
        }
    }

    private func words(_ fault: DomainKey.Fault) -> Wording {
        switch fault {
        case .missing: Wording("there is none", "es gibt keinen")
        case .revoked: Wording("its p= is empty", "sein p= ist leer")
        case .several: Wording("there are several", "es gibt mehrere")
        case .anotherKey: Wording("it holds another key", "er enthält einen anderen Schlüssel")
        case .unreadable: Wording("it is no DKIM key", "er ist kein DKIM-Schlüssel")
        case .unfit:
            Wording(
                "its tags keep it from signing with SHA-256",
                "seine Angaben lassen Signaturen mit SHA-256 nicht zu")
        case .stillThere:
            Wording(
                "the key is revoked and still there", "der Schlüssel ist widerrufen und noch da")
        }
    }

    private func advice(_ finding: KeyFinding, _ status: KeyStatus) -> Wording {
        let domain = status.keys.domain
        switch finding {
        case .unsigned where status.keys.keys.isEmpty:
            return Wording(
                "`postreiter dkim keygen \(domain)` makes keys.",
                "`postreiter dkim keygen \(domain)` erzeugt Schlüssel.")
        case .unsigned, .unsignedKind:
            guard
                status.place.isAutomatic
                    || status.keys.keys.contains(where: { $0.state == .visible })
            else {
                return Wording(
                    "Put the records below into the zone of \(domain).",
                    "Die Einträge unten in die Zone von \(domain) aufnehmen.")
            }
            return status.keys.isAwaiting
                ? Wording(
                    "Wait: keys are published, and sign once they were seen for a while. If "
                        + "others do not ask the zone that is kept here, put the records below "
                        + "into the one that they ask.",
                    "Warten: Schlüssel sind veröffentlicht und signieren, sobald sie eine Weile "
                        + "zu sehen waren. Fragen andere nicht die Zone, die hier liegt, gehören "
                        + "die Einträge unten in die, die sie fragen.")
                : Wording(
                    "See what is said of the keys.", "Siehe, was zu den Schlüsseln gesagt wird.")
        case .toPublish(let key):
            return key.state == .revoked
                ? Wording(
                    "Replace its record by the one below; after a month it may go.",
                    "Seinen Eintrag durch den unten ersetzen; nach einem Monat darf er weg.")
                : Wording(
                    "Put the record below into the zone.",
                    "Den Eintrag unten in die Zone aufnehmen."
                )
        case .faulty:
            return status.place.isAutomatic
                ? Wording(
                    "`postreiter dkim publish \(domain)` writes it again; `zone history` says who "
                        + "has changed it.",
                    "`postreiter dkim publish \(domain)` schreibt ihn neu; `zone history` sagt, wer "
                        + "ihn geändert hat.")
                : Wording(
                    "Put the record below in its place.", "Ihn durch den Eintrag unten ersetzen.")
        case .unseen:
            return Wording(
                "See whether the name servers of \(domain) answer.",
                "Prüfen, ob die Nameserver von \(domain) antworten.")
        }
    }
}

extension ControlFailure {
    /// In the language of whoever gave the command.
    init(_ failure: KeyKeeper.Failure, _ language: Language) {
        self = .data(Self.text(failure, language))
    }

    private static func text(_ failure: KeyKeeper.Failure, _ language: Language) -> String {
        switch failure {
        case .notHosted(let domain):
            language.choose(
                "\(domain) is not hosted here: `postreiter domain add \(domain)` first",
                "\(domain) wird hier nicht betrieben: zuerst `postreiter domain add \(domain)`")
        case .failed(let domain, let reason):
            language.choose(
                "the keys of \(domain): \(reason); it is tried again",
                "die Schlüssel von \(domain): \(reason); es wird wieder versucht")
        case .refused(let domain, .underWay(let selector)):
            language.choose(
                "the key \(selector) of \(domain) does not sign yet: see `postreiter dkim status "
                    + "\(domain)`, or revoke it",
                "der Schlüssel \(selector) von \(domain) signiert noch nicht: siehe `postreiter "
                    + "dkim status \(domain)`, oder ihn widerrufen")
        case .refused(let domain, .selectorTaken(let selector)):
            language.choose(
                "\(domain) has a key \(selector) already",
                "\(domain) hat schon einen Schlüssel "
                    + selector)
        case .refused(_, .selectorInvalid(let selector)):
            language.choose(
                "`\(selector)` is no selector: small letters, digits and inner hyphens, in labels "
                    + "with dots between them",
                "`\(selector)` ist kein Selektor: kleine Buchstaben, Ziffern und innere "
                    + "Bindestriche, in Teilen mit Punkten dazwischen")
        case .refused(let domain, .unknownSelector(let selector)):
            language.choose(
                "\(domain) has no key \(selector) that could be revoked",
                "\(domain) hat keinen Schlüssel \(selector), der sich widerrufen ließe")
        case .refused(_, .noCryptography):
            language.choose("no keys can be made here", "hier entstehen keine Schlüssel")
        }
    }
}
