// SPDX-License-Identifier: Apache-2.0

import Directory
import Foundation
import LiveWorld
import Mail
import SimulatedWorld
import Synchronization
import Testing
import World

@testable import OAuth

@Suite("Answers about tokens are kept for a short while")
struct DeskTests {
    /// Answers in turn, each after some time.
    private final class Source: TokenSource {
        let maximumAtOnce = 3
        let asked = Mutex<[String]>([])
        private let time: any Time
        private let delay: Duration
        private let answer: @Sendable (Int) -> (TokenVerdict, validity: Duration?)

        init(
            _ time: any Time, delay: Duration = .zero,
            _ answer: @escaping @Sendable (Int) -> (TokenVerdict, validity: Duration?)
        ) {
            self.time = time
            self.delay = delay
            self.answer = answer
        }

        func find(
            _ token: String, deadline: Instant
        ) async -> (TokenVerdict, validity: Duration?) {
            let number = asked.withLock { asked in
                asked.append(token)
                return asked.count
            }
            try? await time.sleep(for: delay)
            return answer(number)
        }
    }

    private static let cases: [(TokenVerdict, Duration?, kept: Duration)] = [
        (.refused("no"), nil, TokenDesk.refusalValidity),
        (.insufficientScope("no"), nil, TokenDesk.refusalValidity),
        (.unavailable("hm"), nil, .zero),
    ]

    @Test("Good ones for a minute at most and not beyond their end, bad ones more briefly")
    func kept() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let anna = try Address("anna@example.org")
            let all =
                Self.cases + [
                    (.owner(anna), nil, TokenDesk.validity),
                    (.owner(anna), .seconds(7), .seconds(7)),
                    (.owner(anna), .hours(7), TokenDesk.validity),
                ]
            for (verdict, validity, kept) in all {
                let source = Source(simulation) { _ in (verdict, validity) }
                let desk = TokenDesk(source, time: simulation)
                let began = simulation.now
                #expect(await desk.judge("t") == verdict)
                if kept > .zero {
                    try await simulation.sleep(until: began + (kept - .milliseconds(1)))
                    #expect(await desk.judge("t") == verdict)
                    #expect(source.asked.withLock { $0 } == ["t"], "\(verdict)")
                }
                _ = await desk.judge("u")
                #expect(source.asked.withLock { $0 } == ["t", "u"], "another is another")
                try await simulation.sleep(until: began + kept)
                _ = await desk.judge("t")
                #expect(source.asked.withLock { $0 } == ["t", "u", "t"], "\(verdict)")
            }
        }
    }

    @Test("A source is asked so many questions at a time, and no more")
    func bounded() throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let anna = try Address("anna@example.org")
            let source = Source(simulation, delay: .seconds(1)) { _ in (.owner(anna), nil) }
            let desk = TokenDesk(source, time: simulation)
            let verdicts = await withTaskGroup(of: TokenVerdict.self) { group in
                for number in 0..<10 { group.addTask { await desk.judge("\(number)") } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(verdicts.count { $0 == .owner(anna) } == 3)
            let late = verdicts.count {
                $0 == .unavailable("too many tokens are being checked already")
            }
            #expect(late == 7)
            #expect(await desk.judge("later") == .owner(anna))
        }
    }
}

@Suite("A program of the operator's knows tokens")
struct TokenProgramTests {
    private static let scripts: [(String, TokenVerdict?)] = [
        (#"read token; test "$token" = good && echo anna@example.org"#, .owner(anna)),
        (#"cat > /dev/null; printf 'anna@example.org\r\nmore'"#, .owner(anna)),
        (#"echo anna@example.org"#, .owner(anna)),
        (#"exec <&-; echo anna@example.org"#, .owner(anna)),
        (#"exit 1"#, .refused("the program /bin/sh ends with 1")),
        (#"echo anna@example.org; exit 3"#, .refused("the program /bin/sh ends with 3")),
        (#"kill -9 $$"#, .refused("the program /bin/sh ends with 137")),
        (#"exit 75"#, .unavailable("the program /bin/sh asks to be asked later")),
        (#"true"#, .unavailable("the program /bin/sh prints ``, which is no address")),
        (#"echo anna"#, .unavailable("the program /bin/sh prints `anna`, which is no address")),
        (#"head -c 10000000 /dev/zero"#, nil),
    ]

    private static var anna: Address {
        guard let address = try? Address("anna@example.org") else {
            preconditionFailure("an address")
        }
        return address
    }

    @Test("What it prints and how it ends decide", arguments: scripts.indices)
    func ends(index: Int) async throws {
        let (script, expected) = Self.scripts[index]
        let program = TokenProgram(["/bin/sh", "-c", script], on: LivePrograms())
        let (verdict, _) = await program.find("good", deadline: LiveTime().now + .seconds(300))
        if let expected {
            #expect(verdict == expected)
        } else {
            guard case .unavailable = verdict else {
                Issue.record("\(verdict)")
                return
            }
        }
    }

    @Test("One that does not end is ended, with what it has started")
    func endless() async throws {
        let time = LiveTime()
        for script in ["sleep 600", "sleep 600 & exit 0", "exec >&-; sleep 600", "yes"] {
            let began = time.now
            let program = TokenProgram(["/bin/sh", "-c", script], on: LivePrograms())
            let (verdict, _) = await program.find("t", deadline: began + .milliseconds(300))
            #expect(
                verdict
                    == .unavailable("the program /bin/sh says nothing: it took too long"),
                "\(script)")
            #expect(time.now - began < .seconds(300))
        }
    }

    @Test("It gets the longest token whole, nothing of the server's environment, no descriptors")
    func surroundings() async throws {
        setenv("SECRET_OF_THE_SERVER", "secret", 1)
        let script = """
            length=$(wc -c)
            test "$length" -eq 65536 || exit 1
            test -z "$SECRET_OF_THE_SERVER" || exit 2
            for one in /proc/self/fd/*; do
                case $one in */0|*/1|*/2) ;; *) test -e "$one" && exit 3 ;; esac
            done
            echo anna@example.org
            """
        let program = TokenProgram(["/bin/sh", "-c", script], on: LivePrograms())
        let token = String(repeating: "t", count: ProgramRun.maximumInputOctets)
        let deadline = LiveTime().now + .seconds(300)
        #expect(await program.find(token, deadline: deadline).0 == .owner(Self.anna))
        #expect(await program.find(token + "t", deadline: deadline).0 == .refused("it is too long"))
    }

    @Test("One that is not there is named")
    func missing() async throws {
        let program = TokenProgram(["/nowhere/program"], on: LivePrograms())
        let (verdict, _) = await program.find("t", deadline: LiveTime().now + .seconds(300))
        #expect(
            verdict
                == .unavailable(
                    "the program /nowhere/program says nothing: it cannot be started: "
                        + "No such file or directory"))
    }
}
