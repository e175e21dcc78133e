// SPDX-License-Identifier: Apache-2.0

import Defence
import ScriptStore
import Testing

@Suite("RFC 5235: what filters found, as scripts may ask for it")
struct FilterFindingsTests {
    @Test(
        "Junk is half of it, what is refused all of it",
        arguments: [
            (-300, 0), (0, 0), (400, 25), (800, 50), (1400, 75), (2000, 100), (9000, 100),
        ])
    func percent(_ hundredths: Int, _ percent: Int) {
        let score = Score([.init("x", Points(hundredths: hundredths), "")])
        #expect(FilterFindings(Verdict(score, .init(), action: .accept)).spamPercent == percent)
    }

    @Test("Without thresholds, and by a filter's word, it is a number all the same")
    func thresholds() {
        var thresholds = Score.Thresholds()
        thresholds.reject = nil
        let score = Score([.init("x", 12, "")])
        #expect(FilterFindings(Verdict(score, thresholds)).spamPercent == 75)
        thresholds.junk = nil
        #expect(FilterFindings(Verdict(score, thresholds)).spamPercent == 75)
        thresholds.reject = 4
        thresholds.junk = 8
        #expect(FilterFindings(Verdict(Score([.init("x", 4, "")]), thresholds)).spamPercent >= 25)
        #expect(FilterFindings(Verdict(Score(), .init(), action: .junk)).spamPercent == 50)
    }

    @Test(
        "A virus is what a scanner calls so",
        arguments: [
            ("virus=clean", 1), ("virus=found", 5), ("rspamd=CLAM_VIRUS", 5),
            ("rspamd=CLAM_VIRUS_ENCRYPTED", 4), ("rspamd=CLAM_VIRUS_MACRO", 4),
            ("rspamd=CLAM_VIRUS_FAIL", nil), ("rspamd=BAYES_SPAM", nil), ("spf=fail", nil),
        ])
    func virus(_ name: String, _ score: Int?) {
        let verdict = Verdict(Score([.init(name, 0, ""), .init("x", 1, "")]), .init())
        #expect(FilterFindings(verdict).virusScore == score)
    }
}
