// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Maintenance
import NameService
import SimulatedWorld
import Testing
import World
import ZoneStore

@Suite("Zones whose hosts are watched")
struct HealthWatchTests {
    @Test("An exchanger that dies leaves the answers while another one answers, and comes back")
    func exchanger() throws {
        try ExchangerStage.run { stage in
            let first = stage.network.host("mx1", try #require(IPAddress("192.0.2.25")))
            let second = stage.network.host("mx2", try #require(IPAddress("192.0.2.26")))
            _ = stage.greet(first)
            _ = stage.greet(second)
            try await stage.put()
            let origin = ExchangerStage.name("example.org")
            #expect(stage.exchangers().count == 2 && stage.exchangers()[0].hasPrefix("3600 "))
            #expect(await stage.watch.status(of: origin) == nil)
            try await stage.zones.set(HealthOverlay.option, to: "on", of: origin, by: "test")
            let all = ["60 10 mx1.example.org", "60 20 mx2.example.org"]
            #expect(stage.exchangers() == all)
            try await stage.simulation.sleep(for: .minutes(5))
            #expect(stage.exchangers() == all)
            first.stop()
            try await stage.wait(for: "mx1 left out") { stage.exchangers() == [all[1]] }
            let status = try #require(await stage.watch.status(of: origin))
            let lines = status.lines(at: stage.simulation.now, .english)
            #expect(lines.contains { $0.hasPrefix("mx1.example.org  down for ") })
            #expect(lines.contains("mx2.example.org  answers"))
            #expect(lines.contains { $0.hasPrefix("The exchanger mx1.example.org is left out") })
            #expect(await stage.watch.isDown(ExchangerStage.name("mx1.example.org")))
            // The kept zone is as it was.
            let kept = try await stage.zones.zone(origin).records()
            #expect(kept.count { $0.type == .mx } == 2)
            // The last one is never left out.
            second.stop()
            try await stage.wait(for: "all are named") { stage.exchangers() == all }
            try await stage.simulation.sleep(for: .minutes(20))
            #expect(stage.exchangers() == all)
            first.start()
            _ = stage.greet(first)
            second.start()
            _ = stage.greet(second)
            try await stage.simulation.sleep(for: .minutes(20))
            #expect(stage.exchangers() == all)
            try await stage.zones.set(HealthOverlay.option, to: nil, of: origin, by: "test")
            #expect(stage.exchangers()[0].hasPrefix("3600 "))
            #expect(await stage.watch.status(of: origin) == nil)
        }
    }

    @Test(
        "A host that refuses all with 554, or says nothing, is down too; one that flaps is out for longer"
    )
    func refusing() throws {
        try ExchangerStage.run { stage in
            let first = stage.network.host("mx1", try #require(IPAddress("192.0.2.25")))
            let second = stage.network.host("mx2", try #require(IPAddress("192.0.2.26")))
            let refusal = stage.greet(first, "554 5.3.2 no")
            _ = stage.greet(second)
            try await stage.put()
            let origin = ExchangerStage.name("example.org")
            try await stage.zones.set(HealthOverlay.option, to: "on", of: origin, by: "test")
            let other = ["60 20 mx2.example.org"]
            try await stage.wait(for: "mx1 left out") { stage.exchangers() == other }
            var pauses: [Duration] = []
            refusal.crash(.reset)
            for _ in 0..<4 {
                let process = stage.greet(first)
                let up = stage.simulation.now
                try await stage.wait(for: "mx1 back") { stage.exchangers().count == 2 }
                pauses.append(stage.simulation.now - up)
                process.crash(.reset)
                try await stage.wait(for: "mx1 left out") { stage.exchangers() == other }
            }
            for (shorter, longer) in zip(pauses, pauses.dropFirst()) { #expect(longer > shorter) }
            #expect(pauses[3] > .minutes(15))
        }
    }

    @Test("A name is answered with its backup while its host is down")
    func failover() throws {
        try ExchangerStage.run { stage in
            let first = stage.network.host("mx1", try #require(IPAddress("192.0.2.25")))
            let backup = stage.network.host("backup", try #require(IPAddress("198.51.100.1")))
            _ = stage.greet(first, port: 587)
            _ = stage.greet(backup, port: 587)
            try await stage.put()
            try await stage.zones.set(
                HealthOverlay.failoverOption, to: "mail.example.org=198.51.100.1#587",
                of: ExchangerStage.name("example.org"), by: "test")
            #expect(stage.addresses("mail.example.org") == ["192.0.2.25"])
            try await stage.simulation.sleep(for: .minutes(2))
            first.stop(.vanish)
            try await stage.wait(for: "the backup") {
                stage.addresses("mail.example.org") == ["198.51.100.1"]
            }
            // An exchanger is not asked for.
            #expect(stage.addresses("mx1.example.org") == ["192.0.2.25"])
            #expect(stage.exchangers().first?.hasPrefix("3600 ") == true)
            first.start()
            _ = stage.greet(first, port: 587)
            try await stage.wait(for: "the primary") {
                stage.addresses("mail.example.org") == ["192.0.2.25"]
            }
        }
    }
}
