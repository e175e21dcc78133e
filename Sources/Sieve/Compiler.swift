// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Gives commands and tests their meaning, and tells what is wrong with them.
struct Compiler {
    private(set) var errors: [Diagnostic] = []
    private(set) var required: Set<Capability> = []
    /// Variables that `set` has stored before, for `global` (RFC 6609 §3.4.1).
    private var stored: Set<String> = []
    /// The names of the loops around the place that is read.
    private(set) var loops: [String?] = []
    /// What its regular expressions have become, all together.
    var expressionInstructions = 0

    /// Why a command or test cannot be used.
    struct Problem: Error {
        let diagnostic: Diagnostic
        /// A script that requires `ihave` may hold it where it is never reached.
        var isDeferrable = false

        init(_ line: Int, _ message: String, isDeferrable: Bool = false) {
            diagnostic = Diagnostic(line: line, message: message)
            self.isDeferrable = isDeferrable
        }
    }

    var hasIhave: Bool { required.contains(.ihave) }

    var reading: Text.Reading {
        Text.Reading(
            decodesCharacters: required.contains(.encodedCharacter),
            hasVariables: required.contains(.variables),
            hasGlobals: required.contains(.variables) && required.contains(.include))
    }

    mutating func note(_ diagnostic: Diagnostic) {
        if errors.count < Limit.errors { errors.append(diagnostic) }
    }

    /// RFC 5228 §3.2: `require` stands before all other commands.
    mutating func compile(_ nodes: [Node]) -> [Statement] {
        var rest = nodes[...]
        while let node = rest.first, node.name == "require" {
            require(node)
            rest = rest.dropFirst()
        }
        return block(Array(rest))
    }

    // MARK: Control

    private mutating func require(_ node: Node) {
        guard node.tests.isEmpty, !node.hasTestList, node.block == nil,
            node.arguments.count == 1, case .strings(let names, _) = node.arguments[0].value
        else {
            return note(
                Diagnostic(
                    line: node.line,
                    message: "`require` takes one argument: a string or a list of strings"))
        }
        for name in names {
            guard let capability = Capability(rawValue: name.text) else {
                note(
                    Diagnostic(
                        line: name.line,
                        message: "the extension \"\(name.text.prefix(60))\" is not supported"))
                continue
            }
            required.insert(capability)
        }
    }

    private mutating func block(_ nodes: [Node]) -> [Statement] {
        var statements: [Statement] = []
        var index = 0
        while index < nodes.count {
            let node = nodes[index]
            index += 1
            switch node.name {
            case "require":
                note(
                    Diagnostic(
                        line: node.line,
                        message: "`require` must stand before all other commands"))
            case "if":
                var chain = [node]
                while index < nodes.count, chain.last?.name != "else",
                    ["elsif", "else"].contains(nodes[index].name)
                {
                    chain.append(nodes[index])
                    index += 1
                }
                statements.append(conditional(chain))
            case "elsif", "else":
                note(
                    Diagnostic(
                        line: node.line,
                        message: "`\(node.name)` must follow `if` or `elsif` at once"))
                _ = block(node.block ?? [])
            case "foreverypart": statements.append(loop(node))
            default:
                statements.append(command(node))
            }
        }
        return statements
    }

    /// `if <test> <block>`, `elsif <test> <block>`, `else <block>` (RFC 5228 §3.1).
    private mutating func conditional(_ chain: [Node]) -> Statement {
        var branches: [Statement.Branch] = []
        var otherwise: [Statement] = []
        for node in chain {
            if let argument = node.arguments.first {
                note(
                    Diagnostic(
                        line: argument.line,
                        message: "`\(node.name)` takes no \(argument.phrase)"))
            }
            if node.block == nil {
                note(Diagnostic(line: node.line, message: "`\(node.name)` needs a block `{ … }`"))
            }
            guard node.name != "else" else {
                if !node.tests.isEmpty {
                    note(
                        Diagnostic(
                            line: node.line,
                            message: "`else` takes no test; write `elsif` for another condition"))
                }
                otherwise = block(node.block ?? [])
                continue
            }
            let condition: Test
            if node.tests.count == 1, !node.hasTestList {
                condition = test(node.tests[0])
            } else {
                note(
                    Diagnostic(
                        line: node.line,
                        message: node.tests.isEmpty
                            ? "`\(node.name)` needs a test"
                            : "`\(node.name)` takes one test; put a list into allof or anyof"))
                condition = .constant(false, line: node.line)
            }
            branches.append(
                Statement.Branch(
                    line: node.line, test: condition, block: block(node.block ?? [])))
        }
        return .conditional(branches, otherwise: otherwise)
    }

    /// `foreverypart [":name" string] block` (RFC 5703 §3).
    private mutating func loop(_ node: Node) -> Statement {
        do throws(Problem) {
            guard node.tests.isEmpty, !node.hasTestList else {
                throw Problem(node.line, "`foreverypart` takes no test")
            }
            guard let content = node.block else {
                throw Problem(node.line, "`foreverypart` needs a block `{ … }`")
            }
            let arguments = try self.arguments(
                of: node,
                Signature(needs: [.foreverypart], tags: [TagRule("name", .string)]))
            let name = try arguments.text("name").map { text throws(Problem) in
                guard let name = text.constant else {
                    throw Problem(text.line, "the name of a loop must be constant")
                }
                return name
            }
            guard loops.count < Limit.loops else {
                throw Problem(node.line, "loops stand in more than \(Limit.loops) others here")
            }
            loops.append(name)
            defer { loops.removeLast() }
            return .loop(name: name, block(content), arguments)
        } catch {
            return .fault(told(error))
        }
    }

    // MARK: Commands

    private mutating func command(_ node: Node) -> Statement {
        do throws(Problem) {
            guard let word = CommandWord(rawValue: node.name) else {
                throw Problem(
                    node.line, Self.unknown(node.name, isTest: false),
                    isDeferrable: !Self.isKnown(node.name))
            }
            guard node.tests.isEmpty, !node.hasTestList else {
                throw Problem(node.line, Self.misplaced(node, Signature.of(word)))
            }
            guard node.block == nil else {
                throw Problem(node.line, "`\(node.name)` takes no block; it ends with `;`")
            }
            var arguments = try self.arguments(of: node, Signature.of(word))
            try check(word, &arguments)
            if word == .set || word == .extracttext, let name = arguments.text(at: 0)?.constant {
                stored.insert(name.asciiLowercased)
            }
            return .command(word, arguments)
        } catch {
            return .fault(told(error))
        }
    }

    /// `global` may not name what `set` has stored (RFC 6609 §3.4.1).
    func isStored(_ name: String) -> Bool { stored.contains(name.asciiLowercased) }

    private mutating func told(_ problem: Problem) -> Diagnostic {
        if !problem.isDeferrable || !hasIhave { note(problem.diagnostic) }
        return problem.diagnostic
    }

    private static let structures: Set<String> = [
        "allof", "anyof", "not", "true", "false", "if", "elsif", "else", "require",
    ]

    /// Whether it is a command or a test of ours: then no extension could give it another place.
    private static func isKnown(_ name: String) -> Bool {
        CommandWord(rawValue: name) != nil || TestWord(rawValue: name) != nil
            || structures.contains(name) || name == "foreverypart"
    }

    /// What its author most likely forgot where a test stands behind what takes none.
    private static func misplaced(_ node: Node, _ signature: Signature) -> String {
        let name = node.tests.first?.name ?? ""
        if signature.tags.contains(where: { $0.name == name }) {
            return "`\(name)` is a tag of `\(node.name)`: write `:\(name)`"
        }
        if CommandWord(rawValue: name) != nil || ["if", "require"].contains(name) {
            return "`;` is missing between `\(node.name)` and `\(name)`"
        }
        return "`\(node.name)` takes no test"
    }

    private static func unknown(_ name: String, isTest: Bool) -> String {
        let structures = ["allof", "anyof", "not", "true", "false"]
        if !isTest, TestWord(rawValue: name) != nil || structures.contains(name) {
            return "`\(name)` is a test: it may stand only behind `if` and `elsif`"
        }
        if isTest,
            CommandWord(rawValue: name) != nil
                || ["if", "elsif", "else", "require"].contains(name)
        {
            return "`\(name)` is a command and no test"
        }
        let hint = ["elseif", "elif"].contains(name) ? "; write `elsif`" : ""
        return "the \(isTest ? "test" : "command") `\(name.prefix(60))` is unknown\(hint)"
    }

    // MARK: Tests

    private mutating func test(_ node: Node) -> Test {
        do throws(Problem) {
            switch node.name {
            case "true", "false":
                try expect(node, tests: 0)
                return .constant(node.name == "true", line: node.line)
            case "not":
                try expect(node, tests: 1)
                return .not(test(node.tests[0]), line: node.line)
            case "allof", "anyof":
                guard node.arguments.isEmpty, node.hasTestList else {
                    throw Problem(
                        node.line, "`\(node.name)` takes a list of tests: `(test, test, …)`")
                }
                let tests = node.tests.map { test($0) }
                return node.name == "allof"
                    ? .all(tests, line: node.line) : .any(tests, line: node.line)
            default:
                guard let word = TestWord(rawValue: node.name) else {
                    throw Problem(
                        node.line, Self.unknown(node.name, isTest: true),
                        isDeferrable: !Self.isKnown(node.name))
                }
                guard node.tests.isEmpty, !node.hasTestList else {
                    throw Problem(node.line, Self.misplaced(node, Signature.of(word)))
                }
                var arguments = try self.arguments(of: node, Signature.of(word))
                try check(word, &arguments)
                return .test(word, arguments)
            }
        } catch {
            return .fault(told(error))
        }
    }

    private func expect(_ node: Node, tests: Int) throws(Problem) {
        if let argument = node.arguments.first {
            throw Problem(argument.line, "`\(node.name)` takes no \(argument.phrase)")
        }
        guard node.tests.count == tests, !node.hasTestList else {
            throw Problem(
                node.line, tests == 0 ? "`\(node.name)` takes no test" : "`not` takes one test")
        }
    }

    // MARK: Arguments

    /// RFC 5228 §2.6: tagged arguments in any order, then positional ones in theirs.
    private mutating func arguments(of node: Node, _ signature: Signature) throws(Problem)
        -> Arguments
    {
        var arguments = Arguments(line: node.line)
        try enable(
            signature.capabilities, for: "`\(node.name)`", line: node.line, &arguments.needs)
        var rest = node.arguments[...]
        var groups: [String: String] = [:]
        while let argument = rest.first, case .tag(let name) = argument.value {
            rest = rest.dropFirst()
            guard let rule = signature.tags.first(where: { $0.name == name }) else {
                throw Problem(
                    argument.line, "`\(node.name)` has no tag `:\(name.prefix(60))`",
                    isDeferrable: true)
            }
            try enable(
                rule.capabilities, for: "the tag `:\(name)`", line: argument.line,
                &arguments.needs)
            if let other = groups.updateValue(name, forKey: rule.group) {
                throw Problem(
                    argument.line,
                    other == name
                        ? "the tag `:\(name)` stands here twice"
                        : "`:\(other)` and `:\(name)` may not stand together")
            }
            if let parameter = rule.parameter {
                guard let value = rest.popFirst() else {
                    throw Problem(
                        argument.line, "\(parameter.phrase) must follow the tag `:\(name)`")
                }
                arguments.tags[name] = try self.value(
                    value, as: parameter, after: "the tag `:\(name)`")
            } else {
                arguments.tags[name] = .present
            }
        }
        try positional(rest, of: node, signature, &arguments)
        if signature.tags.contains(where: { $0.group == "match" }) {
            arguments.match = try matchRule(&arguments)
        }
        return arguments
    }

    private func positional(
        _ values: ArraySlice<Argument>, of node: Node, _ signature: Signature,
        _ arguments: inout Arguments
    ) throws(Problem) {
        for argument in values {
            guard case .tag(let name) = argument.value else { continue }
            throw Problem(
                argument.line, "the tag `:\(name)` must stand before the other arguments")
        }
        var parameters = signature.parameters.map(Optional.some)
        if values.count == parameters.count - 1 {
            if signature.isFirstOptional { parameters[0] = nil }
            if signature.isLastOptional { parameters[parameters.count - 1] = nil }
        }
        let expected = parameters.count { $0 != nil }
        guard values.count == expected else {
            let phrases = signature.parameters.map(\.phrase).joined(separator: ", then ")
            throw Problem(
                node.line,
                "`\(node.name)` takes "
                    + (phrases.isEmpty ? "no arguments" : "\(phrases)")
                    + ", and \(values.count) arguments stand here")
        }
        var rest = values
        for parameter in parameters {
            guard let parameter, let argument = rest.popFirst() else {
                arguments.positional.append(nil)
                continue
            }
            arguments.positional.append(
                try value(argument, as: parameter, after: "`\(node.name)`"))
        }
    }

    private func value(
        _ argument: Argument, as parameter: Parameter, after place: String
    ) throws(Problem) -> Arguments.Value {
        switch (argument.value, parameter) {
        case (.number(let number), .number):
            return .number(Int64(clamping: number))
        case (.strings(let literals, isList: false), .string),
            (.strings(let literals, _), .strings):
            var texts: [Text] = []
            for literal in literals {
                do {
                    texts.append(try Text(literal, reading))
                } catch {
                    throw Problem(error.line, error.message)
                }
            }
            return .strings(texts)
        default:
            throw Problem(
                argument.line,
                "\(place) takes \(parameter.phrase) here, not \(argument.phrase)")
        }
    }

    /// RFC 5228 §2.10.5: what is not required is as if it were not supported.
    func enable(
        _ capabilities: [Capability], for what: String, line: Int, _ needs: inout [Capability]
    ) throws(Problem) {
        guard let first = capabilities.first,
            !capabilities.contains(where: required.contains)
        else { return }
        guard hasIhave, !first.changesReading else {
            throw Problem(line, "\(what) needs `require \"\(first.rawValue)\";`")
        }
        needs.append(first)
    }
}
