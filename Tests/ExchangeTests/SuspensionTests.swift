// SPDX-License-Identifier: Apache-2.0

import Delivery
import Journal
import Mail
import SimulatedWorld
import Spool
import Testing
import World

@Suite("What operators suspend, redirect and take out of a line")
struct SuspensionTests {
    private static func suspension(
        _ scope: Suspension.Scope, _ subject: String, _ world: DeliveryWorld
    ) -> Suspension {
        Suspension(scope, subject, since: world.simulation.timestamp, author: "eva")
    }

    @Test("a suspended destination gets nothing until it is resumed, and nothing comes back")
    func destination() throws {
        let world = try DeliveryWorld(seed: 1, zone: DeliveryTests.zone)
        let first = world.sink(1)
        try world.run { world in
            let there = Self.suspension(.destination, "there.example", world)
            #expect(try await world.spooler.suspend(there))
            world.deliverer.wake()
            try await world.sleep(.seconds(1))
            let id = try await world.accept(to: ["x@there.example"])
            try await world.accept(to: ["y@one.example"])
            // Beyond the lifetime of five days, and not at the moment when it is looked at again.
            try await world.sleep(.days(8) + .minutes(7))
            #expect(first.messages.map(\.recipients) == [["y@one.example"]])
            let facts = try await world.trace.facts(of: id)
            #expect(Set(facts.map(\.kind)) == [.accepted, .deferred])
            #expect(facts.last?.text?.contains("suspended since") == true)
            #expect(try await world.mailbox("anna@here.example").isEmpty)
            let entry = try #require(await world.spooler.entry(id))
            #expect(entry.recipients.map(\.attempts) == [0])
            let count = try await world.spooler.resume(.destination, "there.example", by: "eva")
            #expect(count == 1)
            world.deliverer.wake()
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count == 2)
        }
    }

    @Test("a suspended sender's mail stays, also mail to mailboxes here; others' goes on")
    func sender() throws {
        let world = try DeliveryWorld(seed: 2, zone: DeliveryTests.zone)
        let first = world.sink(1)
        try world.run { world in
            #expect(
                try await world.spooler.suspend(
                    Self.suspension(.sender, "anna@here.example", world)))
            world.deliverer.wake()
            try await world.sleep(.seconds(1))
            try await world.accept(to: ["x@there.example", "ben@here.example"])
            try await world.accept(from: "ben@here.example", to: ["y@there.example"])
            try await world.sleep(.hours(1))
            #expect(first.messages.map(\.recipients) == [["y@there.example"]])
            #expect(try await world.mailbox("ben@here.example").isEmpty)
            _ = try await world.spooler.resume(.sender, "anna@here.example", by: "eva")
            world.deliverer.wake()
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(try await world.mailbox("ben@here.example").count == 1)
        }
    }

    @Test(
        "a suspended host is passed over; mail waits only when none is left",
        arguments: [true, false])
    func host(byName: Bool) throws {
        let world = try DeliveryWorld(seed: 3, zone: DeliveryTests.zone)
        let (first, second) = (world.sink(1), world.sink(2))
        try world.run { world in
            let subject = byName ? "mx1.there.example" : "192.0.2.1"
            #expect(try await world.spooler.suspend(Self.suspension(.host, subject, world)))
            world.deliverer.wake()
            try await world.sleep(.seconds(1))
            try await world.accept(to: ["x@there.example"])
            let id = try await world.accept(to: ["y@one.example"])
            try await world.sleep(.days(6))
            #expect(first.messages.isEmpty)
            #expect(second.messages.map(\.recipients) == [["x@there.example"]])
            let entry = try #require(await world.spooler.entry(id))
            #expect(entry.recipients.map(\.attempts) == [0])
            _ = try await world.spooler.resume(.host, subject, by: "eva")
            world.deliverer.wake()
            #expect(try await world.wait(.hours(5)) { try await world.isSpoolEmpty() })
            #expect(first.messages.map(\.recipients) == [["y@one.example"]])
        }
    }

    @Test("what waits in line is called back for an operator, and only what is meant is changed")
    func recall() throws {
        let world = try DeliveryWorld(seed: 4, zone: DeliveryTests.zone)
        let first = world.sink(1)
        first.greetingPause = .seconds(20)
        world.settings.queue.initialConcurrency = 1
        world.settings.queue.maximumConcurrency = 1
        try world.run { world in
            for number in 0..<200 {
                let sender = number.isMultiple(of: 2) ? "anna" : "ben"
                try await world.accept(
                    from: "\(sender)@here.example", to: ["x\(number)@there.example"])
            }
            try await world.sleep(.seconds(2))
            var meant = Selection()
            meant.sender = Selection.Pattern("anna@here.example")
            await world.deliverer.recall(meant)
            let deleted = try await world.spooler.intervene(.delete, meant, by: "eva")
            #expect(deleted.recipients > 50)
            world.deliverer.wake()
            #expect(try await world.wait(.minutes(10)) { try await world.isSpoolEmpty() })
            let senders = first.messages.map(\.reversePath)
            #expect(senders.count { $0 == "ben@here.example" } == 100)
            #expect(senders.count { $0 == "anna@here.example" } == 100 - deleted.recipients)
        }
    }

    @Test("what is redirected goes to the new address, and its sender hears of that one")
    func redirect() throws {
        let world = try DeliveryWorld(seed: 5, zone: DeliveryTests.zone)
        try world.run { world in
            let id = try await world.accept(to: ["x@slow.example"])
            #expect(
                try await world.wait(.minutes(5)) {
                    try await world.kinds(id).contains(.deferred)
                })
            let local = Redirection.address(try Address("ben@here.example"))
            let changed = try await world.spooler.intervene(
                .redirect(local), Selection(id), by: "eva")
            #expect(changed.recipients == 1)
            world.deliverer.wake()
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(try await world.mailbox("ben@here.example").count == 1)
        }
    }

    @Test("what goes by a host of an operator's choice does not wait for the domain's own host")
    func chosenHost() throws {
        let world = try DeliveryWorld(seed: 6, zone: DeliveryTests.zone)
        let (first, second) = (world.sink(1), world.sink(2))
        try world.run { world in
            var ids: [QueueID] = []
            for number in 0..<3 {
                ids.append(try await world.accept(to: ["x\(number)@slow.example"]))
            }
            try await world.accept(to: ["y@one.example"])
            #expect(
                try await world.wait(.minutes(5)) {
                    try await world.kinds(ids[2]).contains(.deferred)
                })
            for id in ids.prefix(2) {
                let changed = try await world.spooler.intervene(
                    .redirect(.host("192.0.2.2")), Selection(id), by: "eva")
                #expect(changed.recipients == 1)
            }
            world.deliverer.wake()
            #expect(try await world.wait(.seconds(5)) { second.messages.count == 2 })
            #expect(
                Set(second.messages.flatMap(\.recipients))
                    == ["x0@slow.example", "x1@slow.example"])
            let route = try await world.trace.facts(of: ids[0]).last { $0.kind == .routed }
            #expect(route?[.route] == "0 [192.0.2.2]")
            let left = try #require(await world.spooler.entry(ids[2]))
            #expect(left.recipients.map(\.via) == [nil])
            #expect(first.messages.map(\.recipients) == [["y@one.example"]])
        }
    }

    @Test("also what would go into a mailbox here goes by the host of an operator's choice")
    func chosenHostOfLocalMail() throws {
        let world = try DeliveryWorld(seed: 8, zone: DeliveryTests.zone)
        let second = world.sink(2)
        try world.run { world in
            var envelope = Envelope(
                from: .address(try Address("anna@here.example")),
                to: [Envelope.Recipient(try Address("ben@here.example"))])
            envelope.requests.holdUntil = world.simulation.timestamp + .hours(1)
            let id = try await world.accept(envelope)
            _ = try await world.spooler.intervene(
                .redirect(.host("192.0.2.2")), Selection(id), by: "eva")
            world.deliverer.wake()
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(second.messages.map(\.recipients) == [["ben@here.example"]])
            #expect(try await world.mailbox("ben@here.example").isEmpty)
        }
    }

    @Test("a host of an operator's choice that is this host, or unknown, sends nothing back")
    func mistakenHost() throws {
        let world = try DeliveryWorld(seed: 7, zone: DeliveryTests.zone)
        try world.run { world in
            let id = try await world.accept(to: ["x@slow.example"])
            #expect(
                try await world.wait(.minutes(5)) {
                    try await world.kinds(id).contains(.deferred)
                })
            for host in ["192.0.2.100", "nowhere.example"] {
                _ = try await world.spooler.intervene(
                    .redirect(.host(host)), Selection(id), by: "eva")
                let before = try await world.kinds(id).count
                world.deliverer.wake()
                #expect(
                    try await world.wait(.minutes(1)) {
                        try await world.kinds(id).count > before
                    })
                let last = try #require(await world.trace.facts(of: id).last)
                #expect(last.kind == .deferred && last.status?.class == 4, "\(host): \(last)")
            }
        }
    }
}
