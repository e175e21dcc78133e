// SPDX-License-Identifier: Apache-2.0

import Bytes

/// An extended regular expression of POSIX (IEEE 1003.1 §9.4), as `:regex` takes it
/// (draft-ietf-sieve-regex §4), made ready to be sought in time proportional to text and size.
///
/// There are no back-references; `\w`, `\W`, `\s` and `\S` are known as elsewhere on Linux. A
/// backslash before another letter or a digit, and what POSIX leaves undefined, is an error.
struct RegularExpression: Sendable {
    /// What a step of the search does.
    enum Instruction: Sendable {
        case one(Set)
        case jump(Int)
        /// The first way is preferred where both lead equally far.
        case split(Int, Int)
        case save(Int)
        case start
        case end
        case match
    }

    /// Characters, by Unicode's numbers or octets.
    struct Set: Sendable {
        var ranges: [ClosedRange<UInt32>] = []
        var isNegated = false

        func contains(_ character: UInt32, foldsCase: Bool) -> Bool {
            var isIn = ranges.contains { $0.contains(character) }
            if !isIn, foldsCase, character < 0x80, UInt8(character).isAlpha {
                isIn = ranges.contains { $0.contains(character ^ 0x20) }
            }
            return isIn != isNegated
        }
    }

    /// Why a text is no regular expression.
    struct Fault: Error {
        let description: String

        init(_ description: String) { self.description = description }
    }

    private(set) var program: [Instruction] = []
    /// Groups in parentheses.
    private(set) var groups = 0

    /// `{255}` is as far as POSIX demands; a program is no longer than this in all.
    private static let maximumRepetitions = 255
    static let maximumInstructions = 10_000

    init(_ pattern: [UInt8], isOctets: Bool) throws(Fault) {
        var parser = Parser(pattern, isOctets: isOctets)
        let tree = try parser.whole()
        groups = parser.groups
        try emit(tree)
        program.append(.match)
    }

    /// An expression as it was read.
    fileprivate indirect enum Tree {
        case empty
        case set(Set)
        case start
        case end
        case sequence([Tree])
        case choice([Tree])
        case group(Tree, Int)
        case repeated(Tree, least: Int, most: Int?)
    }

    private mutating func add(_ instruction: Instruction) throws(Fault) {
        guard program.count < Self.maximumInstructions else {
            throw Fault("it repeats too much")
        }
        program.append(instruction)
    }

    private mutating func emit(_ tree: Tree) throws(Fault) {
        switch tree {
        case .empty: break
        case .set(let set): try add(.one(set))
        case .start: try add(.start)
        case .end: try add(.end)
        case .sequence(let trees): for tree in trees { try emit(tree) }
        case .choice(let trees): try emit(choice: trees)
        case .group(let tree, let number):
            try add(.save(number * 2))
            try emit(tree)
            try add(.save(number * 2 + 1))
        case .repeated(let tree, let least, let most):
            for _ in 0..<least { try emit(tree) }
            guard let most else {
                let split = program.count
                try add(.split(split + 1, 0))
                try emit(tree)
                try add(.jump(split))
                program[split] = .split(split + 1, program.count)
                return
            }
            var splits: [Int] = []
            for _ in least..<most {
                splits.append(program.count)
                try add(.split(program.count + 1, 0))
                try emit(tree)
            }
            for split in splits { program[split] = .split(split + 1, program.count) }
        }
    }

    private mutating func emit(choice trees: [Tree]) throws(Fault) {
        var jumps: [Int] = []
        for tree in trees.dropLast() {
            let split = program.count
            try add(.split(split + 1, 0))
            try emit(tree)
            jumps.append(program.count)
            try add(.jump(0))
            program[split] = .split(split + 1, program.count)
        }
        if let last = trees.last { try emit(last) }
        for jump in jumps { program[jump] = .jump(program.count) }
    }
}

extension RegularExpression {
    /// Reads a pattern.
    ///
    /// ```abnf
    /// extended_reg_exp = branch *("|" branch)
    /// branch           = *(expression [dupl-symbol])
    /// expression       = one-char / "^" / "$" / "(" extended_reg_exp ")"
    /// dupl-symbol      = "*" / "+" / "?" / "{" count ["," [count]] "}"
    /// ```
    fileprivate struct Parser {
        private let characters: [UInt32]
        private var index = 0
        private(set) var groups = 0

        init(_ pattern: [UInt8], isOctets: Bool) {
            characters =
                isOctets
                ? pattern.map { UInt32($0) } : String(lossy: pattern).unicodeScalars.map(\.value)
        }

        private var next: Character? {
            guard index < characters.count else { return nil }
            return Unicode.Scalar(characters[index]).map { Character($0) }
        }

        private mutating func take(_ character: Character) -> Bool {
            guard next == character else { return false }
            index += 1
            return true
        }

        mutating func whole() throws(Fault) -> Tree {
            let tree = try choice(depth: 0)
            guard index == characters.count else { throw Fault("`)` stands without its `(`") }
            return tree
        }

        private mutating func choice(depth: Int) throws(Fault) -> Tree {
            guard depth <= Limit.nesting else { throw Fault("its groups are nested too deep") }
            var branches = [try branch(depth: depth)]
            while take("|") { branches.append(try branch(depth: depth)) }
            return branches.count == 1 ? branches[0] : .choice(branches)
        }

        private mutating func branch(depth: Int) throws(Fault) -> Tree {
            var parts: [Tree] = []
            while let next, next != "|", next != ")" {
                var part = try expression(depth: depth)
                var repetitions = 0
                while let (least, most) = try repetition() {
                    switch part {
                    case .start, .end: throw Fault("nothing stands there that could be repeated")
                    default: break
                    }
                    repetitions += 1
                    guard repetitions <= 8 else { throw Fault("it repeats too much") }
                    part = .repeated(part, least: least, most: most)
                }
                parts.append(part)
            }
            return parts.count == 1 ? parts[0] : parts.isEmpty ? .empty : .sequence(parts)
        }

        private mutating func expression(depth: Int) throws(Fault) -> Tree {
            let character = characters[index]
            let known = next
            index += 1
            switch known {
            case "^": return .start
            case "$": return .end
            case ".": return .set(Set(isNegated: true))
            case "[": return .set(try bracket())
            case "(":
                groups += 1
                let number = groups
                let tree = try choice(depth: depth + 1)
                guard take(")") else { throw Fault("a group is not closed: `)` is missing") }
                return .group(tree, number)
            case "*", "+", "?", "{":
                throw Fault("nothing stands before `\(known ?? "*")` that could be repeated")
            case "\\": return .set(try escaped())
            default: return .set(Set(ranges: [character...character]))
            }
        }

        private mutating func escaped() throws(Fault) -> Set {
            guard index < characters.count else { throw Fault("nothing follows a backslash") }
            let character = characters[index]
            defer { index += 1 }
            switch next {
            case "w": return Set(ranges: Self.word)
            case "W": return Set(ranges: Self.word, isNegated: true)
            case "s": return Set(ranges: Self.named("space") ?? [])
            case "S": return Set(ranges: Self.named("space") ?? [], isNegated: true)
            case let known?
            where known.isASCII && (known.isLetter || known.isNumber):
                throw Fault("`\\\(known)` has no meaning")
            default: return Set(ranges: [character...character])
            }
        }

        private static let word = (named("alnum") ?? []) + [0x5F...0x5F]

        private mutating func repetition() throws(Fault) -> (least: Int, most: Int?)? {
            if take("*") { return (0, nil) }
            if take("+") { return (1, nil) }
            if take("?") { return (0, 1) }
            guard take("{") else { return nil }
            let least = try count()
            var most: Int? = least
            if take(",") { most = next == "}" ? nil : try count() }
            guard take("}") else { throw Fault("a repetition is written {n}, {n,} or {n,m}") }
            if let most, most < least { throw Fault("{\(least),\(most)} ends before it begins") }
            return (least, most)
        }

        private mutating func count() throws(Fault) -> Int {
            var count = 0
            let start = index
            while let digit = next?.wholeNumberValue, next?.isASCII == true {
                count = count * 10 + digit
                index += 1
                guard count <= RegularExpression.maximumRepetitions else {
                    throw Fault("at most \(RegularExpression.maximumRepetitions) repetitions")
                }
            }
            guard index > start else { throw Fault("a repetition is written {n}, {n,} or {n,m}") }
            return count
        }

        // MARK: Bracket expressions

        /// `"[" ["^"] ["]"] … "]"` (§9.3.5).
        private mutating func bracket() throws(Fault) -> Set {
            var set = Set()
            set.isNegated = take("^")
            var isFirst = true
            while true {
                guard index < characters.count else { throw Fault("`[` is not closed") }
                if next == "]", !isFirst { break }
                isFirst = false
                if let named = try classOrElement() {
                    switch named {
                    case .ranges(let ranges): set.ranges += ranges
                    case .character(let character): try addRange(from: character, to: &set)
                    }
                    continue
                }
                let character = characters[index]
                index += 1
                try addRange(from: character, to: &set)
            }
            index += 1
            return set
        }

        private enum Named {
            case ranges([ClosedRange<UInt32>])
            case character(UInt32)
        }

        /// `[:class:]`, `[=c=]` and `[.c.]`; nil if none begins here.
        private mutating func classOrElement() throws(Fault) -> Named? {
            guard next == "[", index + 1 < characters.count,
                let kind = Unicode.Scalar(characters[index + 1]),
                [":", "=", "."].contains(kind)
            else { return nil }
            let start = index + 2
            var end = start
            while end + 1 < characters.count,
                characters[end] != kind.value || characters[end + 1] != 0x5D
            { end += 1 }
            guard end + 1 < characters.count else {
                throw Fault("`[\(Character(kind))` is not closed")
            }
            index = end + 2
            if kind == ":" {
                let name = String(
                    characters[start..<end].compactMap { Unicode.Scalar($0).map(Character.init) })
                guard let ranges = Self.named(name) else {
                    throw Fault("there is no class [:\(name.prefix(20)):]")
                }
                return .ranges(ranges)
            }
            guard end == start + 1 else {
                throw Fault("within `[\(Character(kind))` one character stands")
            }
            return .character(characters[start])
        }

        /// A character, or a range that begins with it.
        private mutating func addRange(from first: UInt32, to set: inout Set) throws(Fault) {
            guard next == "-", index + 1 < characters.count, characters[index + 1] != 0x5D else {
                return set.ranges.append(first...first)
            }
            index += 1
            var last = characters[index]
            if let named = try classOrElement() {
                guard case .character(let character) = named else {
                    throw Fault("a range cannot end with a class")
                }
                last = character
            } else {
                index += 1
            }
            guard first <= last else { throw Fault("a range ends before it begins") }
            set.ranges.append(first...last)
        }

        private static func named(_ name: String) -> [ClosedRange<UInt32>]? {
            switch name {
            case "alpha": [0x41...0x5A, 0x61...0x7A]
            case "digit": [0x30...0x39]
            case "alnum": [0x30...0x39, 0x41...0x5A, 0x61...0x7A]
            case "upper": [0x41...0x5A]
            case "lower": [0x61...0x7A]
            case "space": [0x09...0x0D, 0x20...0x20]
            case "blank": [0x09...0x09, 0x20...0x20]
            case "punct": [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E]
            case "print": [0x20...0x7E]
            case "graph": [0x21...0x7E]
            case "cntrl": [0x00...0x1F, 0x7F...0x7F]
            case "xdigit": [0x30...0x39, 0x41...0x46, 0x61...0x66]
            default: nil
            }
        }
    }

    /// Takes the meaning from what has one in a pattern (`:quoteregex`).
    static func quote(_ text: String) -> String {
        var quoted = ""
        for character in text.unicodeScalars {
            if "\\.^$*+?()[]{}|".unicodeScalars.contains(character) { quoted += "\\" }
            quoted.unicodeScalars.append(character)
        }
        return quoted
    }
}
