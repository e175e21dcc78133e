// SPDX-License-Identifier: Apache-2.0

import DNS
package import Mail

extension Reason {
    /// One sentence without a final dot, fit for a reply and for a notification.
    package func text(_ language: Language) -> String {
        let shown = { (domain: Domain) in language.choose(domain.name, domain.unicode) }
        return switch self {
        case .noSuchDomain(let domain): diagnosis.text(in: language, shown(domain))
        case .noMailHost(let domain): diagnosis.text(in: language, shown(domain))
        case .nullMX(let domain): diagnosis.text(in: language, shown(domain))
        case .noAddress(let domain): diagnosis.text(in: language, shown(domain))
        case .addressesUnknown(let domain): diagnosis.text(in: language, shown(domain))
        case .unknownLiteral(let literal): diagnosis.text(in: language, "\(literal)")
        case .loop(let destination): diagnosis.text(in: language, "\(destination)")
        case .lookUpFailed(let domain, let failure):
            diagnosis.text(in: language, shown(domain), failure.text(language))
        case .relayHostUnknown(let host): diagnosis.text(in: language, "\(host)")
        case .directoryUnknown: diagnosis.text(in: language)
        case .hostsSuspended(let hosts):
            diagnosis.text(in: language, hosts.joined(separator: ", "))
        }
    }

    private var diagnosis: Diagnosis {
        switch self {
        case .noSuchDomain: .noSuchDomain
        case .noMailHost: .noMailHost
        case .unknownLiteral: .unknownLiteral
        case .nullMX: .nullMX
        case .noAddress: .noAddress
        case .loop: .loop
        case .lookUpFailed: .lookUpFailed
        case .addressesUnknown: .addressesUnknown
        case .relayHostUnknown: .relayHostUnknown
        case .directoryUnknown: .directoryUnknown
        case .hostsSuspended: .hostsSuspended
        }
    }
}

extension Answer.Failure {
    func text(_ language: Language) -> String {
        switch self {
        case .timeout: Diagnosis.nameServerSilent.text(in: language)
        case .serverFailure: Diagnosis.nameServerFailed.text(in: language)
        case .refused: Diagnosis.nameServerRefused.text(in: language)
        case .bogus(let reason): Diagnosis.notValidated.text(in: language, reason)
        case .malformed(let reason): Diagnosis.answerUseless.text(in: language, reason)
        }
    }
}
