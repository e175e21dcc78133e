// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// Master files and what they include.
enum ZoneFiles {
    /// `$INCLUDE` is relative to the file's folder.
    static func include(beside path: String) -> MasterFile.FileReader {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        return { name throws(MasterFile.Unreadable) in
            do throws(CommandFailure) {
                return try Files.read(name.hasPrefix("/") ? name : folder + name)
            } catch {
                throw MasterFile.Unreadable(reason: error.text)
            }
        }
    }

    /// The zone that a file is about: `given`, else the owner of an SOA record that is written in
    /// full, else the file's name without its last part.
    static func origin(
        of text: [UInt8], in file: String, given: String?
    ) throws(CommandFailure) -> Name {
        if let given { return try ZoneCommand.name(given) }
        let absolute = MasterFile.parse(text, origin: .root, include: include(beside: file))
        if let start = absolute.entries.first(where: { $0.record.type == .soa }),
            !start.record.owner.isRoot
        {
            return start.record.owner
        }
        let path = file.split(separator: "/").last.map(String.init) ?? ""
        guard let dot = path.lastIndex(of: "."), let name = try? Name(path[..<dot]),
            !name.isRoot
        else {
            throw .usage("\(file) does not say which zone it is: name it with --origin")
        }
        return name
    }

    /// What is wrong with a file, all of it.
    struct Faulty: Error {
        var faults: [MasterFile.Fault]
    }

    /// A file with those that it includes, in one text.
    ///
    /// If lines after an `$INCLUDE` would come to mean something else, the text is one of records
    /// alone.
    static func whole(
        _ text: [UInt8], of path: String, origin: Name
    ) throws(Faulty) -> (text: [UInt8], keepsRemarks: Bool) {
        let file = MasterFile.parse(text, origin: origin, include: include(beside: path))
        guard file.faults.isEmpty else { throw Faulty(faults: file.faults) }
        guard hasIncludes(text) else { return (text, true) }
        var joined = JoinedText()
        joined.append(text, beside: path, origin: origin, depth: 0)
        let read = MasterFile.parse(joined.text, origin: origin)
        guard read.faults.isEmpty, read.records == file.records else {
            return (MasterFile.canonicalText(of: file.records), false)
        }
        return (joined.text, true)
    }

    private static func hasIncludes(_ text: [UInt8]) -> Bool {
        text.split(separator: .lineFeed).contains { JoinedText.isInclude($0) }
    }
}

/// Files in the places of the `$INCLUDE` lines that name them, as text.
private struct JoinedText {
    private(set) var text: [UInt8] = []

    static func isInclude(_ line: ArraySlice<UInt8>) -> Bool {
        line.prefix(8).equalsIgnoringCase("$INCLUDE".utf8)
    }

    mutating func append(_ octets: [UInt8], beside path: String, origin: Name, depth: Int) {
        var origin = origin
        var ttl: [UInt8]?
        for line in octets.split(separator: .lineFeed, omittingEmptySubsequences: false) {
            let words = line.split { $0.isWhitespace || $0 == .carriageReturn }
            if words.first?.equalsIgnoringCase("$ORIGIN".utf8) == true, words.count > 1 {
                origin = Self.name(words[1], below: origin)
            }
            if words.first?.equalsIgnoringCase("$TTL".utf8) == true { ttl = Array(line) }
            guard Self.isInclude(line), words.count > 1, depth < MasterFile.maximumIncludeDepth,
                text.count < Files.maximumOctets
            else {
                text += line
                text.append(.lineFeed)
                continue
            }
            let name = String(lossy: words[1]).filter { $0 != "\"" }
            let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
            let inner = name.hasPrefix("/") ? name : folder + name
            // It was read before, and without a fault.
            guard let part = try? Files.read(inner) else { continue }
            let hasOrigin = words.count > 2 && words[2].first != UInt8(ascii: ";")
            let below = hasOrigin ? Self.name(words[2], below: origin) : origin
            text += "$ORIGIN \(below.absolute)\n".utf8
            append(part, beside: inner, origin: below, depth: depth + 1)
            text += "$ORIGIN \(origin.absolute)\n".utf8
            if let ttl { text += ttl + [.lineFeed] }
        }
        // The last line had its end already, unless the file lacked it.
        if text.last == .lineFeed, octets.last == .lineFeed { text.removeLast() }
    }

    private static func name(_ word: ArraySlice<UInt8>, below origin: Name) -> Name {
        let text = String(lossy: word)
        if text == "@" { return origin }
        guard let name = try? Name(text) else { return origin }
        guard !text.hasSuffix(".") else { return name }
        return Name(labels: (name.labels + origin.labels).map(Array.init)) ?? origin
    }
}
