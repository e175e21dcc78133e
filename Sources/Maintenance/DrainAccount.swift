// SPDX-License-Identifier: Apache-2.0

import DNS
package import Mail
import World

extension Drain {
    /// Where it stands and what is waited for, in one sentence with a final dot.
    package func text(_ language: Language) -> String {
        let (host, until) = (host, deadline.map { CalendarDate($0).internetFormat } ?? "")
        switch phase {
        case .lowering:
            return language.choose(
                "\(host): the TTL of \(places(language)) is being lowered.",
                "\(host): die TTL von \(places(language)) wird gesenkt.")
        case .waitingForOldTTL:
            return language.choose(
                "\(host): waiting until \(until), because caches may hold the old answer with its "
                    + "TTL of \(longestTTL) seconds.",
                "\(host): warten bis \(until), denn Caches dürfen die alte Antwort mit ihrer TTL "
                    + "von \(longestTTL) Sekunden so lange behalten.")
        case .moving:
            return language.choose(
                "\(host): its MX records are being \(manner == .remove ? "taken out" : "moved back").",
                "\(host): seine MX-Einträge werden "
                    + (manner == .remove ? "herausgenommen." : "nach hinten gestellt."))
        case .waitingForNewTTL:
            return language.choose(
                "\(host): waiting until \(until), while the last caches forget it.",
                "\(host): warten bis \(until), bis die letzten Caches ihn vergessen haben.")
        case .unlisting:
            return language.choose(
                "\(host): it is being taken out of MTA-STS policies.",
                "\(host): er wird aus MTA-STS-Policies genommen.")
        case .watching:
            return language.choose(
                "\(host): no zone names it any more; waiting until nobody has sent a message for "
                    + "\(Self.quietSeconds / 60) minutes.",
                "\(host): keine Zone nennt ihn mehr; warten, bis \(Self.quietSeconds / 60) Minuten "
                    + "lang niemand eine Nachricht geschickt hat.")
        case .safe: return safety(language)
        case .relisting:
            return language.choose(
                "\(host): it is being put back into MTA-STS policies.",
                "\(host): er wird in MTA-STS-Policies zurückgestellt.")
        case .waitingForPolicies:
            return language.choose(
                "\(host): waiting until \(until), because senders may keep the MTA-STS policies of "
                    + "\(language.list(unlisted.map(\.description))) so long.",
                "\(host): warten bis \(until), denn Absender dürfen die MTA-STS-Policies von "
                    + "\(language.list(unlisted.map(\.description))) so lange behalten.")
        case .restoring:
            return language.choose(
                "\(host): its MX records are being restored.",
                "\(host): seine MX-Einträge werden wiederhergestellt.")
        case .restored:
            return language.choose(
                "\(host): back since \(CalendarDate(since).internetFormat).",
                "\(host): zurück seit \(CalendarDate(since).internetFormat).")
        }
    }

    /// What is to be known beside: one sentence each.
    package func remarks(_ facts: Facts, _ language: Language) -> [String] {
        var remarks: [String] = []
        let kept = sets.filter { $0.state == .kept }.map(\.owner.description)
        if !kept.isEmpty {
            remarks.append(
                language.choose(
                    "\(language.list(kept)) has no other exchanger: while \(host) is stopped, mail "
                        + "for it waits at its senders.",
                    "\(language.list(kept)) hat keinen anderen Exchanger: Solange \(host) steht, "
                        + "wartet Mail dafür bei den Absendern."))
        }
        let naming = naming(in: facts.zones).map(\.description)
        if !naming.isEmpty {
            remarks.append(
                language.choose(
                    "Somebody has put it back into \(language.list(naming)).",
                    "Jemand hat ihn in \(language.list(naming)) wieder eingetragen."))
        }
        if facts.isSpreading == true {
            remarks.append(
                language.choose(
                    "A name server of these zones still answers as before.",
                    "Ein Nameserver dieser Zonen antwortet noch wie vorher."))
        }
        if facts.arrivals == nil, [.watching, .safe].contains(phase) {
            remarks.append(
                language.choose(
                    "It is not this server: who still comes to it is counted there, not here.",
                    "Er ist nicht dieser Server: Wer noch zu ihm kommt, wird dort gezählt."))
        }
        return remarks
    }

    private func safety(_ language: Language) -> String {
        let time = CalendarDate(since).internetFormat
        return isSafeDespiteArrivals
            ? language.choose(
                "\(host): safe to stop since \(time), although some senders still come: they do "
                    + "not heed the DNS, and find the others when it is gone.",
                "\(host): darf seit \(time) angehalten werden, obwohl noch Absender kommen: Sie "
                    + "achten nicht auf den DNS und finden die anderen, wenn er fort ist.")
            : language.choose(
                "\(host): safe to stop since \(time).",
                "\(host): darf seit \(time) angehalten werden.")
    }

    /// Some owners, and how many there are.
    private func places(_ language: Language) -> String {
        let owners = sets.filter { $0.state == .named }.map(\.owner.description)
        return owners.count <= 3
            ? language.list(owners)
            : language.choose("\(owners.count) domains", "\(owners.count) Domains")
    }
}
