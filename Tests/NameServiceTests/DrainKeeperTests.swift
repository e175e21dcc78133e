// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Maintenance
import NameService
import SimulatedWorld
import Testing
import TransportSecurity
import World
import ZoneStore

@Suite("Drains that are kept and carried out")
struct DrainKeeperTests {
    private static let host = ExchangerStage.name("mx1.example.org")
    private static let other = """
        $TTL 300
        @ SOA ns.example.org. hostmaster 5 7200 3600 1209600 300
        @ NS ns.example.org.
        @ MX 10 mx1.example.org.
        @ MX 20 mx2.example.org.
        """

    @Test(
        "A drain changes all zones in one go, goes on after restarts, and is undone to the letter")
    func course() throws {
        try ExchangerStage.run { stage in
            try await stage.put()
            try await stage.put(Self.other, "example.net")
            let origin = ExchangerStage.name("example.org")
            let before = try await stage.zones.zone(origin).records()
            let begun = try await stage.keeper.drain(
                Self.host, manner: .remove, isForced: false, by: "anna")
            #expect(begun.drain.phase == .waitingForOldTTL && begun.unreached == [])
            #expect(stage.exchangers() == ["60 10 mx1.example.org", "60 20 mx2.example.org"])
            #expect(stage.exchangers("example.net").allSatisfy { $0.hasPrefix("60 ") })
            let history = try await stage.zones.history(of: origin)
            #expect(history.first?.author == "anna")
            #expect(history.first?.summary == "drain of mx1.example.org")
            // The server is started again, and again.
            var keeper = stage.keeper
            let start = stage.simulation.now
            for pause in [Duration.minutes(20), .minutes(30), .minutes(50)] {
                keeper = ExchangerStage.keeper(
                    stage.zones, stage.box, stage.simulation, ArrivalBook(time: stage.simulation),
                    stage.watch)
                await Self.run(keeper, for: pause, stage)
            }
            #expect(stage.simulation.now - start >= .minutes(100))
            #expect(stage.exchangers() == ["60 20 mx2.example.org"])
            #expect(stage.exchangers("example.net") == ["60 20 mx2.example.org"])
            let safe = try await keeper.status()
            #expect(safe.map(\.drain.phase) == [.safe])
            #expect(safe.first?.arrivals.count == ArrivalCounter.spans.count)
            let back = try await keeper.undrain(Self.host, by: "anna")
            #expect(back.isOver)
            #expect(try await keeper.status().isEmpty)
            #expect(
                Set(try await stage.zones.zone(origin).records().filter { $0.type != .soa })
                    == Set(before.filter { $0.type != .soa }))
            #expect(
                stage.exchangers("example.net") == [
                    "300 10 mx1.example.org", "300 20 mx2.example.org",
                ])
        }
    }

    /// As a server does that runs for a while.
    private static func run(
        _ keeper: DrainKeeper, for pause: Duration, _ stage: ExchangerStage
    ) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await keeper.run() }
            try? await stage.simulation.sleep(for: pause)
            group.cancelAll()
        }
    }

    @Test("What cannot be drained is refused in words")
    func refusals() throws {
        try ExchangerStage.run { stage in
            try await stage.put(
                ExchangerStage.text.replacing("@ MX 20 mx2\n", with: ""))
            func refusal(_ host: String) async -> String {
                do throws(DrainKeeper.Failure) {
                    _ = try await stage.keeper.drain(
                        ExchangerStage.name(host), manner: .remove, isForced: false, by: "anna")
                    return ""
                } catch {
                    return error.description
                }
            }
            #expect(
                await refusal("mx1.example.org").contains("is the only exchanger of example.org"))
            #expect(await refusal("mx9.example.org").contains("No zone that is kept here names"))
            try await stage.put()
            #expect(await refusal("mx1.example.org") == "")
            #expect(await refusal("mx1.example.org").contains("is being drained already"))
            // The other one has nobody beside it any more.
            #expect(await refusal("mx2.example.org").contains("down or being drained"))
            do throws(DrainKeeper.Failure) {
                _ = try await stage.keeper.undrain(
                    ExchangerStage.name("mx2.example.org"), by: "anna")
                Issue.record("nothing to bring back")
            } catch {
                #expect(error.description == "mx2.example.org is not being drained.")
            }
        }
    }

    @Test("A sender that still comes keeps it from being safe; the calendar does not hurry it")
    func arrivals() throws {
        try ExchangerStage.run { stage in
            try await stage.put()
            _ = try await stage.keeper.drain(Self.host, manner: .remove, isForced: false, by: "x")
            let client = try #require(IPAddress("203.0.113.9"))
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await stage.keeper.run() }
                try? await stage.simulation.sleep(for: .minutes(1))
                stage.simulation.jumpCalendar(by: .hours(3))
                try? await stage.simulation.sleep(for: .minutes(30))
                // The old TTL of an hour is not over.
                #expect(stage.exchangers().count == 2)
                for _ in 0..<30 {
                    try? await stage.simulation.sleep(for: .minutes(5))
                    stage.arrivals.connected(client)
                    stage.arrivals.accepted(client)
                }
                #expect(stage.exchangers().count == 1)
                let status = try? await stage.keeper.status().first
                #expect(status?.drain.phase == .watching)
                #expect(status?.arrivals.last?.messages == 12)
                try? await stage.simulation.sleep(for: .minutes(11))
                let last = try? await stage.keeper.status().first?.drain.phase
                #expect(last == .safe)
                group.cancelAll()
            }
        }
    }

    @Test("A policy is served before its record tells of it, and follows a drain")
    func policies() throws {
        try ExchangerStage.run { stage in
            try await stage.put()
            let domain = ExchangerStage.name("example.org")
            let policies = Policies(stage.zones)
            let patterns = ["mx1.example.org", "mx2.example.org"].compactMap { STSPattern($0) }
            let policy = STSPolicy(mode: .enforce, maximumAgeSeconds: 604_800, patterns: patterns)
            #expect(try await policies.set([(domain, policy)], by: "x", "policy") == [])
            func record() -> String? {
                for record in stage.box.zones[domain]?.records ?? [] {
                    if record.owner == ExchangerStage.name("_mta-sts.example.org"),
                        case .txt(let texts) = record.data
                    {
                        return String(lossy: Array(texts.joined()))
                    }
                }
                return nil
            }
            let first = try #require(try await policies.policy(of: domain))
            #expect(record() == "v=STSv1; id=\(first.id);")
            _ = try await stage.keeper.drain(Self.host, manner: .remove, isForced: false, by: "x")
            await Self.run(stage.keeper, for: .hours(2), stage)
            let second = try #require(try await policies.policy(of: domain))
            #expect(second.policy.patterns.map(\.description) == ["mx2.example.org"])
            #expect(second.id != first.id && record() == "v=STSv1; id=\(second.id);")
            let back = try await stage.keeper.undrain(Self.host, by: "x")
            #expect(back.phase == .waitingForPolicies)
            #expect(try await policies.policy(of: domain)?.policy.patterns.count == 2)
            #expect(stage.exchangers() == ["60 20 mx2.example.org"])
            await Self.run(stage.keeper, for: .hours(25), stage)
            #expect(stage.exchangers() == ["3600 10 mx1.example.org", "3600 20 mx2.example.org"])
            // Another domain's records stand elsewhere.
            let foreign = ExchangerStage.name("foreign.example")
            #expect(try await policies.set([(foreign, policy)], by: "x", "policy") == [foreign])
            try await policies.set([(domain, nil)], by: "x", "none")
            #expect(record() == nil)
            #expect(try await policies.all().map(\.domain) == [foreign])
        }
    }
}
