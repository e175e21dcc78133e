// SPDX-License-Identifier: Apache-2.0

package import DNS
package import Mail
package import Storage
package import ZoneCheck

/// Why something was not done to a zone.
package enum ZoneFailure: Error, Sendable {
    case unknownZone(Name)
    /// No zone is kept in which the name stands.
    case noZoneAbove(Name)
    case zoneExists(Name)
    /// The zone is another server's; it is changed there.
    case isSecondary(Name)
    case unknownVersion(Name, Int64)
    /// Somebody else changed the zone in between.
    case changedMeanwhile(Name)
    case refused(Name, ZoneEditRefusal)
    /// Faults of the text.
    case unreadable(Name, [MasterFile.Fault])
    /// The records make no zone: one sentence each.
    case invalid(Name, [String])
    case tooLong(Name, octets: Int)
    /// No key of that name is known.
    case unknownKey(Name)
    /// A dynamic update is not made, with this response (RFC 2136 §2.2).
    case updateRefused(ResponseCode)
    /// What was asked for makes no sense: a sentence.
    case unfit(String)
    case storage(StorageFailure)

    /// What a transaction threw.
    init(_ error: any Error) {
        switch error {
        case let failure as ZoneFailure: self = failure
        case let failure as StorageFailure: self = .storage(failure)
        default: self = .storage(.inputOutput("\(error)"))
        }
    }

    /// What happened and what to do.
    package func text(_ language: Language) -> String {
        switch self {
        case .unknownZone(let origin):
            language.choose(
                "there is no zone \(origin) here; `zone list` names all, `zone import` adds one",
                "es gibt hier keine Zone \(origin); `zone list` nennt alle, "
                    + "`zone import` legt eine an")
        case .noZoneAbove(let name):
            language.choose(
                "no zone that is kept here holds \(name); `zone list` names all",
                "keine der Zonen hier enthält \(name); `zone list` nennt alle")
        case .zoneExists(let origin):
            language.choose(
                "the zone \(origin) is there already; --replace puts another text in its place",
                "die Zone \(origin) gibt es schon; --replace ersetzt ihren Text")
        case .isSecondary(let origin):
            language.choose(
                "\(origin) is copied from another name server; change it there",
                "\(origin) wird von einem anderen Nameserver kopiert; ändern Sie sie dort")
        case .unknownVersion(let origin, let version):
            language.choose(
                "\(origin) has no version \(version) any more; `zone history \(origin)` lists them",
                "\(origin) hat keine Version \(version) (mehr); `zone history \(origin)` listet sie"
            )
        case .changedMeanwhile(let origin):
            language.choose(
                "somebody else changed \(origin) just now: look at it, then try again",
                "\(origin) wurde eben von anderen geändert: ansehen, dann noch einmal versuchen")
        case .refused(let origin, let refusal):
            "\(origin): \(refusal.text(language))"
        case .unreadable(let origin, let faults):
            faults.map { "\(origin):\($0)" }.joined(separator: "\n")
        case .invalid(let origin, let faults):
            faults.map { "\(origin): \($0)" }.joined(separator: "\n")
        case .tooLong(let origin, let octets):
            language.choose(
                "\(origin) would have \(octets) octets; at most \(Zones.maximumTextOctets) are kept",
                "\(origin) hätte \(octets) Oktette; höchstens \(Zones.maximumTextOctets) sind möglich"
            )
        case .unknownKey(let name):
            language.choose(
                "there is no key \(name); `zone key list` names all, `zone key add` adds one",
                "es gibt keinen Schlüssel \(name); `zone key list` nennt alle, "
                    + "`zone key add` legt einen an")
        case .updateRefused(let code): "the update is refused: \(code.rawValue)"
        case .unfit(let reason): reason
        case .storage(let failure): failure.description
        }
    }
}

extension ZoneFailure: CustomStringConvertible {
    package var description: String { text(.english) }
}
