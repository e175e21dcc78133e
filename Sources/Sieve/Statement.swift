// SPDX-License-Identifier: Apache-2.0

/// Arguments sorted by what they mean.
struct Arguments: Sendable {
    enum Value: Sendable {
        case present
        case number(Int64)
        case strings([Text])
    }

    var line: Int
    /// By the tags' names.
    var tags: [String: Value] = [:]
    /// Nil for one that is left out.
    var positional: [Value?] = []
    /// How values are compared; nil for what compares nothing.
    var match: MatchRule?
    /// What must have been enabled by an `ihave` before (RFC 5463 §4).
    var needs: [Capability] = []

    func has(_ tag: String) -> Bool { tags[tag] != nil }

    func texts(_ tag: String) -> [Text]? {
        if case .strings(let texts) = tags[tag] { texts } else { nil }
    }

    func text(_ tag: String) -> Text? { texts(tag)?.first }

    func number(_ tag: String) -> Int64? {
        if case .number(let number) = tags[tag] { number } else { nil }
    }

    func texts(at place: Int) -> [Text]? {
        guard place < positional.count, case .strings(let texts) = positional[place] else {
            return nil
        }
        return texts
    }

    func text(at place: Int) -> Text? { texts(at: place)?.first }

    func number(at place: Int) -> Int64? {
        guard place < positional.count, case .number(let number) = positional[place] else {
            return nil
        }
        return number
    }
}

/// A command that is known to be well formed.
indirect enum Statement: Sendable {
    case conditional([Branch], otherwise: [Statement])
    case command(CommandWord, Arguments)
    /// For every part of the message (RFC 5703 §3).
    case loop(name: String?, [Statement], Arguments)
    /// Only to be told when it is reached: the script requires `ihave` (RFC 5463 §4).
    case fault(Diagnostic)

    struct Branch: Sendable {
        let line: Int
        let test: Test
        let block: [Statement]
    }
}

/// A test that is known to be well formed.
indirect enum Test: Sendable {
    case constant(Bool, line: Int)
    case not(Test, line: Int)
    case all([Test], line: Int)
    case any([Test], line: Int)
    case test(TestWord, Arguments)
    case fault(Diagnostic)
}

/// A script that is valid, ready to run.
package struct Script: Sendable {
    let statements: [Statement]
    /// What it requires.
    package let capabilities: Set<Capability>
    /// What it may do, those that it includes left aside.
    package let traits: Traits
    /// What it may include.
    package let inclusions: [Inclusion]
    /// What its author hardly meant, by line; it is valid all the same.
    package let warnings: [Diagnostic]

    /// Reads a script and checks it whole, as RFC 5228 §2.10.6 asks for before it is run.
    ///
    /// Takes time in proportion to its size, which `Limit.scriptOctets` bounds.
    package init(_ octets: [UInt8]) throws(InvalidScript) {
        let nodes: [Node]
        do {
            nodes = try Parser.parse(octets)
        } catch {
            throw InvalidScript(errors: [error])
        }
        var compiler = Compiler()
        statements = compiler.compile(nodes)
        capabilities = compiler.required
        traits = Traits(of: statements)
        inclusions = Inclusion.all(in: statements)
        warnings = Warnings.of(statements)
        guard compiler.errors.isEmpty else {
            throw InvalidScript(errors: compiler.errors.sorted { $0.line < $1.line })
        }
    }
}

/// A script that must not be run, and why.
package struct InvalidScript: Error, Hashable, Sendable {
    /// At least one, by line.
    package let errors: [Diagnostic]
}
