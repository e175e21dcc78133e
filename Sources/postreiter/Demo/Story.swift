// SPDX-License-Identifier: Apache-2.0

import Mail
import Synchronization
import World

/// What the demo tells, line by line as it happens, and what it insists on.
final class Story: Sendable {
    let language: Language
    private let time: any Time
    private let begin: Instant
    private let verified = Atomic(0)

    init(_ language: Language, time: any Time) {
        self.language = language
        self.time = time
        begin = time.now
    }

    /// How many facts were verified so far.
    var facts: Int { verified.load(ordering: .relaxed) }

    /// `12.3 s` since the beginning.
    var elapsed: String { duration(time.now - begin) }

    /// One of two wordings.
    func choose(_ english: String, _ german: String) -> String {
        language == .german ? german : english
    }

    func opening(_ english: String, _ german: String) {
        Output.line(choose(english, german))
    }

    func chapter(_ number: Int, _ english: String, _ german: String) {
        Output.line("\n\(number). \(choose(english, german))\n")
    }

    func say(_ english: String, _ german: String) {
        Output.line("   " + choose(english, german))
    }

    /// Quotes a text, with a bar before each line.
    func quote(_ text: some StringProtocol) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            Output.line("     │ " + line)
        }
    }

    /// States a fact with a check mark, or ends the demo because it is none.
    func verify(
        _ isTrue: Bool, _ english: @autoclosure () -> String, _ german: @autoclosure () -> String,
        found: @autoclosure () -> String = ""
    ) throws(DemoFailure) {
        let fact = choose(english(), german())
        guard isTrue else {
            let found = found()
            let was = choose("found", "gefunden wurde")
            throw DemoFailure(fact + (found.isEmpty ? "" : " (\(was): \(found))"))
        }
        verified.add(1, ordering: .relaxed)
        Output.line("   ✓ \(fact)")
    }

    func end() {
        Output.line(
            choose(
                "\nAll \(facts) facts were verified, in \(elapsed).",
                "\nAlle \(facts) Tatsachen sind geprüft, in \(elapsed)."))
    }

    /// Says which fact did not hold, and what the servers wrote last.
    func fail(_ text: String, _ logs: [(name: String, text: String)]) {
        Output.line("   ✗ \(text)")
        for log in logs where !log.text.isEmpty {
            Output.line("\n   \(log.name)")
            quote(log.text)
        }
        Output.line(
            choose(
                "\nThe demo failed after \(facts) verified facts.",
                "\nDie Vorführung ist nach \(facts) geprüften Tatsachen gescheitert."))
    }

    /// `0.4 ms` or `1.2 s`, with the decimal mark of the language.
    func duration(_ duration: Duration) -> String {
        let milliseconds = Double(duration.nanoseconds) / 1e6
        let isLong = milliseconds >= 1000
        let tenths = Int((isLong ? milliseconds / 100 : milliseconds * 10).rounded())
        let mark = choose(".", ",")
        return "\(tenths / 10)\(mark)\(tenths % 10) \(isLong ? "s" : "ms")"
    }
}

/// A fact that did not hold, in the words in which the story would have stated it.
struct DemoFailure: Error {
    let text: String

    init(_ text: String) { self.text = text }
}
