// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("A disk that is slow or fails, and a clock that is set, lose nothing", .built)
struct HardCasesFaultTests {
    /// Of a body: in the database, and in a file of its own.
    private static let sizes = (small: 100, large: 20_000)

    // MARK: The disk

    @Test(
        "While every sync takes long sessions wait, share it and stay; then all is as quick as before",
        .canInterfere, .installed("curl"))
    func slowDisk() async throws {
        try await withStage { stage in
            let folder = try stage.makeFolder("data")
            let disk = try await Interference(stage, folder: folder)
            let server = try await Postreiter(
                stage, dataFolder: folder,
                environment: disk.environment.merging(["POSTREITER_LOG_LEVEL": "warning"]) { $1 })
            let quick = try await onThread { try Self.timeOfOne(server, number: 1) }
            let before = try server.memory("VmHWM")
            disk.slow(milliseconds: 400)
            let syncs = disk.syncs
            let load = Generator(
                server.address, Postreiter.Port.smtp, local: server.account,
                remote: server.account, connections: 40, seed: 3)
            try await Task.sleep(for: .seconds(3))
            // What needs no disk is answered as ever.
            let (unknown, took) = try await onThread {
                let clock = ContinuousClock()
                let begin = clock.now
                let wire = try Wire(server.address, Postreiter.Port.smtp)
                _ = try wire.readReply()
                _ = try wire.ask("EHLO client.test")
                _ = try wire.ask("MAIL FROM:<a@client.test>")
                return (try wire.ask("RCPT TO:<nobody@own.test>"), clock.now - begin)
            }
            #expect(unknown.hasPrefix("550 5.1.1"), "\(unknown)")
            #expect(took < .seconds(5), "\(took)")
            try await Task.sleep(for: .seconds(3))
            await load.stop()
            let syncsOfLoad = disk.syncs - syncs
            let after = try server.memory("VmHWM")
            disk.slow(milliseconds: 0)
            // What the load has left behind is soon delivered.
            var again = Duration.seconds(100)
            for number in 2...100 where again > max(.milliseconds(200), quick * 5) {
                again = try await onThread { try Self.timeOfOne(server, number: number) }
            }
            print(
                "slow disk: \(load.acknowledged.count) messages by \(syncsOfLoad) syncs of 0.4 s, "
                    + "\(before) KiB, then \(after); one message in \(quick), then \(again)")
            #expect(syncsOfLoad >= 4, "the disk was not slow")
            #expect(load.replies.isEmpty, "\(load.replies)")
            #expect(
                load.acknowledged.count > 2 * syncsOfLoad,
                "\(load.acknowledged.count) messages, \(syncsOfLoad) syncs: nobody waits for one alone"
            )
            #expect(after - before < 80 << 10, "\(before) KiB, then \(after)")
            #expect(again <= max(.milliseconds(200), quick * 5), "\(quick), then \(again)")
            let numbers = try await Self.numbers(server)
            #expect(Set(numbers).count == numbers.count, "a message came twice")
            let missing = Set(load.acknowledged.map(\.number)).subtracting(numbers)
            #expect(missing.isEmpty, "\(missing.count) are missing")
        }
    }

    @Test(
        "A disk that fails while the server runs: come back later, nothing lost, and on by itself",
        .canInterfere, .installed("curl"), arguments: [EROFS, EIO, EDQUOT])
    func failingDisk(_ error: Int32) async throws {
        try await withStage { stage in
            let folder = try stage.makeFolder("data")
            let disk = try await Interference(stage, folder: folder)
            let server = try await Postreiter(
                stage, dataFolder: folder, environment: disk.environment)
            var kept: [Int] = []
            for number in 1...5 {
                let reply = try await onThread { try Self.send(server, number, Self.sizes.small) }
                if reply.hasPrefix("250") { kept.append(number) }
            }
            #expect(kept == [1, 2, 3, 4, 5])
            #expect(try await server.waitUntilDelivered() == "")
            disk.fail(with: error)
            for lines in [Self.sizes.small, Self.sizes.large, Self.sizes.small] {
                let reply = try await onThread { try Self.send(server, 100, lines) }
                #expect(
                    reply.hasPrefix("451 4.3.0") || reply.hasPrefix("452 4.3.1"), "\(reply)")
            }
            // It says why, and what it has can still be read.
            let reason = String(cString: strerror(error))
            #expect(
                await server.hasLogged("a message was not accepted, the store failed"),
                "\(reason): \(server.log)")
            #expect(try await server.wholeMailbox().count == 5)
            let queue = try await server.command("queue", "list")
            #expect(queue.status == 0, "\(queue.output)")
            #expect(server.server?.isRunning == true)

            disk.fail(with: 0)
            for (number, lines) in [(6, Self.sizes.small), (7, Self.sizes.large)] {
                let reply = try await onThread { try Self.send(server, number, lines) }
                #expect(reply.hasPrefix("250"), "\(reply)\n\(server.log)")
                kept.append(number)
            }
            #expect(try await Self.numbers(server).sorted() == kept)
            // Nor does a crash change it: what was refused is nowhere.
            await server.crash()
            try await server.start()
            #expect(try await Self.numbers(server).sorted() == kept)
            let bodies = try FileManager.default.contentsOfDirectory(atPath: folder + "/bodies")
            #expect(bodies.count == 1, "half a message is left: \(bodies)")
        }
    }

    @Test(
        "Deliveries that cannot be taken down while the disk fails are not lost, here or elsewhere",
        .canInterfere, .installed("curl"))
    func failingDeliveries() async throws {
        try await withStage { stage in
            let folder = try stage.makeFolder("data")
            let disk = try await Interference(stage, folder: folder)
            let elsewhere = stage.address()
            // It answers the end of a message once the disk fails: too late to be written down.
            let gate = Gate()
            let sink = try WireListener(elsewhere, Postreiter.Port.smtp) { wire in
                try Self.serve(wire) { gate.pass() }
            }
            let server = try await Postreiter(
                stage, zones: ["sink.test": Postreiter.zone("sink.test", exchanger: elsewhere)],
                dataFolder: folder, environment: disk.environment)
            #expect(try await server.command("relay", "add", "sink.test", "--all").status == 0)
            let reply = try await onThread {
                try Self.send(server, 1, Self.sizes.small, to: "bob@sink.test")
            }
            #expect(reply.hasPrefix("250"), "\(reply)")
            #expect(await isTrue(within: .seconds(20)) { gate.waiting == 1 })
            disk.fail(with: EROFS)
            gate.open()
            #expect(await isTrue(within: .seconds(20)) { gate.passed == 1 })
            try await Task.sleep(for: .seconds(2))
            #expect(server.server?.isRunning == true)
            disk.fail(with: 0)
            // That it was taken may be known only now, or it is sent again: but it ends.
            #expect(
                try await server.waitUntilDelivered(within: .seconds(90)) == "", "\(server.log)")
            #expect((1...2).contains(gate.passed), "\(gate.passed) copies")
            withExtendedLifetime(sink) {}
        }
    }

    // MARK: The clock

    @Test(
        "A clock set forward and back by weeks returns, loses and doubles nothing",
        .canInterfere, .installed("curl"), arguments: [[20, 0], [-20, 0], [3650, -3650]])
    func clock(_ days: [Int]) async throws {
        try await withStage { stage in
            let folder = try stage.makeFolder("data")
            let clock = try await Interference(stage, folder: folder)
            let elsewhere = stage.address()
            let server = try await Postreiter(
                stage, zones: ["sink.test": Postreiter.zone("sink.test", exchanger: elsewhere)],
                dataFolder: folder, environment: clock.environment)
            #expect(try await server.command("relay", "add", "sink.test", "--all").status == 0)
            // Nobody is there: it waits, for five days at most.
            let waiting = NumberedMessage(number: 1, lines: 1, isLocal: false, isRemote: true)
            let reply = try await onThread {
                try Self.send(server, waiting.number, 1, to: "bob@sink.test")
            }
            #expect(reply.hasPrefix("250"), "\(reply)")
            #expect(
                await isTrue(within: .seconds(20)) {
                    (try? await server.command("queue", "list"))?.output
                        .contains("connection refused") == true
                })
            var kept: [Int] = []
            for (place, day) in days.enumerated() {
                clock.setClock(aheadBy: day * 86_400)
                let number = 10 + place
                let reply = try await onThread { try Self.send(server, number, 1) }
                #expect(reply.hasPrefix("250"), "\(day) days: \(reply)")
                kept.append(number)
                // Whatever waits is looked through once in half a minute.
                #expect(
                    await isTrue(within: .seconds(60)) {
                        server.log.components(separatedBy: "the clock was set by").count > place + 1
                    }, "\(day) days: \(server.log)")
                #expect(
                    await isTrue(within: .seconds(30)) {
                        (try? await server.wholeMailbox().count) == kept.count
                    }, "\(day) days: \(server.log)")
                let list = try await server.command("queue", "list")
                #expect(list.output.contains("bob@sink.test"), "\(day) days: \(list.output)")
            }
            let sink = try RecordingSink(elsewhere, Postreiter.Port.smtp)
            let retry = try await server.command("queue", "retry", "--domain", "sink.test")
            #expect(retry.status == 0, "\(retry.output)")
            #expect(
                try await server.waitUntilDelivered(within: .seconds(60)) == "", "\(server.log)")
            #expect(sink.arrivals.counts == [1: 1] && sink.arrivals.strangers == 0)
            #expect(try await Self.numbers(server).sorted() == kept)
        }
    }

    // MARK: Sending

    /// Sends one message, and returns the last reply.
    private static func send(
        _ server: Postreiter, _ number: Int, _ lines: Int, to recipient: String? = nil
    ) throws -> String {
        let wire = try Wire(server.address, Postreiter.Port.smtp)
        _ = try wire.readReply()
        _ = try wire.ask("EHLO client.test")
        _ = try wire.ask("MAIL FROM:<a@own.test>")
        _ = try wire.ask("RCPT TO:<\(recipient ?? server.account)>")
        let reply = try wire.ask("DATA")
        guard reply.hasPrefix("354") else { return reply }
        let message = NumberedMessage(number: number, lines: lines, isLocal: true, isRemote: false)
        try wire.write(message.octets[...])
        return try wire.ask(".")
    }

    private static func timeOfOne(_ server: Postreiter, number: Int) throws -> Duration {
        let clock = ContinuousClock()
        let begin = clock.now
        let reply = try send(server, 1_000_000 + number, 10)
        #expect(reply.hasPrefix("250"), "\(reply)")
        return clock.now - begin
    }

    /// What is in the mailbox once nothing waits any more.
    private static func numbers(_ server: Postreiter) async throws -> [Int] {
        #expect(try await server.waitUntilDelivered(within: .seconds(90)) == "", "\(server.log)")
        let found = try await server.wholeMailbox().map { NumberedMessage.recognise(Array($0)) }
        #expect(found.allSatisfy { $0?.isWhole == true }, "a message is damaged")
        return found.compactMap { $0?.number }
    }

    /// Takes everything; `beforeEnd` comes between the end of a message and the reply to it.
    private static func serve(_ wire: Wire, beforeEnd: () -> Void) throws {
        try wire.write("220 sink.test\r\n")
        while let line = try wire.readLine() {
            switch String(decoding: line.prefix(4), as: UTF8.self).uppercased() {
            case "DATA":
                try wire.write("354 go on\r\n")
                while let line = try wire.readLine(), !line.elementsEqual([0x2E]) {}
                beforeEnd()
                try wire.write("250 taken\r\n")
            case "QUIT": return try wire.write("221 bye\r\n")
            default: try wire.write("250 yes\r\n")
            }
        }
    }
}

/// Where threads wait until it is open.
private final class Gate: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen = false
    private var counts = (waiting: 0, passed: 0)

    var waiting: Int { locked { counts.waiting } }
    var passed: Int { locked { counts.passed } }

    func open() {
        locked { isOpen = true }
        condition.broadcast()
    }

    func pass() {
        condition.lock()
        counts.waiting += 1
        while !isOpen { condition.wait() }
        counts.passed += 1
        condition.unlock()
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        condition.lock()
        defer { condition.unlock() }
        return body()
    }
}
