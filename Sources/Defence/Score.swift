// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// What speaks for or against a message, test by test, and what it adds up to.
///
/// It is kept with the message, so that `explain spam` tells what was found then.
package struct Score: Hashable, Sendable {
    /// One thing that was found.
    package struct Test: Hashable, Sendable {
        /// Stable, as weights are set by it: `spf=fail`, `list=zen.example`.
        package let name: String
        package let weight: Points
        /// What it was found in, for people: `for example.org`, `127.0.0.2`.
        package let input: String

        /// A name or an input that is longer than `maximumOctets` is cut.
        package init(_ name: String, _ weight: Points, _ input: String) {
            self.name = Self.cut(name)
            self.weight = weight
            self.input = Self.cut(input)
        }

        /// Names and inputs come from senders and from other programs.
        static let maximumOctets = 200

        private static func cut(_ text: String) -> String {
            var text = text
            if text.utf8.count > maximumOctets {
                text = String(lossy: text.utf8.prefix(maximumOctets))
            }
            guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
            return String(lossy: text.utf8.map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 })
        }
    }

    /// From which sum on something is done; nil: never.
    package struct Thresholds: Hashable, Sendable {
        /// A field says so in the message.
        package var mark: Points? = 5
        /// It is filed as junk.
        package var junk: Points? = 8
        /// It is put off; a second try at a calmer time meets better known lists.
        package var postpone: Points?
        /// It is refused.
        package var reject: Points? = 20

        package init() {}
    }

    /// What is done with a message, the mildest first; the raw values are stored.
    package enum Action: String, Hashable, Sendable, CaseIterable, Comparable {
        case accept, mark, junk, deferred, reject

        package static func < (left: Self, right: Self) -> Bool {
            allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
        }
    }

    /// A filter of ours or of others finds tens of things; more are dropped, and counted as none.
    package static let maximumTests = 200

    package private(set) var tests: [Test] = []
    package private(set) var sum = Points.zero

    package init() {}

    package init(_ tests: some Sequence<Test>) { for test in tests { add(test) } }

    /// Adds a test, up to `maximumTests`.
    package mutating func add(_ test: Test) {
        guard tests.count < Self.maximumTests else { return }
        tests.append(test)
        sum = sum + test.weight
    }

    /// What the sum asks for; refusing comes before putting off, that before the junk.
    package func action(_ thresholds: Thresholds) -> Action {
        let steps: [(Points?, Action)] = [
            (thresholds.reject, .reject), (thresholds.postpone, .deferred),
            (thresholds.junk, .junk), (thresholds.mark, .mark),
        ]
        return steps.first { threshold, _ in threshold.map { sum >= $0 } ?? false }?.1 ?? .accept
    }
}

/// What was made of a message, and why: what `explain spam` tells.
package struct Verdict: Hashable, Sendable {
    package var score: Score
    package var thresholds: Score.Thresholds
    package var action: Score.Action
    /// Who decided if it was not the sum: a policy, a list, a filter; empty if it was.
    package var reason: String

    package init(
        _ score: Score, _ thresholds: Score.Thresholds, action: Score.Action? = nil,
        reason: String = ""
    ) {
        self.score = score
        self.thresholds = thresholds
        self.action = action ?? score.action(thresholds)
        self.reason = reason
    }
}

extension Verdict {
    /// As it is stored and shown; `init(json:)` reads it.
    package var json: JSON {
        [
            "action": .string(action.rawValue), "reason": .string(reason),
            "sum": .number(score.sum),
            "tests": .array(
                score.tests.map {
                    [
                        "test": .string($0.name), "weight": .number($0.weight),
                        "input": .string($0.input),
                    ]
                }),
            "thresholds": [
                "mark": .number(thresholds.mark), "junk": .number(thresholds.junk),
                "defer": .number(thresholds.postpone), "reject": .number(thresholds.reject),
            ],
        ]
    }

    /// Nil for what `json` did not write.
    package init?(json: JSON) {
        guard let action = json["action"]?.string.flatMap({ Score.Action(rawValue: $0) }),
            let tests = json["tests"]?.array
        else { return nil }
        let score = Score(
            tests.compactMap { test in
                guard let name = test["test"]?.string, let weight = test["weight"]?.points else {
                    return nil
                }
                return Score.Test(name, weight, test["input"]?.string ?? "")
            })
        var thresholds = Score.Thresholds()
        thresholds.mark = json["thresholds"]?["mark"]?.points
        thresholds.junk = json["thresholds"]?["junk"]?.points
        thresholds.postpone = json["thresholds"]?["defer"]?.points
        thresholds.reject = json["thresholds"]?["reject"]?.points
        self.init(
            score, thresholds, action: action, reason: json["reason"]?.string ?? "")
    }
}

extension JSON {
    fileprivate static func number(_ points: Points?) -> JSON {
        points.map { .number(Double($0.hundredths) / 100) } ?? .null
    }

    fileprivate var points: Points? {
        switch self {
        case .integer(let value): Points(rounding: Double(value))
        case .number(let value): Points(rounding: value)
        default: nil
        }
    }
}
