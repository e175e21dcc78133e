// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Reads entries one after the other, with what they leave unsaid (RFC 1035 §5.1).
struct MasterFileParser {
    /// What a line leaves to the lines before it.
    struct Context {
        var origin: Name
        var owner: Name?
        var `class` = RecordClass.internet
        /// From `$TTL`.
        var defaultTTL: UInt32?
        /// From the SOA, where there is no `$TTL`.
        var minimumTTL: UInt32?
        /// The TTL stated last.
        var statedTTL: UInt32?
        /// The included file, nil for the file itself.
        var file: String?
        /// The included files that this one stands in, itself the last.
        var including: [String] = []
    }

    let include: MasterFile.FileReader
    private(set) var entries: [MasterFile.Entry] = []
    private(set) var faults: [MasterFile.Fault] = []

    /// RFC 2181 §8: a TTL has 31 bits.
    static let maximumTTL: UInt32 = 0x7FFF_FFFF
    /// Files that include each other many times over would otherwise be read without end.
    static let maximumIncludes = 10_000
    /// What all included files may have together, each as often as it is read.
    static let maximumIncludedOctets = 1 << 30
    private var includes = 0
    private var includedOctets = 0

    /// More records than one `$GENERATE` line is likely to mean.
    static let maximumGenerated = 65536

    init(include: @escaping MasterFile.FileReader) { self.include = include }

    /// A limit was passed, and said so: nothing more is read.
    private(set) var hasEnded = false

    var isFull: Bool { hasEnded || faults.count >= MasterFile.maximumFaults }

    mutating func parse(_ text: [UInt8], context start: Context, depth: Int) {
        var context = start
        var scanner = MasterFileScanner(text)
        while !isFull {
            do throws(MasterFile.Fault) {
                guard let entry = try scanner.next() else { return }
                var tokens = TokenReader(entry: entry, origin: context.origin)
                try parse(&tokens, &context, depth: depth)
            } catch {
                var fault = error
                fault.file = fault.file ?? context.file
                faults.append(fault)
            }
        }
    }

    /// Takes one entry: a record, or a directive for what follows.
    mutating func parse(
        _ tokens: inout TokenReader, _ context: inout Context, depth: Int
    ) throws(MasterFile.Fault) {
        guard let first = tokens.peek else { return }
        if !first.isQuoted, first.raw.first == UInt8(ascii: "$") {
            return try parseDirective(&tokens, &context, depth: depth)
        }
        if !tokens.entry.beginsBlank {
            // Also when the rest of the line is wrong, the lines after it belong to this owner.
            context.owner = try tokens.name()
        }
        guard let owner = context.owner else {
            throw tokens.fault("an owner name before the first record", at: first)
        }
        try parseRecord(owner: owner, &tokens, &context)
    }

    /// `[<TTL>] [<class>] <type> <RDATA>`, TTL and class in either order.
    mutating func parseRecord(
        owner: Name, _ tokens: inout TokenReader, _ context: inout Context
    ) throws(MasterFile.Fault) {
        var ttl: UInt32?
        var `class`: RecordClass?
        var type: RecordType?
        while type == nil {
            let token = try tokens.next("a record type")
            if ttl == nil, token.raw.first?.isDigit == true {
                ttl = try Self.ttl(token, tokens)
            } else if `class` == nil, let known = RecordClass(mnemonic: token.raw) {
                `class` = known
            } else if let known = RecordType(mnemonic: token.raw) {
                type = known
            } else {
                throw tokens.fault("a TTL, a class or a record type")
            }
        }
        guard let type else { return }
        guard ![.opt, .tsig, .ixfr, .axfr, .any].contains(type) else {
            throw tokens.fault("a type of record that can stand in a zone")
        }
        let data = try RecordData(type, &tokens)
        context.class = `class` ?? context.class
        if let ttl { context.statedTTL = ttl }
        if case .soa(let soa) = data, context.defaultTTL == nil {
            context.minimumTTL = min(soa.minimum, Self.maximumTTL)
        }
        guard
            let ttl = ttl ?? context.defaultTTL ?? context.minimumTTL ?? context.statedTTL
        else {
            throw tokens.fault(
                "a TTL: there is no $TTL and no SOA before this record", at: tokens.entry.tokens[0])
        }
        guard entries.count < MasterFile.maximumRecords else {
            hasEnded = true
            throw tokens.fault(
                "at most \(MasterFile.maximumRecords) records", at: tokens.entry.tokens[0])
        }
        let record = ResourceRecord(
            owner: owner, type: type, class: context.class, ttl: ttl, data: data)
        let line = tokens.entry.tokens[0].line
        entries.append(.init(record: record, file: context.file, line: line))
    }

    private static func ttl(
        _ token: Token, _ tokens: TokenReader
    ) throws(MasterFile.Fault) -> UInt32 {
        guard let ttl = seconds(of: token.raw), ttl <= maximumTTL else {
            throw tokens.fault("a TTL up to 2147483647 seconds (RFC 2181 §8)")
        }
        return ttl
    }

    private mutating func parseDirective(
        _ tokens: inout TokenReader, _ context: inout Context, depth: Int
    ) throws(MasterFile.Fault) {
        let directive = String(lossy: try tokens.next("a directive").raw.map(\.uppercased))
        switch directive {
        case "$ORIGIN":
            let origin = try tokens.name()
            try tokens.end()
            context.origin = origin
        case "$TTL":
            let ttl = try Self.ttl(try tokens.next("a TTL"), tokens)
            try tokens.end()
            context.defaultTTL = ttl
        case "$INCLUDE": try parseInclude(&tokens, context, depth: depth)
        case "$GENERATE": try generate(&tokens, &context)
        default: throw tokens.fault("$ORIGIN, $TTL, $INCLUDE or $GENERATE")
        }
    }

    /// A relative name, put into the folder of the file that includes it.
    private static func path(of name: String, beside file: String?) -> String {
        guard let slash = file?.lastIndex(of: "/"), let file, !name.hasPrefix("/") else {
            return name
        }
        return file[...slash] + name
    }

    /// `$INCLUDE <file-name> [<domain-name>]`: changes nothing for the lines after it.
    private mutating func parseInclude(
        _ tokens: inout TokenReader, _ context: Context, depth: Int
    ) throws(MasterFile.Fault) {
        let token = try tokens.next("a file name")
        let name = String(lossy: try tokens.content(of: token))
        var inner = context
        if !tokens.isAtEnd { inner.origin = try tokens.name() }
        try tokens.end()
        guard depth < MasterFile.maximumIncludeDepth else {
            throw tokens.fault(
                "at most \(MasterFile.maximumIncludeDepth) files within each other", at: token)
        }
        let path = Self.path(of: name, beside: context.file)
        guard !context.including.contains(path) else {
            throw tokens.fault("a file that does not include itself", at: token)
        }
        includes += 1
        guard includes <= Self.maximumIncludes else {
            hasEnded = true
            throw tokens.fault("at most \(Self.maximumIncludes) included files", at: token)
        }
        let text: [UInt8]
        do {
            text = try include(path)
        } catch {
            throw tokens.fault("a readable file (\(error.reason))", at: token)
        }
        includedOctets += text.count
        guard includedOctets <= Self.maximumIncludedOctets else {
            hasEnded = true
            throw tokens.fault(
                "at most \(Self.maximumIncludedOctets) octets of included files", at: token)
        }
        inner.file = path
        inner.including.append(path)
        parse(text, context: inner, depth: depth + 1)
    }
}
