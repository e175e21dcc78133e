// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import LiveWorld
import Synchronization
import World

/// `postreiter demo`: a small internet on this machine, and the way of mail through it.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show on this machine alone how mail finds its way; verifies every step.",
        discussion: """
            Starts a name server, six mail servers and a mail program on loopback addresses and \
            high ports, with everything they write in a temporary folder, and exits 0 only if \
            every step was verified.
            """)
    @Flag(help: "Leave everything running afterwards, for a mail program to try.")
    var keep = false

    func run() async throws {
        let story = Story(Live.language, time: Live.surroundings.time)
        let folder = try DemoFolder()
        let signals = SignalSource()
        let verdict = Verdict()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.perform(story, in: folder, verdict) }
            group.addTask {
                for await signal in signals.signals where signal == .terminate { return }
            }
            await group.next()
            group.cancelAll()
        }
        folder.remove()
        switch verdict.isVerified {
        case true?: return
        case false?: throw ExitCode(1)
        // By convention, what a program says that Ctrl-C has ended.
        case nil: throw ExitCode(130)
        }
    }

    /// Whether the story held; nil while it is being told.
    private final class Verdict: Sendable {
        private let value = Mutex<Bool?>(nil)
        var isVerified: Bool? {
            get { value.withLock { $0 } }
            set { value.withLock { $0 = newValue } }
        }
    }

    private func perform(_ story: Story, in folder: DemoFolder, _ verdict: Verdict) async {
        let tasks = DemoTasks()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await tasks.run() }
            do {
                let world = try await DemoWorld(story, in: folder, tasks: tasks)
                let isVerified = await Self.tell(world)
                try Task.checkCancellation()
                verdict.isVerified = isVerified
                if keep {
                    Visit(world: world).invite()
                    try await world.time.sleep(for: .days(365))
                }
            } catch {
                if !Task.isCancelled {
                    Output.error(Self.text(of: error))
                    verdict.isVerified = false
                }
            }
            group.cancelAll()
        }
    }

    /// Tells all chapters; false if a fact did not hold.
    private static func tell(_ world: DemoWorld) async -> Bool {
        let story = world.story
        do {
            try await begin(world)
            try await NamesChapter(world: world).tell()
            let first = try await DeliveryChapter(world: world).tell()
            try await BackupChapter(world: world, first: first).tell()
            try await BalanceChapter(world: world).tell()
            try await WaysChapter(world: world).tell()
            try await WaitingChapter(world: world).tell()
            try await AuthorChapter(world: world).tell()
            story.end()
            return true
        } catch {
            guard !Task.isCancelled else { return false }
            story.fail(text(of: error), world.folder.logTails)
            return false
        }
    }

    private static func text(of error: any Error) -> String {
        switch error {
        case let failure as DemoFailure: failure.text
        case let failure as CommandFailure: failure.text
        default: "\(error)"
        }
    }

    private static func begin(_ world: DemoWorld) async throws {
        let story = world.story
        let begin = world.time.now
        try await world.startAll()
        let took = story.duration(world.time.now - begin)
        story.opening(
            "Postreiter shows how mail finds its way. Everything happens on this machine: six mail",
            "Postreiter zeigt, wie Post ihren Weg findet. Alles geschieht auf dieser Maschine: sechs"
        )
        story.opening(
            "servers, each with its own store, are running after \(took); everything they write is in",
            "Mailserver, jeder mit eigenem Speicher, laufen nach \(took); was sie schreiben, steht in"
        )
        story.opening(
            "\(world.folder.path) and goes when the demo ends.",
            "\(world.folder.path) und verschwindet am Ende.")
    }
}
