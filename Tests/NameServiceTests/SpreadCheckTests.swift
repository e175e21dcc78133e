// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Logging
import Maintenance
import NameService
import SimulatedWorld
import Synchronization
import Testing
import World

@Suite("Other name servers that still answer as before")
struct SpreadCheckTests {
    /// What the secondary server answers with at the moment; nil: nothing.
    private final class Secondary: Sendable {
        let serial = Mutex<UInt32?>(nil)
        let asked = Mutex<[String]>([])
    }

    /// All names but ours have one address.
    private struct OneAddress: Resolver {
        func resolve(_ name: Name, _ type: RecordType) async -> Answer {
            guard type == .a, let address = IPAddress("192.0.2.99"), case .v4(let v4) = address
            else { return Answer(.noData) }
            let record = ResourceRecord(owner: name, type: .a, ttl: 60, data: .a(v4))
            return Answer(.records, records: [record])
        }
    }

    @Test("The old TTL counts from when the last secondary server has copied the change")
    func secondary() throws {
        try ExchangerStage.run { stage in
            let text = ExchangerStage.text.replacing(
                "@ NS ns\n", with: "@ NS ns\n@ NS ns2.elsewhere.example.\n")
            try await stage.put(text)
            let secondary = Secondary()
            secondary.serial.withLock { $0 = 5 }
            let spread = SpreadCheck(
                resolver: OneAddress(), ownNames: [ExchangerStage.name("ns.example.org")]
            ) { server, origin in
                secondary.asked.withLock { $0.append("\(server) \(origin)") }
                return secondary.serial.withLock { $0 }
            }
            let keeper = DrainKeeper(
                zones: stage.zones, box: stage.box, time: stage.simulation,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, ownNames: [],
                arrivals: stage.arrivals, spread: spread)
            let host = ExchangerStage.name("mx1.example.org")
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await keeper.run() }
                _ = try? await keeper.drain(host, manner: .remove, isForced: false, by: "test")
                try? await stage.simulation.sleep(for: .hours(3))
                #expect(stage.exchangers().count == 2, "the secondary still gives the old TTL")
                secondary.serial.withLock { $0 = stage.box.zones.serial }
                try? await stage.simulation.sleep(for: .minutes(50))
                #expect(stage.exchangers().count == 2, "caches hold the old TTL")
                try? await stage.simulation.sleep(for: .minutes(30))
                #expect(stage.exchangers() == ["60 20 mx2.example.org"])
                // One that does not answer tells nothing old.
                secondary.serial.withLock { $0 = nil }
                try? await stage.simulation.sleep(for: .hours(1))
                let phase = try? await keeper.status().first?.drain.phase
                #expect(phase == .safe)
                group.cancelAll()
            }
            let asked = Set(secondary.asked.withLock { $0 })
            #expect(asked == ["192.0.2.99:53 example.org"])
        }
    }
}

extension ZoneSet {
    fileprivate var serial: UInt32? { self[ExchangerStage.name("example.org")]?.soa.serial }
}
