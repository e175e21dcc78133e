// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Delivery
import Directory
import Journal
import Mail
import SMTP
import SimulatedWorld
import Spool
import Storage
import Synchronization
import Testing
import World

@Suite("Delivery: to mailboxes here and to other servers")
struct DeliveryTests {
    static let zone = """
        there.example MX 10 mx1.there.example
        there.example MX 20 mx2.there.example
        mx1.there.example A 192.0.2.1
        mx2.there.example A 192.0.2.2
        one.example MX 10 mx1.there.example
        null.example MX 0 .
        even.example MX 10 mx1.there.example
        even.example MX 10 mx2.there.example
        slow.example MX timeout
        """

    @Test("local mail reaches the mailbox at once, exactly once, with its Return-Path")
    func local() throws {
        let world = try DeliveryWorld(seed: 1, zone: Self.zone)
        try world.run { world in
            for _ in 0..<300 { try await world.accept(to: ["ben@here.example"]) }
            #expect(try await world.wait(.seconds(10)) { try await world.isSpoolEmpty() })
            let texts = try await world.mailbox("ben@here.example")
            #expect(texts.count == 300)
            #expect(
                texts[0] == "Return-Path: <anna@here.example>\r\nSubject: test\r\n"
                    + "Message-ID: <1@here.example>\r\n\r\nHello\r\n.dot\r\n")
        }
    }

    @Test(
        "the calendar may be set forward or back: what waits is tried in its turn, and not given up",
        arguments: [Duration.days(6), .hours(3), .hours(-5), .days(-400), .days(20_000)])
    func calendar(jump: Duration) throws {
        let world = try DeliveryWorld(seed: 5, zone: Self.zone)
        try world.run { world in
            // Nobody listens there.
            let id = try await world.accept(to: ["x@there.example"])
            let deferrals = { try await world.kinds(id).count { $0 == .deferred } }
            #expect(try await world.wait(.minutes(2)) { try await deferrals() == 1 })
            world.simulation.jumpCalendar(by: jump)
            #expect(try await world.wait(.minutes(3)) { try await deferrals() == 2 })
            #expect(try await world.wait(.minutes(10)) { try await deferrals() == 3 })
            world.simulation.jumpCalendar(by: .zero - jump)
            try await world.sleep(.days(4))
            #expect(try await !world.kinds(id).contains(.bounced))
            #expect(try await deferrals() > 20)
            try await world.sleep(.days(2))
            #expect(try await world.kinds(id).contains(.bounced), "after five days by the clock")
        }
    }

    @Test("the best exchanger gets it; what is sent is what was accepted", arguments: 0..<10)
    func remote(seed: UInt64) throws {
        let world = try DeliveryWorld(seed: seed, zone: Self.zone)
        let (first, second) = (world.sink(1), world.sink(2))
        try world.run { world in
            let id = try await world.accept(to: ["x@there.example"])
            #expect(try await world.wait(.seconds(30)) { try await world.isSpoolEmpty() })
            #expect(
                first.messages == [
                    Sink.Message(
                        reversePath: "anna@here.example", recipients: ["x@there.example"],
                        content: "Subject: test\r\nMessage-ID: <1@here.example>\r\n\r\n"
                            + "Hello\r\n.dot\r\n", isProtected: false)
                ])
            #expect(second.messages.isEmpty)
            let facts = try await world.trace.facts(of: id)
            #expect(facts.map(\.kind) == [.accepted, .routed, .delivered])
            #expect(facts[1][.route] == "10 mx1.there.example, 20 mx2.there.example")
            #expect(facts[2].host == "mx1.there.example [192.0.2.1]")
        }
    }

    @Test("when the primary is down the backup gets it, and the journal says why")
    func backup() throws {
        let world = try DeliveryWorld(seed: 2, zone: Self.zone)
        let (first, second) = (world.sink(1), world.sink(2))
        try world.run { world in
            first.host.stop()
            let id = try await world.accept(to: ["x@there.example"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(second.messages.count == 1)
            let facts = try await world.trace.facts(of: id)
            #expect(facts.map(\.kind) == [.accepted, .routed, .attempted, .delivered])
            #expect(facts[2].text?.hasPrefix("no connection to mx1.there.example") == true)
        }
    }

    @Test(
        "a greeting of 421, 4yz or 5yz leads to the next host",
        arguments: ["421 4.3.2 closing", "450 busy", "554 no service"])
    func badGreeting(_ greeting: String) throws {
        let world = try DeliveryWorld(seed: 3, zone: Self.zone)
        let (first, second) = (world.sink(1), world.sink(2))
        first.greeting = greeting
        try world.run { world in
            try await world.accept(to: ["x@there.example"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(first.messages.isEmpty && second.messages.count == 1)
        }
    }

    @Test("equal exchangers share the messages about evenly", arguments: [1, 100])
    func even(messagesPerConnection: Int) throws {
        let world = try DeliveryWorld(seed: 4, zone: Self.zone)
        let (first, second) = (world.sink(1), world.sink(2))
        world.settings.queue.messagesPerConnection = messagesPerConnection
        try world.run { world in
            for _ in 0..<200 { try await world.accept(to: ["x@even.example"]) }
            #expect(try await world.wait(.minutes(5)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count + second.messages.count == 200)
            #expect((70...130).contains(first.messages.count))
            if messagesPerConnection > 1 { #expect(first.connections + second.connections < 60) }
        }
    }

    @Test(
        "what can never arrive is told to the sender at once",
        arguments: [
            ("x@null.example", "5.1.10", "does not accept mail"),
            ("x@nowhere.example", "5.1.2", "Host unknown"),
            ("nobody@here.example", "5.1.1", "no mailbox"),
        ])
    func permanent(_ recipient: String, _ status: String, _ text: String) throws {
        let world = try DeliveryWorld(seed: 5, zone: Self.zone)
        try world.run { world in
            let id = try await world.accept(to: [recipient])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            let texts = try await world.mailbox("anna@here.example")
            #expect(texts.count == 1)
            guard let notification = texts.first else { return }
            #expect(notification.hasPrefix("Return-Path: <>\r\n"))
            #expect(notification.contains("Status: \(status)\r\n"))
            #expect(notification.contains(text))
            #expect(notification.contains("Subject: test\r\n"))
            #expect(
                try await world.kinds(id).suffix(2).sorted { $0.rawValue < $1.rawValue }
                    == [.bounced, .notified])
        }
    }

    @Test("no notification answers a notification")
    func nullReversePath() throws {
        let world = try DeliveryWorld(seed: 6, zone: Self.zone)
        try world.run { world in
            let id = try await world.accept(from: "", to: ["x@nowhere.example"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(try await world.kinds(id).last == .bounced)
            #expect(try await world.mailbox("anna@here.example").isEmpty)
        }
    }

    @Test("TLS is used where it is offered")
    func tls() throws {
        let world = try DeliveryWorld(seed: 7, zone: Self.zone)
        let first = world.sink(1)
        first.offersTLS = true
        try world.run { world in
            let id = try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(first.messages.map(\.isProtected) == [true])
            #expect(try await world.trace.facts(of: id).last?[.security]?.hasPrefix("TLS") == true)
        }
    }

    @Test("a failed handshake is repeated in plain text")
    func brokenTLS() throws {
        let world = try DeliveryWorld(seed: 8, zone: Self.zone)
        let first = world.sink(1)
        first.offersTLS = true
        first.breaksHandshake = true
        try world.run { world in
            let id = try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(10)) { try await world.isSpoolEmpty() })
            #expect(first.messages.map(\.isProtected) == [false])
            #expect(first.connections == 2)
            let facts = try await world.trace.facts(of: id)
            #expect(facts.map(\.kind) == [.accepted, .routed, .attempted, .delivered])
            #expect(facts.last?[.security] == "plain text")
        }
    }

    @Test("a connection lost after the final dot is ambiguous: noted and tried again")
    func ambiguous() throws {
        let world = try DeliveryWorld(seed: 9, zone: Self.zone)
        let first = world.sink(1)
        var losses = 1
        first.final = { _ in
            losses -= 1
            return losses < 0 ? "250 2.0.0 taken" : nil
        }
        try world.run { world in
            let id = try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(3)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count == 1)
            let facts = try await world.trace.facts(of: id)
            let deferred = facts.filter { $0.kind == .deferred }
            #expect(deferred.count == 1)
            #expect(deferred.first?.text?.contains("may arrive twice") == true)
            #expect(facts.last?.kind == .delivered)
        }
    }

    @Test("4yz leads to the next host, then to another attempt later")
    func greylisting() throws {
        let world = try DeliveryWorld(seed: 10, zone: Self.zone)
        let (first, second) = (world.sink(1), world.sink(2))
        let simulation = world.simulation
        let start = simulation.now
        for sink in [first, second] {
            sink.reply = { line in
                line.hasPrefix("RCPT") && simulation.now < start + .seconds(40)
                    ? "451 4.7.1 come back later" : nil
            }
        }
        try world.run { world in
            let id = try await world.accept(to: ["x@there.example"])
            #expect(try await world.wait(.minutes(3)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count == 1 && second.messages.isEmpty)
            #expect(first.connections == 2 && second.connections == 1)
            let facts = try await world.trace.facts(of: id)
            #expect(facts.filter { $0.kind == .deferred }.count == 1)
            #expect(facts.contains { $0.text?.contains("come back later") == true })
        }
    }

    @Test("each of many recipients has its own outcome")
    func manyRecipients() throws {
        let world = try DeliveryWorld(seed: 11, zone: Self.zone)
        let first = world.sink(1)
        var isBusy = true
        first.reply = { line in
            if line.contains("<no@") { return "550 5.1.1 unknown" }
            if line.contains("<busy@"), isBusy {
                isBusy = false
                return "450 4.2.1 busy"
            }
            return nil
        }
        try world.run { world in
            let names = ["a", "no", "b", "busy", "c"]
            let id = try await world.accept(to: names.map { "\($0)@one.example" })
            #expect(try await world.wait(.minutes(3)) { try await world.isSpoolEmpty() })
            #expect(
                first.messages.map(\.recipients) == [
                    ["a@one.example", "b@one.example", "c@one.example"], ["busy@one.example"],
                ])
            let notifications = try await world.mailbox("anna@here.example")
            #expect(notifications.count == 1)
            #expect(notifications.first?.contains("no@one.example") == true)
            #expect(notifications.first?.contains("busy@one.example") == false)
            let facts = try await world.trace.facts(of: id)
            #expect(facts.filter { $0.kind == .delivered }.count == 4)
            #expect(facts.filter { $0.kind == .bounced }.count == 1)
        }
    }

    @Test("recipients in domains with the same exchangers go in one transaction")
    func sameWay() throws {
        let world = try DeliveryWorld(
            seed: 12,
            zone: Self.zone + "\nother.example MX 10 mx1.there.example\nalone.example A 192.0.2.2")
        let (first, second) = (world.sink(1), world.sink(2))
        try world.run { world in
            try await world.accept(to: ["a@one.example", "b@other.example", "c@alone.example"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(first.messages.map(\.recipients) == [["a@one.example", "b@other.example"]])
            #expect(second.messages.map(\.recipients) == [["c@alone.example"]])
        }
    }

    @Test("messages to one destination share a connection, up to a hundred")
    func reuse() throws {
        let world = try DeliveryWorld(seed: 13, zone: Self.zone)
        let first = world.sink(1)
        world.settings.queue.initialConcurrency = 1
        world.settings.queue.maximumConcurrency = 1
        try world.run { world in
            for _ in 0..<150 { try await world.accept(to: ["x@one.example"]) }
            #expect(try await world.wait(.minutes(10)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count == 150)
            #expect((2...3).contains(first.connections))
        }
    }

    @Test("a connection serves the next message within a second, and is closed after it")
    func rest() throws {
        let world = try DeliveryWorld(seed: 15, zone: Self.zone)
        let first = world.sink(1)
        try world.run { world in
            for pause in [Duration.milliseconds(500), .milliseconds(500), .seconds(5), .zero] {
                try await world.accept(to: ["x@one.example"])
                try await world.sleep(pause)
            }
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count == 4)
            #expect(first.connections == 2)
            #expect(first.commands.count { $0 == "QUIT" } == 1)
        }
    }

    @Test("what the host ended while it rested is replaced, and no host is passed over for it")
    func endedAtRest() throws {
        let world = try DeliveryWorld(seed: 16, zone: Self.zone)
        let (first, second) = (world.sink(1), world.sink(2))
        first.reply = { [unowned first] line in
            let isSecondHere = first.connections == 1 && first.messages.count == 1
            return line.hasPrefix("MAIL") && isSecondHere ? "421 4.4.2 idle for too long" : nil
        }
        try world.run { world in
            for _ in 0..<2 {
                let id = try await world.accept(to: ["x@one.example"])
                #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
                #expect(try await !world.kinds(id).contains(.deferred))
            }
            #expect(first.messages.count == 2 && second.messages.isEmpty)
            #expect(first.connections == 2)
        }
    }

    @Test("a second attempt sends the same octets as the first, which were still in memory")
    func freshBody() throws {
        let world = try DeliveryWorld(seed: 17, zone: Self.zone)
        let first = world.sink(1)
        let heard = Mutex<[String]>([])
        first.final = { message in
            heard.withLock { $0.append(message.content) }
            return heard.withLock { $0.count } == 1 ? "451 4.3.0 once more" : "250 2.0.0 taken"
        }
        try world.run { world in
            try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.hours(3)) { try await world.isSpoolEmpty() })
            let contents = heard.withLock { $0 }
            #expect(contents.count == 2 && contents[0] == contents[1] && !contents[0].isEmpty)
        }
    }

    @Test("what cannot be delivered in its lifetime is told to the sender, after a notice of delay")
    func expiry() throws {
        let world = try DeliveryWorld(seed: 14, zone: Self.zone)
        let first = world.sink(1)
        try world.run { world in
            first.host.stop()
            let start = world.simulation.now
            let id = try await world.accept(to: ["x@one.example"])
            try await world.sleep(.hours(9))
            #expect(try await world.mailbox("anna@here.example").count == 1)
            #expect(try await world.wait(.days(6)) { try await world.isSpoolEmpty() })
            let hours = (world.simulation.now - start).nanoseconds / 3_600_000_000_000
            #expect((119...121).contains(hours))
            let texts = try await world.mailbox("anna@here.example")
            #expect(texts.count == 2)
            #expect(texts.first?.contains("Action: delayed") == true)
            #expect(texts.last?.contains("Action: failed") == true)
            #expect(texts.last?.contains("Status: 5.4.7") == true)
            let attempts = try await world.kinds(id).filter { $0 == .attempted }.count
            #expect((30...40).contains(attempts))
        }
    }

    @Test("lifetimes and the notice of delay can change, for what is accepted from then on")
    func changedLifetimes() throws {
        let world = try DeliveryWorld(seed: 14, zone: Self.zone)
        let first = world.sink(1)
        try world.run { world in
            first.host.stop()
            let old = try await world.accept(to: ["x@one.example"])
            world.spooler.lifetimes.change(
                to: .init(message: .hours(10), notification: .hours(2)))
            var schedule = RetrySchedule.standard
            schedule.delayNoticeAfter = nil
            schedule.longestPause = .minutes(30)
            world.deliverer.change(schedule: schedule)
            let new = try await world.accept(to: ["y@one.example"])
            let notification = try await world.accept(from: "", to: ["z@one.example"])
            let now = world.simulation.timestamp
            for (id, hours) in [(old, 120), (new, 10), (notification, 2)] {
                let entry = try #require(await world.spooler.entry(id))
                #expect((entry.expires - now).nanoseconds == Int64(hours) * 3_600_000_000_000)
            }
            try await world.sleep(.hours(9))
            #expect(try await world.spooler.entry(notification) == nil)
            #expect(try await world.mailbox("anna@here.example").isEmpty)
            let attempts = try await world.kinds(new).filter { $0 == .attempted }.count
            // By the standard pauses there are eight; how many more depends on chance, the seed's.
            #expect((10...20).contains(attempts), "\(attempts)")
            try await world.sleep(.hours(2))
            #expect(try await world.mailbox("anna@here.example").count == 1)
            #expect(try await world.kinds(new).last == .notified)
            #expect(try await world.spooler.entry(old) != nil)
        }
    }

    @Test("the sender's account says in which language he is told, before message and server")
    func accountLanguage() throws {
        let world = try DeliveryWorld(seed: 14, zone: Self.zone)
        try world.run { world in
            let anna = try Address("anna@here.example")
            for (language, words) in [
                (nil, "could not be delivered"), (Language.german, "nicht zugestellt werden"),
            ] {
                try await world.registry.setLanguage(language, of: anna, by: "test")
                try await world.accept(to: ["x@null.example"])
                #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
                let text = try await world.mailbox("anna@here.example").last ?? ""
                #expect(text.contains(words), "\(text)")
            }
        }
    }

    @Test("what networks and name servers are found to do has a code and a German sentence")
    func diagnoses() {
        let network: [(NetworkFailure, Diagnosis)] = [
            (.refused, .connectionRefused), (.unreachable("no network"), .noRouteToHost),
            (.deadlinePassed, .noAnswer), (.disconnected, .connectionLost),
            (.tls("expired"), .handshakeFailed), (.cancelled, .cancelled),
        ]
        for (failure, diagnosis) in network {
            #expect(Diagnosis("\(failure)") == diagnosis, "\(failure)")
        }
        let names: [(Answer.Failure, Diagnosis)] = [
            (.timeout, .nameServerSilent), (.serverFailure, .nameServerFailed),
            (.refused, .nameServerRefused), (.bogus("x"), .notValidated),
            (.malformed("x"), .answerUseless),
        ]
        for (failure, diagnosis) in names {
            #expect(Diagnosis("\(failure)") == diagnosis, "\(failure)")
        }
    }

    @Test("an address that cannot be read is told of once and keeps no other message from its way")
    func unreadableAddress() throws {
        let world = try DeliveryWorld(seed: 24, zone: Self.zone)
        let first = world.sink(1)
        try world.run { world in
            first.host.stop()
            let id = try await world.accept(to: ["x@one.example", "y@one.example"])
            try await world.sleep(.seconds(10))
            #expect(try await world.deliverer.unreadableRecipients() == 0)
            try await world.store.write { transaction in
                try transaction.execute(
                    "UPDATE recipient SET address = '@@' WHERE ordinal = 0", [])
            }
            first.host.start()
            try await world.sleep(.hours(3))
            #expect(first.messages.map(\.recipients) == [["y@one.example"]])
            #expect(try await world.deliverer.unreadableRecipients() == 1)
            let errors = world.told.errors
            #expect(errors.count == 1)
            #expect(errors.first?.contains("the stored address \"@@\" cannot be read") == true)
            #expect(errors.first?.hasSuffix(" \(id)") == true)
            try await world.spooler.intervene(
                .redirect(.address(try Address("z@one.example"))), Selection(id), by: "eva")
            #expect(try await world.wait(.hours(1)) { try await world.isSpoolEmpty() })
            #expect(first.messages.last?.recipients == ["z@one.example"])
            #expect(try await world.deliverer.unreadableRecipients() == 0)
        }
    }

    @Test("a DNS fault is never a permanent failure")
    func dnsFault() throws {
        let world = try DeliveryWorld(seed: 15, zone: Self.zone)
        let first = world.sink(1)
        try world.run { world in
            let id = try await world.accept(to: ["x@slow.example"])
            try await world.sleep(.hours(2))
            #expect(try await !world.isSpoolEmpty())
            #expect(try await !world.kinds(id).contains(.bounced))
            world.resolver.zone =
                Self.zone.replacing("slow.example MX timeout", with: "")
                + "\nslow.example A 192.0.2.1"
            #expect(try await world.wait(.hours(6)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count == 1)
        }
    }

    @Test("when a host is back, all that waits for it is due at once")
    func recovery() throws {
        let world = try DeliveryWorld(seed: 16, zone: Self.zone)
        let first = world.sink(1)
        try world.run { world in
            first.host.stop()
            for _ in 0..<20 { try await world.accept(to: ["x@one.example"]) }
            try await world.sleep(.hours(8))
            first.host.start()
            // The next message finds out.
            try await world.sleep(.minutes(15))
            try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(2)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count == 21)
        }
    }

    @Test("what waited when the server was restarted is due when its host answers")
    func recoveryAfterRestart() throws {
        let world = try DeliveryWorld(seed: 23, zone: Self.zone)
        let first = world.sink(1)
        try world.run { world in
            first.host.stop()
            for _ in 0..<20 { try await world.accept(to: ["x@one.example"]) }
            try await world.sleep(.hours(8))
        }
        first.host.start()
        try world.run { world in
            try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(2)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count == 21)
        }
    }

    @Test("a relay domain is held for the better exchanger, never sent back to oneself")
    func relay() throws {
        let world = try DeliveryWorld(
            seed: 17,
            zone: """
                held.example MX 10 mx1.there.example
                held.example MX 20 here.example
                held.example MX 30 mx2.there.example
                mx1.there.example A 192.0.2.1
                mx2.there.example A 192.0.2.2
                here.example A 192.0.2.100
                """)
        let (first, second) = (world.sink(1), world.sink(2))
        try world.run { world in
            first.host.stop()
            try await world.accept(to: ["x@held.example"], expires: .hours(48))
            try await world.sleep(.hours(5))
            #expect(second.connections == 0)
            first.host.start()
            #expect(try await world.wait(.hours(5)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count == 1)
        }
    }

    @Test("a relay domain with a host of its own goes there, at its port")
    func relayHost() throws {
        let world = try DeliveryWorld(seed: 18, zone: "mx1.there.example A 192.0.2.1")
        let first = world.sink(1)
        try world.run { world in
            try await world.registry.add(
                relay: .init(
                    try Domain("fixed.example"), acceptsAllRecipients: true,
                    host: "mx1.there.example:25"), by: "test")
            try await world.accept(to: ["x@fixed.example"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count == 1)
        }
    }

    @Test("a relay domain has a lifetime of its own")
    func relayLifetime() throws {
        let world = try DeliveryWorld(seed: 22, zone: Self.zone)
        let first = world.sink(1)
        try world.run { world in
            first.host.stop()
            try await world.registry.add(
                relay: .init(
                    try Domain("one.example"), acceptsAllRecipients: true,
                    lifetimeSeconds: 6 * 3600), by: "test")
            let start = world.simulation.now
            try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.days(1)) { try await world.isSpoolEmpty() })
            let minutes = (world.simulation.now - start).nanoseconds / 60_000_000_000
            #expect((359...362).contains(minutes))
        }
    }

    @Test("nobody gives up while the directory does not say for how long to try")
    func unknownLifetime() throws {
        let world = try DeliveryWorld(seed: 22, zone: Self.zone)
        let first = world.sink(1)
        try world.run { world in
            first.host.stop()
            try await world.registry.add(
                relay: .init(
                    try Domain("one.example"), acceptsAllRecipients: true,
                    lifetimeSeconds: 20 * 86400), by: "test")
            try await world.accept(to: ["x@one.example"])
            try await world.sleep(.days(4))
            // With the change goes what was remembered of domains.
            try await world.registry.add(domain: LocalDomain(Domain("new.example")), by: "test")
            world.answers.fail(at: "FROM directory_")
            try await world.sleep(.days(2))
            world.answers.fail(at: nil)
            first.host.start()
            #expect(try await world.wait(.days(1)) { first.messages.count == 1 })
        }
    }

    @Test("an address literal is the host")
    func literal() throws {
        let world = try DeliveryWorld(seed: 19, zone: "")
        let first = world.sink(1)
        try world.run { world in
            try await world.accept(to: ["x@[192.0.2.1]"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(first.messages.map(\.recipients) == [["x@[192.0.2.1]"]])
        }
    }

    @Test("a silent host delays nobody else's mail")
    func silentHost() throws {
        let world = try DeliveryWorld(
            seed: 20, zone: Self.zone + "\nsilent.example A 192.0.2.3")
        let (first, silent) = (world.sink(1), world.sink(3))
        try world.run { world in
            silent.host.stop(.vanish)
            for _ in 0..<50 { try await world.accept(to: ["x@silent.example"]) }
            try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.seconds(5)) { first.messages.count == 1 })
        }
    }

    @Test(
        "on a rough network nothing is lost, and doubled only after an ambiguous end",
        arguments: 100..<130)
    func rough(seed: UInt64) throws {
        let world = try DeliveryWorld(seed: seed, zone: Self.zone)
        let (first, second) = (world.sink(1), world.sink(2))
        first.offersTLS = true
        world.network.faults = .rough
        try world.run { world in
            var ids: [QueueID] = []
            for number in 0..<20 {
                ids.append(
                    try await world.accept(to: ["x@there.example"], text: "number \(number)\r\n"))
            }
            try await world.sleep(.hours(12))
            world.network.faults = .none
            #expect(try await world.wait(.days(2)) { try await world.isSpoolEmpty() })
            let taken = (first.messages + second.messages).map(\.content)
            for (number, id) in ids.enumerated() {
                let copies = taken.filter { $0.hasSuffix("\r\nnumber \(number)\r\n") }.count
                #expect(copies >= 1)
                let facts = try await world.trace.facts(of: id)
                let doubts = facts.filter { $0.text?.contains("may arrive twice") == true }.count
                #expect(copies <= 1 + doubts)
                #expect(facts.last?.kind == .delivered)
            }
        }
    }

    @Test(
        "a crash at any commit: local mail arrives exactly once, other mail at least once",
        arguments: 200..<260)
    func crash(seed: UInt64) throws {
        let world = try DeliveryWorld(seed: seed, zone: Self.zone)
        let first = world.sink(1)
        let disk = world.disk
        world.commitsLeft = Int(seed % 30)
        let fault: MemoryDisk.Fault = {
            world.commitsLeft -= 1
            if world.commitsLeft == 0 { disk.crash() }
        }
        try world.run { world in
            for number in 0..<8 {
                let text = "number \(number)\r\n"
                try await world.accept(to: ["ben@here.example"], text: text)
                try await world.accept(to: ["x@one.example"], text: text)
            }
            let isBefore = seed.isMultiple(of: 2)
            disk.setFaults(before: isBefore ? fault : nil, after: isBefore ? nil : fault)
            for number in 8..<16 {
                let text = "number \(number)\r\n"
                // What is refused has not been promised.
                _ = try? await world.accept(to: ["ben@here.example"], text: text)
            }
            try await world.sleep(.minutes(1))
        }
        disk.setFaults()
        try world.run { world in
            #expect(try await world.wait(.hours(5)) { try await world.isSpoolEmpty() })
            let texts = try await world.mailbox("ben@here.example")
            for number in 0..<8 {
                let end = "\r\nnumber \(number)\r\n"
                #expect(texts.filter { $0.hasSuffix(end) }.count == 1)
                #expect(first.messages.contains { $0.content.hasSuffix(end) })
            }
            #expect(Set(texts).count == texts.count)
        }
    }

    @Test("stop lets what is under way end, and gives back the rest")
    func stop() throws {
        let world = try DeliveryWorld(seed: 21, zone: Self.zone)
        let first = world.sink(1)
        world.settings.queue.initialConcurrency = 1
        world.settings.queue.maximumConcurrency = 1
        try world.run { world in
            for _ in 0..<50 { try await world.accept(to: ["x@one.example"]) }
            #expect(try await world.wait(.minutes(1)) { first.messages.count > 3 })
            world.deliverer.stop(within: .seconds(30))
            try await world.sleep(.minutes(1))
            let taken = first.messages.count
            #expect(taken < 50)
            let waiting = try await world.spooler.claim(
                at: world.simulation.timestamp, limit: 100
            ).recipients
            #expect(waiting.count == 50 - taken)
        }
    }
}
