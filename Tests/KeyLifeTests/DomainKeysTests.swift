// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import KeyLife
import Mail
import Testing
import World

@Suite("RFC 6376 §3.6.1: the life of a domain's keys")
struct DomainKeysTests {
    private static let day: Int64 = 86400

    @Test("Both keys are made, published, seen twice, and only then sign")
    func firstKeys() throws {
        var life = try Life()
        try life.step()
        #expect(life.states == ["pr2026a-rsa visible", "pr2026a-ed visible"])
        #expect(life.signing == [])
        #expect(life.findings() == ["unsigned"])
        try life.pass(540)
        #expect(life.signing == [], "not before the confirmation")
        try life.pass(120)
        #expect(life.signing == ["pr2026a-rsa", "pr2026a-ed"])
        #expect(life.findings() == [])
    }

    @Test("Seeing a record once is not enough, however long ago")
    func onceIsNotEnough() throws {
        var life = try Life()
        life.rules.confirmation = 0
        try life.step()
        #expect(life.signing == [])
        life.isAway = true
        try life.pass(7 * Self.day, by: 3600)
        #expect(life.signing == [])
        life.isAway = false
        try life.pass(900)
        #expect(life.signing == ["pr2026a-rsa", "pr2026a-ed"])
    }

    @Test("A year: successors come by themselves, old keys are revoked a week after their last use")
    func year() throws {
        var life = try Life()
        try life.pass(179 * Self.day, by: 3600)
        #expect(life.states == ["pr2026a-rsa active", "pr2026a-ed active"])
        try life.pass(2 * Self.day, by: 3600)
        #expect(
            life.states == [
                "pr2026a-rsa retired", "pr2026a-ed retired", "pr2026b-rsa active",
                "pr2026b-ed active",
            ])
        #expect(life.signing == ["pr2026b-rsa", "pr2026b-ed"])
        try life.pass(5 * Self.day, by: 3600)
        #expect(life.keys["pr2026a-rsa"]?.state == .retired)
        try life.pass(2 * Self.day, by: 3600)
        #expect(life.keys["pr2026a-rsa"]?.state == .revoked)
        #expect(life.zone["pr2026a-rsa"] == ["v=DKIM1; k=rsa; p="])
        #expect(life.zone["pr2026a-ed"] == ["v=DKIM1; k=ed25519; p="])
        #expect(life.findings() == [])
        try life.pass(31 * Self.day, by: 3600)
        #expect(life.zone.keys.sorted() == ["pr2026b-ed", "pr2026b-rsa"])
        try life.pass(150 * Self.day, by: 3600)
        #expect(life.signing == ["pr2027c-rsa", "pr2027c-ed"], "a letter never comes again")
    }

    @Test("At every moment of two years with faults, what signs was right when last seen")
    func neverUnseen() throws {
        var life = try Life()
        for turn in 0..<(2 * 365 * 8) {
            // Away for a day now and then, and a record lost for some hours.
            life.isAway = turn % 97 < 8
            if turn % 211 == 100, let lost = life.signing.first { life.zone[lost] = nil }
            if turn % 211 == 103 { life.publish() }
            try life.pass(3 * 3600, by: 900)
            for selector in life.signing {
                let seen = life.sightings[selector] ?? []
                #expect(seen.last?.isRight == true, "\(selector) at \(life.now)")
                let right = seen.filter(\.isRight).map(\.time)
                let (first, last) = (try #require(right.first), try #require(right.last))
                #expect(last - first >= .seconds(life.rules.confirmation))
            }
            #expect(life.keys.keys.count <= 8)
        }
        let selectors = life.events.compactMap { event -> String? in
            if case .made(let key) = event { key.selector } else { nil }
        }
        #expect(Set(selectors).count == selectors.count && selectors.count >= 8)
    }

    @Test("A key that is used on is not revoked")
    func usedOn() throws {
        var life = try Life()
        try life.pass(Self.day, by: 600)
        // The successor is made but lost at once: the one before goes on.
        var number: UInt8 = 100
        life.events += try life.keys.rotate([.rsa], at: life.now) { _, _ in
            number += 1
            return [number]
        }
        try life.pass(1200)
        #expect(life.signing == ["pr2026b-rsa", "pr2026a-ed"])
        life.zone["pr2026b-rsa"] = nil
        try life.pass(7 * 3600, by: 600)
        #expect(life.signing == ["pr2026a-rsa", "pr2026a-ed"])
        #expect(life.findings() == ["missing pr2026b-rsa"])
        try life.pass(20 * Self.day, by: 3600)
        #expect(life.keys["pr2026a-rsa"]?.state == .retired, "it signs every hour")
        life.publish()
        try life.pass(Self.day, by: 3600)
        #expect(life.signing == ["pr2026b-rsa", "pr2026a-ed"])
        try life.pass(8 * Self.day, by: 3600)
        #expect(life.keys["pr2026a-rsa"]?.state == .revoked)
    }

    @Test("A domain whose zone is kept elsewhere waits for a person")
    func byHand() throws {
        var life = try Life()
        life.publishing = .byHand
        try life.pass(3 * Self.day, by: 3600)
        #expect(life.states == ["pr2026a-rsa made", "pr2026a-ed made"])
        #expect(life.findings() == ["unsigned", "publish pr2026a-rsa", "publish pr2026a-ed"])
        life.zone["pr2026a-ed"] = [life.keys.keys[1].record]
        try life.pass(2 * 3600)
        #expect(life.signing == ["pr2026a-ed"])
        #expect(life.findings() == ["unsigned rsa", "publish pr2026a-rsa"])
        life.zone["pr2026a-rsa"] = [life.keys.keys[0].record]
        try life.pass(2 * 3600)
        #expect(life.findings() == [])
        try life.pass(400 * Self.day, by: 3600)
        #expect(life.keys.keys.count == 2, "nobody is asked to paste unless somebody rotates")
        _ = try life.keys.revoke("pr2026a-rsa", at: life.now)
        life.isAutomatic = false
        try life.pass(2 * Self.day, by: 3600)
        #expect(
            life.findings() == [
                "unsigned rsa", "still-there pr2026a-rsa", "publish pr2026a-rsa",
            ])
        life.zone["pr2026a-rsa"] = ["v=DKIM1; k=rsa; p="]
        try life.pass(Self.day, by: 3600)
        #expect(life.findings() == ["unsigned rsa"])
    }

    @Test("A record that somebody changes stops the signatures until it is right again")
    func drift() throws {
        let table: [(text: [String], fault: String)] = [
            ([], "missing"), (["v=DKIM1; k=rsa; p="], "revoked"),
            (["v=DKIM1; k=rsa; p=AQAB"], "another-key"), (["hello"], "unreadable"),
            (["v=DKIM1; k=rsa; p=AQAB", "v=spf1 -all"], "several"),
            (
                ["v=DKIM1; k=ed25519; p=\(Base64.encode([UInt8](repeating: 1, count: 64)))"],
                "another-key"
            ),
            (["v=DKIM1; h=sha1; p=\(Base64.encode([UInt8](repeating: 1, count: 64)))"], "unfit"),
        ]
        for (texts, fault) in table {
            var life = try Life()
            try life.pass(3600)
            let right = life.zone["pr2026a-rsa"]
            life.zone["pr2026a-rsa"] = texts.isEmpty ? nil : texts
            try life.pass(7 * 3600, by: 900)
            #expect(life.signing == ["pr2026a-ed"])
            #expect(life.findings() == ["unsigned rsa", "\(fault) pr2026a-rsa"])
            life.zone["pr2026a-rsa"] = right
            try life.pass(1800)
            #expect(life.signing == ["pr2026a-rsa", "pr2026a-ed"])
            #expect(life.findings() == [])
        }
    }

    @Test("Looking in vain changes nothing, but is told after some days")
    func faultsSayNothing() throws {
        var life = try Life()
        try life.pass(3600)
        life.isAway = true
        life.zone = [:]
        try life.pass(2 * Self.day, by: 3600)
        #expect(life.signing == ["pr2026a-rsa", "pr2026a-ed"])
        #expect(life.findings() == [])
        try life.pass(2 * Self.day, by: 3600)
        #expect(life.signing == ["pr2026a-rsa", "pr2026a-ed"])
        #expect(life.findings() == ["unseen pr2026a-rsa", "unseen pr2026a-ed"])
    }

    @Test("A record that vanishes before it was confirmed begins anew")
    func flapping() throws {
        var life = try Life()
        try life.pass(300)
        let zone = life.zone
        life.zone = [:]
        try life.pass(60)
        #expect(life.states == ["pr2026a-rsa published", "pr2026a-ed published"])
        life.zone = zone
        try life.pass(480)
        #expect(life.signing == [])
        try life.pass(300)
        #expect(life.signing == ["pr2026a-rsa", "pr2026a-ed"])
    }

    @Test("Selectors are told from each other, and what is none is refused")
    func selectors() throws {
        var life = try Life()
        _ = try life.keys.add(.rsa, selector: "s1.mail", at: life.now) { _, _ in [1] }
        for (selector, refusal) in [
            ("s1.mail", DomainKeys.Refusal.selectorTaken("s1.mail")),
            ("Upper", .selectorInvalid("Upper")), ("a b", .selectorInvalid("a b")),
            ("", .selectorInvalid("")), ("-x", .selectorInvalid("-x")),
            ("other", .underWay("s1.mail")),
        ] {
            #expect(throws: refusal) {
                _ = try life.keys.add(.rsa, selector: selector, at: life.now) { _, _ in [1] }
            }
        }
        #expect(throws: DomainKeys.Refusal.underWay("s1.mail")) {
            _ = try life.keys.rotate([.ed25519, .rsa], at: life.now) { _, _ in [1] }
        }
        #expect(life.states == ["s1.mail made"])
        try life.step()
        #expect(life.states == ["s1.mail visible", "pr2026a-ed visible"])
    }

    @Test("A key that cannot be made leaves everything as it was")
    func makerFails() throws {
        struct Broken: Error {}
        var life = try Life()
        let before = life.keys
        #expect(throws: Broken.self) {
            _ = try life.keys.rotate([.rsa, .ed25519], at: life.now) { _, kind in
                if kind == .ed25519 { throw Broken() }
                return [1]
            }
        }
        #expect(life.keys == before)
    }
}
