// SPDX-License-Identifier: Apache-2.0

/// Reads commands, tests and arguments, whatever they mean (RFC 5228 §8.2).
///
/// ```abnf
/// start        = commands
/// commands     = *command
/// command      = identifier arguments (";" / block)
/// arguments    = *argument [ test / test-list ]
/// argument     = string-list / number / tag
/// block        = "{" commands "}"
/// test         = identifier arguments
/// test-list    = "(" test *("," test) ")"
/// string-list  = "[" string *("," string) "]" / string
/// ```
struct Parser {
    private var lexer: Lexer
    private var token: Token

    /// The commands of a script; the first error ends the reading.
    static func parse(_ octets: [UInt8]) throws(Diagnostic) -> [Node] {
        guard octets.count <= Limit.scriptOctets else {
            throw Diagnostic(
                line: 1, message: "the script is larger than \(Limit.scriptOctets) octets")
        }
        var parser = try Self(octets)
        return try parser.commands(depth: 0)
    }

    private init(_ octets: [UInt8]) throws(Diagnostic) {
        lexer = Lexer(octets)
        token = try lexer.next()
    }

    private mutating func advance() throws(Diagnostic) { token = try lexer.next() }

    private func isAt(_ separator: Character) -> Bool { token.kind == .separator(separator) }

    /// Up to the end of the script, or of the block.
    private mutating func commands(depth: Int) throws(Diagnostic) -> [Node] {
        guard depth <= Limit.nesting else {
            throw failure("blocks stand in more than \(Limit.nesting) others here")
        }
        var commands: [Node] = []
        while true {
            if token.kind == .end {
                guard depth == 0 else { throw failure("a block is not closed: `}` is missing") }
                return commands
            }
            if isAt("}"), depth > 0 { return commands }
            commands.append(try command(depth: depth))
        }
    }

    private mutating func command(depth: Int) throws(Diagnostic) -> Node {
        guard case .identifier(let name) = token.kind else {
            throw failure("a command must stand here, not \(token.phrase)")
        }
        var node = Node(name: name, line: token.line)
        try advance()
        try arguments(of: &node, depth: 0)
        if isAt(";") {
            try advance()
        } else if isAt("{") {
            try advance()
            node.block = try commands(depth: depth + 1)
            // `commands` returns at `}`.
            try advance()
        } else {
            throw failure("`;` or a block must follow `\(name)`, not \(token.phrase)")
        }
        return node
    }

    private mutating func arguments(of node: inout Node, depth: Int) throws(Diagnostic) {
        guard depth <= Limit.nesting else {
            throw failure("tests stand in more than \(Limit.nesting) others here")
        }
        while let argument = try argument() { node.arguments.append(argument) }
        if case .identifier = token.kind {
            node.tests = [try test(depth: depth + 1)]
        } else if isAt("(") {
            node.hasTestList = true
            repeat {
                try advance()
                node.tests.append(try test(depth: depth + 1))
            } while isAt(",")
            guard isAt(")") else {
                throw failure("`,` or `)` must follow a test in a list, not \(token.phrase)")
            }
            try advance()
        }
    }

    private mutating func test(depth: Int) throws(Diagnostic) -> Node {
        guard case .identifier(let name) = token.kind else {
            throw failure("a test must stand here, not \(token.phrase)")
        }
        var node = Node(name: name, line: token.line)
        try advance()
        try arguments(of: &node, depth: depth)
        return node
    }

    /// Nil if none stands here.
    private mutating func argument() throws(Diagnostic) -> Argument? {
        let line = token.line
        let value: Argument.Value
        switch token.kind {
        case .number(let number): value = .number(number)
        case .tag(let name): value = .tag(name)
        case .string(let text):
            value = .strings([Literal(text: text, line: line)], isList: false)
        case .separator("["): value = .strings(try stringList(), isList: true)
        default: return nil
        }
        try advance()
        return Argument(value: value, line: line)
    }

    /// Stands on its `]` afterwards.
    private mutating func stringList() throws(Diagnostic) -> [Literal] {
        var strings: [Literal] = []
        repeat {
            try advance()
            guard case .string(let text) = token.kind else {
                throw failure("a string must stand here in the list, not \(token.phrase)")
            }
            strings.append(Literal(text: text, line: token.line))
            try advance()
        } while isAt(",")
        guard isAt("]") else {
            throw failure("`,` or `]` must follow a string in a list, not \(token.phrase)")
        }
        return strings
    }

    private func failure(_ message: String) -> Diagnostic {
        Diagnostic(line: token.line, message: message)
    }
}
