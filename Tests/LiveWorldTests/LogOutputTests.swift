// SPDX-License-Identifier: Apache-2.0

import Foundation
import LiveWorld
import Testing

@Suite("The log never holds mail up")
struct LogOutputTests {
    /// A pipe whose reader is the test.
    private struct Pipe {
        let readEnd: CInt
        let writeEnd: CInt

        init() {
            var ends: [CInt] = [-1, -1]
            precondition(pipe(&ends) == 0)
            (readEnd, writeEnd) = (ends[0], ends[1])
        }

        /// Reads until `text` has come, or nothing comes for 5 seconds.
        func read(until text: String) -> String {
            var all: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 1 << 16)
            var waiting = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
            while !String(decoding: all, as: UTF8.self).contains(text) {
                guard poll(&waiting, 1, 5000) > 0 else { break }
                let count = Glibc.read(readEnd, &piece, piece.count)
                guard count > 0 else { break }
                all += piece[..<count]
            }
            return String(decoding: all, as: UTF8.self)
        }
    }

    @Test("Lines come out whole and in order, and flush waits for them", .timeLimit(.minutes(1)))
    func order() {
        let pipe = Pipe()
        let output = LogOutput(descriptor: pipe.writeEnd) { _ in [] }
        for number in 1...1000 { output.append { $0 += "line \(number)\n".utf8 } }
        output.flush(within: 5)
        let lines = pipe.read(until: "line 1000\n").split(separator: "\n")
        #expect(lines.map(String.init) == (1...1000).map { "line \($0)" })
    }

    @Test(
        "A reader that does not read costs lines, not time, and hears how many",
        .timeLimit(.minutes(1)))
    func slowReader() {
        let pipe = Pipe()
        let limit = 10_000
        let output = LogOutput(descriptor: pipe.writeEnd, limit: limit) {
            Array("\($0) dropped\n".utf8)
        }
        let line = String(repeating: "x", count: 99) + "\n"
        let begin = ContinuousClock.now
        // A pipe holds 64 KiB: the thread is stuck soon, and then the buffer is full.
        for _ in 0..<10_000 { output.append { $0 += line.utf8 } }
        #expect(ContinuousClock.now - begin < .seconds(5))
        _ = pipe.read(until: String(repeating: line, count: 100))
        // With room again the next line is preceded by the count, each time that there was none.
        var seen = ""
        var count: Int {
            seen.split(separator: "\n").filter { $0.hasSuffix(" dropped") }
                .compactMap { Int($0.split(separator: " ")[0]) }.reduce(0, +)
        }
        for _ in 0..<50 where count <= 5000 {
            output.append { $0 += "after\n".utf8 }
            seen += pipe.read(until: "after\n")
        }
        #expect(count > 5000, "\(seen.suffix(300))")
        #expect(count < 10_000)
    }
}
