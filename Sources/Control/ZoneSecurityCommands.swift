// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import DNSSEC
import Mail
import NameService
import Storage
import World
import ZoneStore

/// `zone.dnssec.…`: signing zones, and what is to be done for it in the zone above.
struct ZoneSecurityCommands {
    let security: ZoneSecurity
    let zones: Zones
    let author: String
    let language: Language

    static let prefix = "zone.dnssec."

    /// Carries a command out.
    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        let origin = try ZoneArguments.name(try arguments.text("zone"))
        do {
            switch name.dropFirst(Self.prefix.count) {
            case "enable":
                try await security.enable(
                    origin, denial(arguments), policy(arguments), by: author)
            case "disable":
                try await security.disable(
                    origin, isForced: arguments.flag("now"), by: author)
            case "roll": try await security.roll(origin, role(arguments))
            case "confirm": try await security.confirm(origin)
            case "export": return try await export(origin)
            case "status", "ds": break
            default: throw ControlFailure.usage("unknown command `\(name)`")
            }
            let isQuestion = name.hasSuffix("status") || name.hasSuffix("ds")
            return json(try await security.status(of: origin, asksParent: isQuestion))
        } catch let failure as ZoneSecurity.Failure {
            throw ControlFailure.data(text(failure))
        } catch let failure as ZoneFailure {
            throw ControlFailure(failure, language)
        }
    }

    // MARK: - Arguments

    private func denial(_ arguments: Arguments) -> DenialOfExistence {
        arguments.flag("nsec3") ? .nsec3 : .nsec
    }

    private func policy(_ arguments: Arguments) throws(ControlFailure) -> KeyPolicy {
        var policy = KeyPolicy()
        if let number = arguments.number("algorithm") {
            guard let algorithm = UInt8(exactly: number).flatMap(SigningAlgorithm.init) else {
                throw .data(
                    language.choose(
                        "\(number) is no algorithm for signing: 13 (ECDSA P-256) or 15 (Ed25519)",
                        "\(number) ist kein Verfahren zum Signieren: 13 (ECDSA P-256) oder 15 "
                            + "(Ed25519)"))
            }
            policy.algorithm = algorithm
        }
        policy.isCombined = arguments.flag("single-key")
        return policy
    }

    private func role(_ arguments: Arguments) throws(ControlFailure) -> ZoneKey.Role {
        guard let role = ZoneKey.Role(rawValue: try arguments.text("role")) else {
            throw .usage("`role` is ksk, zsk or csk")
        }
        return role
    }

    // MARK: - Answers

    /// What is answered of the zone, as a master file.
    private func export(_ origin: Name) async throws -> JSON {
        let stored = try await zones.zone(origin)
        let served = try await zones.served(origin)?.records ?? stored.records()
        return ["text": .string(String(lossy: MasterFile.canonicalText(of: served)))]
    }

    private func json(_ status: ZoneSecurityStatus) -> JSON {
        guard status.isSigned else {
            return [
                "zone": .string(status.origin.description), "signed": false,
                "advice": .string(advice(status)),
            ]
        }
        let entries = status.announced.map { self.entries($0, status) } ?? .array([])
        return .object([
            ("zone", .string(status.origin.description)), ("signed", true),
            ("ending", .bool(status.isEnding)),
            ("algorithm", .integer(Int64(status.algorithm?.rawValue ?? 0))),
            ("denial", .string(status.denial?.rawValue ?? "")),
            ("keys", .array(status.keys.map(json))), ("ds", entries),
            ("parent", parent(status)),
            ("signatures_expire", JSON(status.expiration.map { CalendarDate($0).internetFormat })),
            ("alarm", .bool(status.isAlarming)),
            ("next_change", JSON(status.nextChange.map { CalendarDate($0).internetFormat })),
            ("duty", .string(word(status.duty))), ("advice", .string(advice(status))),
        ])
    }

    private func json(_ key: ZoneSecurityStatus.Key) -> JSON {
        .object([
            ("tag", .integer(Int64(key.key.tag))), ("role", .string(key.key.role.rawValue)),
            ("state", .string(key.key.state.rawValue)), ("signing", .bool(key.key.isSigning)),
            ("since", .string(CalendarDate(key.key.since).internetFormat)),
            ("until", JSON(key.key.due.map { CalendarDate($0).internetFormat })),
            ("named_by_parent", .bool(key.isNamed)),
            ("dnskey", .string(key.key.record.data.text(as: .dnskey))),
        ])
    }

    private func entries(_ key: ZoneSecurityStatus.Key, _ status: ZoneSecurityStatus) -> JSON {
        .array(
            key.entries.map { ds in
                let data = ds.data.text(as: .ds)
                return .object([
                    ("tag", .integer(Int64(ds.tag))),
                    ("algorithm", .integer(Int64(ds.algorithm))),
                    ("digest_type", .integer(Int64(ds.digestType))),
                    ("digest", .string(Hexadecimal.encode(ds.digest))),
                    ("record", .string("\(status.origin.absolute) IN DS \(data)")),
                ])
            })
    }

    private func parent(_ status: ZoneSecurityStatus) -> JSON {
        guard let view = status.parent else { return .null }
        return .object([
            ("seen", .string(CalendarDate(view.time).internetFormat)),
            ("failure", JSON(view.failure?.description)),
            ("tags", .array(view.entries.map { .integer(Int64($0.tag)) })),
        ])
    }

    private func word(_ duty: ZoneSecurityStatus.Duty) -> String {
        switch duty {
        case .none: "none"
        case .wait: "wait"
        case .announce: "announce"
        case .withdraw: "withdraw"
        }
    }

    /// What the operator has to do, in one sentence.
    private func advice(_ status: ZoneSecurityStatus) -> String {
        let origin = status.origin
        guard status.isSigned else {
            return language.choose(
                "\(origin) is not signed; `zone dnssec enable \(origin)` signs it.",
                "\(origin) ist nicht signiert; `zone dnssec enable \(origin)` signiert sie.")
        }
        switch status.duty {
        case .none:
            return language.choose(
                "There is nothing to do.", "Es ist nichts zu tun.")
        case .wait(let time):
            let time = CalendarDate(time).internetFormat
            return status.isEnding
                ? language.choose(
                    "There is nothing to do: the signatures go at \(time).",
                    "Es ist nichts zu tun: Die Signaturen verschwinden am \(time).")
                : language.choose(
                    "Wait: from \(time) on the DS record may be put into the zone above.",
                    "Bitte warten: Ab \(time) darf der DS-Eintrag in die übergeordnete Zone.")
        case .announce(let others):
            let tags = others.map(String.init).joined(separator: ", ")
            return others.isEmpty
                ? language.choose(
                    "Give the DS record that `zone dnssec ds \(origin)` prints to the registrar of "
                        + "\(origin), unless it follows CDS records by itself.",
                    "Geben Sie den DS-Eintrag, den `zone dnssec ds \(origin)` ausgibt, beim "
                        + "Registrar von \(origin) an, wenn der nicht selbst CDS-Einträgen folgt.")
                : language.choose(
                    "At the registrar of \(origin), put the DS record that `zone dnssec ds "
                        + "\(origin)` prints in the place of the one with the key tag \(tags), "
                        + "unless it follows CDS records by itself.",
                    "Ersetzen Sie beim Registrar von \(origin) den DS-Eintrag mit der Kennung "
                        + "\(tags) durch den, den `zone dnssec ds \(origin)` ausgibt, wenn der "
                        + "nicht selbst CDS-Einträgen folgt.")
        case .withdraw:
            return language.choose(
                "Have all DS records of \(origin) removed at its registrar; it stays signed until "
                    + "they are forgotten everywhere.",
                "Lassen Sie beim Registrar von \(origin) alle DS-Einträge entfernen; bis sie "
                    + "überall vergessen sind, bleibt sie signiert.")
        }
    }

    private func text(_ failure: ZoneSecurity.Failure) -> String {
        switch failure {
        case .notSigned(let origin):
            language.choose(
                "\(origin) is not signed; `zone dnssec enable \(origin)` signs it",
                "\(origin) ist nicht signiert; `zone dnssec enable \(origin)` signiert sie")
        case .alreadySigned(let origin):
            language.choose(
                "\(origin) is signed in this way already; see `zone dnssec status \(origin)`",
                "\(origin) ist schon so signiert; siehe `zone dnssec status \(origin)`")
        case .roll(let origin, .underWay):
            language.choose(
                "a key of \(origin) is being replaced already; see `zone dnssec status \(origin)`",
                "bei \(origin) wird schon ein Schlüssel ersetzt; siehe "
                    + "`zone dnssec status \(origin)`")
        case .roll(let origin, .noSuchKey):
            language.choose(
                "\(origin) has no such key; see `zone dnssec status \(origin)`",
                "\(origin) hat keinen solchen Schlüssel; siehe `zone dnssec status \(origin)`")
        case .roll(let origin, .ending):
            language.choose(
                "\(origin) is about to lose its signatures; `zone dnssec enable \(origin)` keeps "
                    + "them",
                "\(origin) verliert ihre Signaturen; `zone dnssec enable \(origin)` behält sie")
        case .sealed(let origin):
            language.choose(
                "the keys of \(origin) cannot be opened: this host's secret key is another one "
                    + "than when they were made; restore its file from a backup",
                "die Schlüssel von \(origin) lassen sich nicht öffnen: Der geheime Schlüssel "
                    + "dieses Rechners ist ein anderer als bei ihrer Entstehung; stellen Sie seine "
                    + "Datei aus einer Sicherung wieder her")
        case .noCryptography:
            language.choose(
                "zones cannot be signed here", "Zonen können hier nicht signiert werden")
        case .notPublished(let origin):
            language.choose(
                "\(origin) could not be published with signatures; the log of the server says why",
                "\(origin) ließ sich nicht mit Signaturen veröffentlichen; das Protokoll des "
                    + "Servers sagt, warum")
        }
    }
}
