// SPDX-License-Identifier: Apache-2.0

import Bytes
import SimulatedWorld
import Synchronization
import Testing
import World

@testable import Moving

@Suite("Messages come from another server by IMAP, whatever it does")
struct IMAPSourceTests {
    private typealias Folder = OtherServer.Folder
    private typealias Message = OtherServer.Message

    private static func message(_ uid: UInt32, _ flags: String = "\\Seen") -> Message {
        Message(uid: uid, flags: flags, octets: Array("Subject: \(uid)\r\n\r\ntext\r\n".utf8))
    }

    private static func text(_ uid: UInt32, _ flags: String = "\\Seen") -> String {
        "\(flags): Subject: \(uid)\r\n\r\ntext\r\n"
    }

    private struct Scene: Sendable {
        let server: OtherServer
        let account: MemoryAccount
        let simulation: Simulation
        let network: any Network

        func move(
            verifying: Bool = false, largest: Int = Import.largestOctets
        ) async throws -> [FolderOutcome] {
            var source = IMAPSource(
                .init(
                    addresses: [SocketAddress(.v4(IPv4Address(198, 51, 100, 1)), port: 143)],
                    name: "old.example", security: .none, verifies: false, user: "anna",
                    password: "secret"), network: network, time: simulation,
                largestOctets: largest, inMemoryOctets: 2 << 20)
            var options = Import.Options()
            options.onlyVerifies = verifying
            let outcomes = try await Import(
                into: account, options: options, time: simulation, report: { _ in }
            ).run(from: &source)
            await source.close()
            return outcomes
        }
    }

    private func scene(
        _ state: OtherServer.State, _ body: @escaping @Sendable (Scene) async throws -> Void
    ) throws {
        let simulation = Simulation(seed: 7)
        let network = SimulatedNetwork(simulation)
        let here = network.host("here", .v4(IPv4Address(192, 0, 2, 1)))
        let there = network.host("there", .v4(IPv4Address(198, 51, 100, 1)))
        let server = OtherServer(state)
        try simulation.run {
            let listener = try await there.network.listen(
                on: SocketAddress(.v4(IPv4Address(198, 51, 100, 1)), port: 143))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await listener.serve(limit: 10) { await server.serve($0, simulation) }
                }
                try await body(
                    Scene(
                        server: server, account: MemoryAccount(), simulation: simulation,
                        network: here.network))
                group.cancelAll()
            }
        }
    }

    private static let inbox = Folder(name: "INBOX", messages: [3, 5, 9].map { message($0) })

    @Test("The second run asks a server with QRESYNC only for what has changed")
    func resynchronized() throws {
        try incremental("IMAP4rev1 LITERAL+ ENABLE CONDSTORE QRESYNC", isTold: true)
    }

    @Test("Without QRESYNC UIDs are listed only if something has gone")
    func conditional() throws {
        try incremental("IMAP4rev1 LITERAL+ CONDSTORE", isTold: false)
    }

    private func incremental(_ capabilities: String, isTold: Bool) throws {
        var state = OtherServer.State(capabilities: capabilities, folders: [Self.inbox])
        state.folders[0].modSequence = 10
        try scene(state) { scene in
            let first = try await scene.move()
            #expect(first.map(\.new) == [3] && first.allSatisfy(\.isComplete))
            let listed = scene.server.takeCommands()
            #expect(listed.contains("FETCH 1:3 (UID FLAGS RFC822.SIZE)"), "\(listed)")

            // Nothing has changed: nothing is asked for.
            let second = try await scene.move()
            #expect(second.map(\.known) == [3] && second.map(\.equal) == [3])
            #expect(!scene.server.takeCommands().contains { $0.contains("FETCH") })

            // One is new, one has other flags.
            scene.server.change { state in
                state.folders[0].modSequence = 20
                state.folders[0].messages[0].flags = "\\Flagged"
                state.folders[0].messages[0].modSequence = 19
                var new = Self.message(12)
                new.modSequence = 20
                state.folders[0].messages.append(new)
            }
            let third = try await scene.move()
            #expect(third.map(\.new) == [1] && third.map(\.known) == [3])
            #expect(third.map(\.flagsDiffer) == [1] && third.map(\.equal) == [4])
            let asked = scene.server.takeCommands()
            #expect(asked.contains { $0.contains("(CHANGEDSINCE 10") }, "\(asked)")
            #expect(!asked.contains { $0.hasPrefix("FETCH") }, "\(asked)")
            #expect(
                await scene.account.texts("INBOX") == [
                    Self.text(3, "\\Flagged"), Self.text(5), Self.text(9), Self.text(12),
                ])

            // What has gone there stays here, and is asked for no more.
            scene.server.change { state in
                state.folders[0].modSequence = 21
                state.folders[0].messages.remove(at: 1)
                state.folders[0].vanished = [(5, 21)]
            }
            let fourth = try await scene.move()
            #expect(fourth.map(\.known) == [3] && fourth.allSatisfy(\.isComplete))
            let told = scene.server.takeCommands()
            #expect(told.contains("FETCH 1:3 (UID)") == !isTold, "\(told)")
            _ = try await scene.move()
            #expect(!scene.server.takeCommands().contains { $0.contains("FETCH") })
            #expect(await scene.account.texts("INBOX").count == 4)

            // Made anew: what was there is recognized.
            scene.server.change { state in
                state.folders[0].validity = 8
                state.folders[0].modSequence = 3
            }
            let fifth = try await scene.move()
            #expect(fifth.map(\.new) == [0] && fifth.map(\.known) == [3])
            // All is read again when it is to be compared.
            let verified = try await scene.move(verifying: true)
            #expect(verified.allSatisfy(\.isComplete) && verified.map(\.equal) == [3])
        }
    }

    @Test("A server that cannot tell what has changed is listed as a whole")
    func refused() throws {
        let capabilities = "IMAP4rev1 LITERAL+ CONDSTORE"
        try scene(.init(capabilities: capabilities, folders: [Self.inbox])) { scene in
            _ = try await scene.move()
            scene.server.change { state in
                state.folders[0].modSequence = 20
                // Tells of nothing, though something has come.
                state.rubbish = [("UID FETCH 1:* (UID FLAGS RFC822.SIZE) (CH", "")]
                state.folders[0].messages.append(Self.message(12))
            }
            let outcomes = try await scene.move()
            #expect(outcomes.map(\.new) == [1] && outcomes.allSatisfy(\.isComplete))
        }
    }

    @Test("A server that treats few messages with one command is asked for few (RFC 9738)")
    func limited() throws {
        let capabilities = "IMAP4rev1 LITERAL+ CONDSTORE MESSAGELIMIT=4"
        var folder = Self.inbox
        folder.messages = (1...10).map { Self.message($0) }
        try scene(.init(capabilities: capabilities, folders: [folder])) { scene in
            let first = try await scene.move()
            #expect(first.map(\.new) == [10] && first.allSatisfy(\.isComplete))
            scene.server.change { state in
                state.folders[0].modSequence = 20
                for index in 0..<9 {
                    state.folders[0].messages[index].flags = "\\Flagged"
                    state.folders[0].messages[index].modSequence = 20
                }
            }
            let second = try await scene.move()
            #expect(second.map(\.flagsDiffer) == [9] && second.allSatisfy(\.isComplete))
            #expect(
                await scene.account.texts("INBOX")
                    == (1...9).map { Self.text($0, "\\Flagged") } + [Self.text(10)])
        }
    }

    @Test("A connection that is lost is made anew, and no message comes twice", arguments: 3...6)
    func lost(_ number: Int) throws {
        var folder = Self.inbox
        folder.messages = (1...500).map { Self.message($0) }
        try scene(.init(folders: [folder], cuts: [number, number + 3])) { scene in
            var outcomes: [FolderOutcome] = []
            while outcomes.isEmpty {
                do {
                    outcomes = try await scene.move()
                } catch let failure as MovingFailure {
                    // Before the first message nothing is tried again: the next run does it.
                    #expect(failure.kind == .temporary)
                    try #require(!scene.server.state.withLock { $0.cuts.isEmpty } || number < 5)
                }
            }
            #expect(outcomes.allSatisfy(\.isComplete) && outcomes.map(\.equal) == [500])
            #expect(await scene.account.texts("INBOX").count == 500)
        }
    }

    @Test("A folder that is made anew while it is read ends the run; the next one goes on")
    func madeAnew() throws {
        var folder = Self.inbox
        folder.messages = (1...500).map { Self.message($0) }
        try scene(.init(folders: [folder], cuts: [6])) { scene in
            scene.server.change { $0.rubbish = [("EXAMINE", "")] }
            // The folder's EXAMINE says nothing: no UIDVALIDITY, no message.
            let empty = try await scene.move()
            #expect(empty.map(\.messages) == [0])
            scene.server.change { state in
                state.rubbish = []
                state.commands = []
                state.cuts = [5]
            }
            let server = scene.server
            async let failed = try? await scene.move()
            while server.state.withLock({ !$0.cuts.isEmpty }) {
                try await scene.simulation.sleep(until: scene.simulation.now + .milliseconds(1))
            }
            server.change { $0.folders[0].validity = 8 }
            #expect(await failed == nil)
            let outcomes = try await scene.move()
            #expect(outcomes.allSatisfy(\.isComplete) && outcomes.map(\.equal) == [500])
            #expect(await scene.account.texts("INBOX").count == 500)
        }
    }

    @Test(
        "Rubbish ends the run with a sentence",
        arguments: [
            ("LIST", "* LIST (\\Noselect\r\n", "a list without an end"),
            ("EXAMINE", "* 3 EXISTS\r\n* \r\nx\r\n", "a line without a tag"),
            ("FETCH", "a9 OK what\r\n", "answers a command that was not given"),
            ("FETCH", "* BYE go away\r\n", "ends the connection"),
            ("FETCH", "* 1 FETCH (UID 1 X {99999999999}\r\n", "99999999999 octets at once"),
        ])
    func rubbish(_ command: String, _ answer: String, _ told: String) throws {
        let state = OtherServer.State(folders: [Self.inbox], rubbish: [(command, answer)])
        try scene(state) { scene in
            let failure = await #expect(throws: MovingFailure.self) {
                _ = try await scene.move()
            }
            #expect(failure?.description.contains(told) == true, "\(String(describing: failure))")
            #expect(await scene.account.commits == 0)
        }
    }

    @Test("What a server lists and does not send, or counts and does not list, is named")
    func withheld() throws {
        var folder = Self.inbox
        folder.messages[1].isWithheld = true
        let uid = folder.messages[1].uid
        try scene(.init(folders: [folder])) { scene in
            let outcomes = try await scene.move()
            #expect(outcomes.map(\.new) == [2] && outcomes.map(\.equal) == [2])
            let told = "UID \(uid): the server lists it, and does not send it"
            #expect(outcomes.map(\.unreadable) == [[told]])
            scene.server.change { state in
                state.folders[0].messages[1].isWithheld = false
                state.folders[0].hidden = 4
            }
            let again = try await scene.move()
            #expect(again.map(\.new) == [1] && again.map(\.equal) == [3])
            #expect(
                again.map(\.unreadable) == [["INBOX: the server counts 4 more than it lists"]])
        }
    }

    @Test("A message that the server cannot read keeps none of the others back")
    func broken() throws {
        var folder = Self.inbox
        folder.messages[0].isBroken = true
        let uid = folder.messages[0].uid
        try scene(.init(folders: [folder])) { scene in
            let outcomes = try await scene.move()
            #expect(outcomes.map(\.new) == [2] && outcomes.map(\.equal) == [2])
            #expect(outcomes.map(\.unreadable) == [["UID \(uid): NO it cannot be read"]])
        }
    }

    @Test("Folders come over under names that can be here, whatever they are called there")
    func names() throws {
        let names: [(there: String, delimiter: String, here: String)] = [
            ("Entw&APw-rfe", "\"/\"", "Entwürfe"), ("Entwürfe", "\"/\"", "Entwürfe"),
            ("a.b.c", "\".\"", "a/b/c"), ("a.b", "\"/\"", "a.b"), ("a/b.c", "\".\"", "a_b/c"),
            ("a\\\\b", "\"\\\\\"", "a/b"), ("a|b", "\"|\"", "a/b"), ("a/b", "NIL", "a_b"),
            ("a/", "\"/\"", "a"), ("a//b", "\"/\"", "a/b"), ("inbox", "NIL", "INBOX"),
            ("&broken", "\"/\"", "&broken"),
        ]
        for (there, delimiter, here) in names {
            var folder = Self.inbox
            folder.name = there
            try scene(.init(delimiter: delimiter, folders: [folder])) { scene in
                scene.server.change { state in
                    // What stands escaped in LIST stands so in EXAMINE, too.
                    state.folders[0].name = there
                }
                let outcomes = try await scene.move()
                #expect(outcomes.map(\.mailbox) == [here], "\(there)")
                #expect(outcomes.map(\.equal) == [3], "\(there) \(outcomes.map(\.unreadable))")
            }
        }
    }

    @Test("Two folders of one name here are two mailboxes, and a thousand are a thousand")
    func many() throws {
        var folders = (1...1000).map { number -> Folder in
            var folder = Self.inbox
            folder.name = "folder.\(number % 10).\(number)"
            folder.messages = [Self.message(UInt32(number))]
            return folder
        }
        folders[0].name = "a/b"
        folders[1].name = "a_b"
        folders[2].name = "shared.x"
        folders[3].name = "INBOX.mine"
        let state = OtherServer.State(
            capabilities: "IMAP4rev1 NAMESPACE", delimiter: "\".\"",
            namespace: "((\"INBOX.\" \".\")) NIL ((\"shared.\" \".\"))", folders: folders)
        try scene(state) { scene in
            let outcomes = try await scene.move()
            #expect(outcomes.count == 999 && outcomes.allSatisfy(\.isComplete))
            let names = Set(outcomes.map(\.mailbox))
            #expect(names.count == 999 && names.isSuperset(of: ["a_b", "a_b_2", "mine"]))
        }
    }

    @Test("A message too large for memory comes in portions; beyond the limit it is named")
    func large() throws {
        var folder = Self.inbox
        let line = Array("0123456789 0123456789 0123456789 0123456789 0123456\r\n".utf8)
        let count = (2 << 20) / line.count + 1000
        var octets: [UInt8] = Array("Subject: large\r\n\r\n".utf8)
        for _ in 0..<count { octets += line }
        folder.messages.insert(Message(uid: 4, flags: "", octets: octets), at: 1)
        // What is not as large as is said is not waited for.
        folder.messages.append(Message(uid: 11, flags: "", octets: [], size: 3 << 30))
        try scene(.init(folders: [folder])) { [folder, octets] scene in
            let outcomes = try await scene.move()
            #expect(outcomes.map(\.new) == [4] && outcomes.map(\.equal) == [4])
            #expect(
                outcomes.map(\.unreadable) == [
                    ["UID 11: it has \(3 << 30) octets, more than \(Import.largestOctets)"]
                ])
            let there = folder.messages.map(\.octets).dropLast()
            #expect(await scene.account.octets("INBOX") == Array(there))
            let asked = scene.server.takeCommands().filter { $0.contains("BODY.PEEK[]<") }
            #expect(asked.count == octets.count / (1 << 20) + 1)
            // Named again, for it may have been the limit that was too small.
            let again = try await scene.move()
            #expect(again.map(\.new) == [0] && again.map(\.unreadable.count) == [1])
        }
    }
}
