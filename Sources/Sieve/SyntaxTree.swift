// SPDX-License-Identifier: Apache-2.0

/// A string as it stands in a script, quoting undone.
struct Literal: Hashable, Sendable {
    let text: String
    let line: Int
}

/// `argument = string-list / number / tag` (RFC 5228 §8.2).
struct Argument: Sendable {
    enum Value: Sendable {
        /// A single string counts as a list of one where a list may stand (§2.4.2.1).
        case strings([Literal], isList: Bool)
        case number(UInt64)
        case tag(String)
    }

    let value: Value
    let line: Int

    /// As a phrase for people.
    var phrase: String {
        switch value {
        case .strings(_, isList: true): "a list of strings"
        case .strings: "a string"
        case .number: "a number"
        case .tag(let name): "the tag `:\(name)`"
        }
    }
}

/// A test or a command as the grammar sees it: a name and what follows.
struct Node: Sendable {
    let name: String
    let line: Int
    var arguments: [Argument] = []
    var tests: [Node] = []
    /// Whether the tests stand in parentheses.
    var hasTestList = false
    /// Nil: the command ended with a semicolon.
    var block: [Node]?
}
