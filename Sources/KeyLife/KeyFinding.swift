// SPDX-License-Identifier: Apache-2.0

package import DKIM
package import World

/// What an operator should know of a domain's keys.
package enum KeyFinding: Hashable, Sendable {
    /// Mail goes without any signature: no key can sign.
    case unsigned
    /// Mail goes without a signature of this kind.
    case unsignedKind(KeyKind)
    /// The record is to be put into the zone by hand.
    case toPublish(DomainKey)
    /// Something is wrong with the record of a key.
    case faulty(DomainKey, DomainKey.Fault)
    /// Nobody could look at the record since then.
    case unseen(DomainKey, since: Timestamp)

    /// Whether mail suffers from it, so that somebody should be told.
    package var isAlarming: Bool {
        switch self {
        case .unsigned, .unsignedKind: true
        case .faulty(let key, _): key.state == .active
        case .unseen(let key, _): key.state == .active
        case .toPublish: false
        }
    }

    /// A word that does not change with releases.
    package var code: String {
        switch self {
        case .unsigned: "unsigned"
        case .unsignedKind: "unsigned-kind"
        case .toPublish: "to-publish"
        case .faulty: "record-wrong"
        case .unseen: "record-unseen"
        }
    }
}

extension DomainKeys {
    /// What is to be said now; `isByHand`: the zone is kept where nobody but a person changes it.
    package func findings(
        at now: Timestamp, _ rules: KeyRules, isByHand: Bool
    ) -> [KeyFinding] {
        var findings: [KeyFinding] = []
        let unsigned = rules.kinds.filter { signing($0) == nil }
        if unsigned.count == rules.kinds.count {
            findings.append(.unsigned)
        } else {
            findings += unsigned.map { .unsignedKind($0) }
        }
        for key in keys {
            if let fault = key.fault { findings.append(.faulty(key, fault)) }
            if isByHand, needsHand(key) { findings.append(.toPublish(key)) }
            let seen = key.seen ?? key.since
            if key.state == .active, now >= seen + .seconds(KeyRules.blindness) {
                findings.append(.unseen(key, since: seen))
            }
        }
        return findings
    }

    private func needsHand(_ key: DomainKey) -> Bool {
        switch key.state {
        case .made, .published: true
        case .visible: false
        case .active, .retired: key.fault != nil
        case .revoked: key.rightSince == nil
        }
    }
}
