// SPDX-License-Identifier: Apache-2.0

package import Defence
package import Milter

/// What is done against those who mean harm, but for what other settings say already.
package struct DefenceSettings: Sendable, Equatable {
    package var policy = DefencePolicy()
    /// Asked in this order.
    package var filters: [MilterFilter] = []

    package init() {}
}

extension SettingsFile {
    func readDefence(_ settings: inout DefenceSettings) throws(SettingsError) {
        settings.filters = try list(
            "defence.filters",
            "inet:ADDRESS:PORT or unix:/PATH, perhaps with fail=accept and timeout=SECONDS"
        ) { MilterFilter($0) }
        settings.policy.lists = try list(
            "defence.lists",
            """
            a zone such as `zen.example`, perhaps with of=domain, action=reject, note or bypass, \
            weight=4 and codes=127.0.0.2-127.0.0.11
            """
        ) { DNSList($0) }
        if texts("defence.rates") != nil {
            settings.policy.rates = try list(
                "defence.rates",
                """
                `account 1000/hour`: account, account-domain, network, sender, sender-domain or \
                recipient, and a number for each minute, hour or day
                """
            ) { RateLimit($0) }
        }
        try readScore(&settings.policy)
        if try flag("defence.greylist") {
            var greylist = Greylist()
            let minutes = try number("defence.greylist-minutes", in: 1...240, default: 5)
            greylist.delay = .seconds(60 * minutes)
            settings.policy.greylist = greylist
        }
        settings.policy.maximumErrors = try number("defence.errors", in: 0...10_000, default: 20)
        if text("defence.bans") != nil { settings.policy.bansUnasked = try flag("defence.bans") }
        if let line = text("defence.rspamd") {
            guard let scanner = DefencePolicy.Scanner(line) else {
                throw wrong(
                    "defence.rspamd", line,
                    "ADDRESS:PORT, perhaps with action=score and fail=tempfail")
            }
            settings.policy.scanner = scanner
        }
        settings.policy.maximumScannedOctets = try number(
            "defence.scanned-octets", in: 1_024...104_857_600,
            default: settings.policy.maximumScannedOctets)
    }

    private func readScore(_ policy: inout DefencePolicy) throws(SettingsError) {
        let weights = try list("defence.weights", "a test and what it weighs: `spf=fail 2.5`") {
            line -> (String, Points)? in
            let words = line.split(separator: " ")
            guard words.count == 2, let weight = Points(words[1]) else { return nil }
            return (String(words[0]), weight)
        }
        policy.weights = Weights(Dictionary(weights) { _, last in last })
        let usual = policy.thresholds
        policy.thresholds.mark = try threshold("defence.mark", usual.mark)
        policy.thresholds.junk = try threshold("defence.junk", usual.junk)
        policy.thresholds.postpone = try threshold("defence.postpone", usual.postpone)
        policy.thresholds.reject = try threshold("defence.reject", usual.reject)
    }

    private func threshold(
        _ key: String, _ usual: Points?
    ) throws(SettingsError) -> Points? {
        guard let text = text(key) else { return usual }
        if text == "none" { return nil }
        guard let points = Points(text), points > 0 else {
            throw wrong(key, text, "a number above 0 such as 7.5, or `none`")
        }
        return points
    }
}
