// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A zone as the text that someone wrote, and its records: an edit changes only their lines.
///
/// Comments, blank lines, order, spelling and directives stay as they are. After each edit the text
/// is read again: it must hold exactly the records expected, or the edit is refused.
package struct ZoneDocument: Sendable {
    /// Why a text cannot be kept as it is.
    package enum Refusal: Error, Hashable, Sendable {
        /// The text has faults of its own.
        case unreadable([MasterFile.Fault])
        /// Records stand in other files.
        case includes(line: Int)
        /// No way of changing only the lines of the records was found.
        case entangled
    }

    package let origin: Name
    package private(set) var text: [UInt8]
    /// Every record, in the order of the text.
    package private(set) var records: [ResourceRecord]
    private var blocks: [Block]

    /// The lines of one record, of a directive, or of a `$GENERATE` and all its records.
    private struct Block: Sendable {
        /// From the beginning of the first line to behind the end of the last.
        var range: Range<Int>
        var records: [ResourceRecord]
        /// Whether the first word is the owner.
        var statesOwner: Bool
        var isDirective: Bool
        /// Where the first word stands, the owner where it is stated.
        var firstWord: Range<Int>
        /// Where the SOA's serial stands.
        var serial: Range<Int>?
        /// Whether the record is on a single line.
        var isSingle: Bool
    }

    /// Takes a text without faults and without `$INCLUDE`.
    package init(parsing text: [UInt8], origin: Name) throws(Refusal) {
        self.origin = origin
        self.text = text
        (blocks, records) = try Self.read(text, origin: origin)
    }

    /// A document written by us, in canonical form.
    package init(
        records: some Sequence<ResourceRecord>, origin: Name
    ) throws(Refusal) {
        try self.init(parsing: MasterFile.canonicalText(of: records), origin: origin)
    }

    private static func read(
        _ text: [UInt8], origin: Name
    ) throws(Refusal) -> ([Block], [ResourceRecord]) {
        var scanner = MasterFileScanner(text)
        var parser = MasterFileParser(include: MasterFile.cannotInclude)
        var context = MasterFileParser.Context(origin: origin)
        var blocks: [Block] = []
        do throws(MasterFile.Fault) {
            while let entry = try scanner.next() {
                guard let first = entry.tokens.first else { continue }
                let count = parser.entries.count
                var tokens = TokenReader(entry: entry, origin: context.origin)
                let isDirective = !first.isQuoted && first.raw.first == UInt8(ascii: "$")
                if isDirective, first.raw.equalsIgnoringCase("$INCLUDE".utf8) {
                    throw MasterFile.Fault(
                        line: first.line, column: 0, token: "$INCLUDE", expected: "")
                }
                try parser.parse(&tokens, &context, depth: 0)
                let own = parser.entries[count...].map(\.record)
                blocks.append(
                    Block(
                        range: scanner.entryStart..<scanner.index, records: own,
                        statesOwner: !entry.beginsBlank && !(isDirective && own.isEmpty),
                        isDirective: isDirective && own.isEmpty,
                        firstWord: first.range, serial: Self.serial(entry, own),
                        isSingle: !text[scanner.entryStart..<scanner.index].dropLast()
                            .contains(.lineFeed)))
            }
        } catch {
            if error.token == "$INCLUDE", error.expected.isEmpty {
                throw .includes(line: error.line)
            }
            let file = MasterFile.parse(text, origin: origin)
            throw .unreadable(file.faults)
        }
        return (blocks, parser.entries.map(\.record))
    }

    /// Behind the type stand the primary, the person responsible, and the serial.
    private static func serial(
        _ entry: MasterFileEntry, _ records: [ResourceRecord]
    ) -> Range<Int>? {
        guard records.count == 1, records[0].type == .soa else { return nil }
        let behindOwner = entry.beginsBlank ? entry.tokens[...] : entry.tokens.dropFirst()
        guard let type = behindOwner.firstIndex(where: { $0.raw.equalsIgnoringCase("SOA".utf8) }),
            type + 3 < entry.tokens.count
        else { return nil }
        return entry.tokens[type + 3].range
    }

    // MARK: - Editing

    /// Takes records out and puts others in, in one go; in the place of a record of the same name
    /// and type if one goes.
    ///
    /// A record to be removed that is not there is passed over. Returns what leads back from the
    /// text to that of before.
    @discardableResult
    package mutating func apply(
        removing removed: [ResourceRecord], adding added: [ResourceRecord]
    ) throws(Refusal) -> [TextSplice] {
        var expected = records
        var gone = removed
        expected.removeAll { record in
            guard let index = gone.firstIndex(of: record) else { return false }
            gone.remove(at: index)
            return true
        }
        expected += added
        var pieces = Pieces(text)
        var rest = added
        var going = removed
        // The owner that a line which is gone stated: as it was written, and in full.
        var ownerless: (written: [UInt8], full: [UInt8])?
        for block in blocks {
            let kept = block.records.filter { record in
                guard let place = going.firstIndex(of: record) else { return true }
                going.remove(at: place)
                return false
            }
            if kept.count < block.records.count {
                let last = replace(block, keeping: kept, from: &rest, &pieces)
                if let owner = block.records.last?.owner, block.statesOwner, last != owner {
                    let full = Array(owner.absolute.utf8)
                    let isGenerated = text[block.firstWord].first == UInt8(ascii: "$")
                    ownerless = (isGenerated ? full : Array(text[block.firstWord]), full)
                }
                continue
            }
            guard let owner = ownerless else { continue }
            if block.isDirective {
                // Behind another origin the written name may mean another.
                ownerless = (owner.full, owner.full)
            } else {
                // A line whose owner stood in a line that is gone must say it itself.
                if !block.statesOwner { pieces.insert(owner.written, at: block.range.lowerBound) }
                ownerless = nil
            }
        }
        insert(rest, &pieces)
        let (changed, undoing) = pieces.joined()
        try adopt(changed, expecting: expected)
        return undoing
    }

    /// Puts what is kept, and what takes the place of what goes, where a block was; returns the
    /// owner that its last line then has.
    private func replace(
        _ block: Block, keeping kept: [ResourceRecord],
        from added: inout [ResourceRecord], _ pieces: inout Pieces
    ) -> Name? {
        var lines = kept
        for record in block.records where !kept.contains(record) {
            let successor = added.firstIndex {
                $0.owner == record.owner && $0.type == record.type
            }
            if let successor { lines.append(added.remove(at: successor)) }
        }
        if block.records.count == 1, lines.count == 1, let serial = block.serial,
            case .soa(var before) = block.records[0].data, case .soa(let after) = lines[0].data
        {
            // Only the number itself, so that the comments beside the others stay.
            before.serial = after.serial
            var renumbered = block.records[0]
            renumbered.data = .soa(before)
            if renumbered == lines[0] {
                pieces.put(Array("\(after.serial)".utf8), in: serial)
                return lines[0].owner
            }
        }
        var text = lines.flatMap { Array($0.text.utf8) + [.lineFeed] }
        if block.isSingle, lines.count == 1, let comment = comment(of: block) {
            text.removeLast()
            text += [.space] + comment + [.lineFeed]
        }
        pieces.put(text, in: block.range)
        return lines.last?.owner
    }

    /// The remark at the end of a record's only line.
    private func comment(of block: Block) -> ArraySlice<UInt8>? {
        var isQuoted = false
        var index = block.range.lowerBound
        while index < block.range.upperBound, text[index] != .lineFeed {
            switch text[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: ";") where !isQuoted:
                let end = text[index..<block.range.upperBound].firstIndex(of: .lineFeed)
                var comment = text[index..<(end ?? block.range.upperBound)]
                if comment.last == .carriageReturn { comment.removeLast() }
                return comment
            default: break
            }
            index += 1
        }
        return nil
    }

    /// New lines stand behind the last record of their name, else at the end.
    private func insert(_ records: [ResourceRecord], _ pieces: inout Pieces) {
        for record in records {
            let last = blocks.lastIndex { block in
                block.records.contains { $0.owner == record.owner }
            }
            var place = text.count
            if let last {
                // Not in between an owner and the lines that leave it unsaid.
                let next = blocks[(last + 1)...].first { !$0.isDirective }
                if next?.statesOwner ?? true { place = blocks[last].range.upperBound }
            }
            pieces.insert(Array(record.text.utf8) + [.lineFeed], at: place)
        }
    }

    private mutating func adopt(
        _ changed: [UInt8], expecting expected: [ResourceRecord]
    ) throws(Refusal) {
        let (blocks, records) = try Self.read(changed, origin: origin)
        guard
            MasterFile.canonicalOrder(of: records) == MasterFile.canonicalOrder(of: expected)
        else { throw .entangled }
        text = changed
        self.blocks = blocks
        self.records = records
    }
}

/// A text and what is to be changed in it, all by the places of before.
private struct Pieces {
    private let text: [UInt8]
    private var changes: [(range: Range<Int>, octets: [UInt8])] = []

    init(_ text: [UInt8]) { self.text = text }

    mutating func put(_ octets: [UInt8], in range: Range<Int>) { changes.append((range, octets)) }

    mutating func insert(_ octets: [UInt8], at place: Int) {
        changes.append((place..<place, octets))
    }

    /// The text after the changes, and what leads back.
    func joined() -> (text: [UInt8], undoing: [TextSplice]) {
        var result: [UInt8] = []
        var undoing: [TextSplice] = []
        var position = 0
        // What is inserted stands before what is replaced at the same place, in its own order.
        let ordered = changes.enumerated().sorted { left, right in
            let (first, second) = (left.element.range, right.element.range)
            return (first.lowerBound, first.upperBound, left.offset)
                < (second.lowerBound, second.upperBound, right.offset)
        }
        for (_, change) in ordered {
            guard change.range.lowerBound >= position else { continue }
            result += text[position..<change.range.lowerBound]
            let start = result.count
            if !change.octets.isEmpty, change.octets.last == .lineFeed, let last = result.last,
                last != .lineFeed
            {
                // The last line of a file may lack its end.
                result.append(.lineFeed)
            }
            result += change.octets
            position = change.range.upperBound
            undoing.append(
                TextSplice(range: start..<result.count, octets: Array(text[change.range])))
        }
        return (result + text[position...], undoing)
    }
}

extension Token {
    /// Where the word stands in the text, its quotes with it.
    fileprivate var range: Range<Int> {
        isQuoted ? raw.startIndex - 1..<raw.endIndex + 1 : raw.startIndex..<raw.endIndex
    }
}
