// SPDX-License-Identifier: Apache-2.0

import SimulatedWorld
import Storage
import World

/// Everything that goes wrong in a town, until it stops.
struct Weather: Sendable {
    let town: Town
    let kind: Kind

    private var simulation: Simulation { town.simulation }

    /// What kind of bad weather a seed has.
    enum Kind: CaseIterable, Sendable {
        case fair
        case network
        case crashes
        case everything
    }

    /// Rages for a while; afterwards everything works.
    func rage(for duration: Duration) async throws {
        guard kind != .fair else {
            town.calmSince = Instant(nanoseconds: 0)
            return
        }
        town.mayNamesFail = kind != .crashes
        let end = simulation.now + duration
        if kind != .crashes {
            town.network.faults = .rough
            for foreigner in town.foreigners {
                foreigner.moodiness = 0.05
                foreigner.treachery = 0.4
            }
        }
        while simulation.now < end {
            try await simulation.sleep(
                for: simulation.faults.duration(in: .minutes(1) ... .minutes(30)))
            await strike()
        }
        await calm()
    }

    private func strike() async {
        switch kind {
        case .fair: break
        case .network: strikeNetwork()
        case .crashes: await strikeSite()
        case .everything:
            if simulation.faults.happens(0.5) { strikeNetwork() } else { await strikeSite() }
        }
    }

    private func strikeNetwork() {
        let hosts = town.hosts.shuffled(using: &simulation.faults)
        switch simulation.faults.below(7) {
        case 0: town.network.partition(hosts[0], hosts[1])
        case 1, 2: town.network.heal()
        case 3:
            let pause = simulation.faults.duration(in: .minutes(1) ... .minutes(20))
            town.network.clog(hosts[0], hosts[1], for: pause)
        case 4:
            simulation.tell("name servers fail now and then")
            for site in town.sites { site.nameFailureProbability = 0.3 }
        case 5:
            simulation.tell("name servers are silent now and then")
            for site in town.sites {
                site.nameTimeoutProbability = 0.3
                site.nameLieProbability = 0.3
            }
        default:
            simulation.tell("name servers work")
            for site in town.sites {
                site.nameFailureProbability = 0
                site.nameTimeoutProbability = 0
                site.nameLieProbability = 0
            }
        }
    }

    private func strikeSite() async {
        let site = simulation.faults.pick(town.sites)
        guard site.isServing else { return await site.boot() }
        let ending: Ending = simulation.faults.happens(0.5) ? .reset : .vanish
        switch simulation.faults.below(6) {
        case 0: site.crash(ending)
        case 1: crashAtCommit(site, ending, before: true)
        case 2: crashAtCommit(site, ending, before: false)
        case 3: await site.stop()
        case 4: jumpCalendar()
        default: site.fillDisk()
        }
    }

    /// The next commits have a chance to be the last thing the server does, or not to happen.
    private func crashAtCommit(_ site: Site, _ ending: Ending, before: Bool) {
        simulation.tell("\(site.name) will crash \(before ? "before" : "after") a commit")
        let fault: MemoryDisk.Fault = { [simulation] in
            guard simulation.faults.happens(0.1) else { return }
            site.disk.setFaults()
            site.crash(ending)
        }
        site.disk.setFaults(before: before ? fault : nil, after: before ? nil : fault)
    }

    /// As a clock that is set, or a machine that was asleep: claims expire early, or late.
    private func jumpCalendar() {
        let hours = simulation.faults.number(in: -3...4)
        simulation.tell("the calendar jumps by \(hours) hours")
        town.calendarJumps += 1
        town.hoursSetBack += max(0, -hours)
        simulation.jumpCalendar(by: .hours(hours))
    }

    /// Restarts what has crashed and empties what is full, some time later.
    func repair() async throws {
        while true {
            try await simulation.sleep(
                for: simulation.faults.duration(in: .minutes(5) ... .hours(1)))
            for site in town.sites {
                if simulation.faults.happens(0.5) { site.emptyDisk() }
                await site.boot()
            }
        }
    }

    private func calm() async {
        simulation.tell("the weather is fair from now on")
        town.network.faults = .none
        town.network.heal()
        for foreigner in town.foreigners {
            foreigner.moodiness = 0
            foreigner.treachery = 0
        }
        for site in town.sites {
            site.nameFailureProbability = 0
            site.nameTimeoutProbability = 0
            site.nameLieProbability = 0
            site.disk.setFaults()
            site.emptyDisk()
            await site.boot()
        }
        town.calmSince = simulation.now
    }
}
