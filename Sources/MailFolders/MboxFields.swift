// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Header fields that programs put into mbox files to remember flags, and that are no part of the
/// message: `Status`, `X-Status`, `X-Keywords`, `X-UID`, `X-IMAP`, `Content-Length`,
/// `X-Mozilla-…`.
package struct MboxFields: Hashable, Sendable {
    /// Sorted names in IMAP.
    package var flags: [String] { Set(names.filter(FlagName.isValid)).sorted() }
    /// Octets of the body, if the header says so.
    package private(set) var contentLength: Int?
    /// The message that programs keep their own notes in (c-client's internal data).
    package var isFolderData: Bool { hasFolderNotes && isNotesSubject }
    /// Deleted by a program that has not yet taken it out of the file.
    package private(set) var isExpunged = false
    private var names: [String] = []
    private var hasFolderNotes = false
    private var isNotesSubject = false

    package init() {}

    private static let own: Set<String> = [
        "status", "x-status", "x-keywords", "x-uid", "x-imap", "x-imapbase", "content-length",
        "x-mozilla-status", "x-mozilla-status2", "x-mozilla-keys",
    ]

    /// Looks at the first line of a field; says whether the field belongs to the message.
    package mutating func take(_ line: [UInt8]) -> Bool {
        guard let colon = line.prefix(64).firstIndex(of: UInt8(ascii: ":")) else { return true }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        if name == "subject" {
            isNotesSubject = line.dropFirst(colon + 1).drop { $0 == .space }
                .starts(with: "DON'T DELETE THIS MESSAGE".utf8)
        }
        guard Self.own.contains(name) else { return true }
        let value = String(decoding: line[(colon + 1)...].prefix(1000), as: UTF8.self)
            .filter { $0 != "\r" && $0 != "\n" && $0 != "\r\n" && $0 != "\t" }
        take(name, value)
        return false
    }

    private mutating func take(_ name: String, _ value: String) {
        let words = value.split(separator: " ").map(String.init)
        switch name {
        case "status": add(["R": "\\Seen"], value)
        case "x-status":
            add(["A": "\\Answered", "F": "\\Flagged", "T": "\\Draft", "D": "\\Deleted"], value)
        case "x-keywords", "x-mozilla-keys": names += words
        case "x-imap", "x-imapbase": hasFolderNotes = true
        case "content-length":
            contentLength = words.first.flatMap { Int($0) }.flatMap { $0 < 0 ? nil : $0 }
        case "x-mozilla-status": takeMozilla(words.first.flatMap { Int($0, radix: 16) } ?? 0)
        default: break
        }
    }

    private mutating func add(_ letters: [Character: String], _ value: String) {
        for letter in value { if let name = letters[letter] { names.append(name) } }
    }

    private mutating func takeMozilla(_ status: Int) {
        let bits = [(1, "\\Seen"), (2, "\\Answered"), (4, "\\Flagged"), (0x1000, "$Forwarded")]
        for (bit, name) in bits where status & bit != 0 { names.append(name) }
        isExpunged = status & 8 != 0
    }

    /// The lines that say the same in a file we write, each with LF.
    package static func lines(_ flags: [String]) -> String {
        let known = Set(flags.map { $0.lowercased() })
        var text = "Status: \(known.contains("\\seen") ? "RO" : "O")\n"
        let letters = [
            ("\\answered", "A"), ("\\flagged", "F"), ("\\draft", "T"), ("\\deleted", "D"),
        ]
        .filter { known.contains($0.0) }.map(\.1).joined()
        if !letters.isEmpty { text += "X-Status: \(letters)\n" }
        let keywords = flags.filter { !$0.hasPrefix("\\") }
        if !keywords.isEmpty { text += "X-Keywords: \(keywords.joined(separator: " "))\n" }
        return text
    }

    /// A header as it comes back out of an mbox file: without these fields, with an empty line
    /// behind it.
    package static func stripped(_ header: [UInt8]) -> [UInt8] {
        var fields = MboxFields()
        var result: [UInt8] = []
        result.reserveCapacity(header.count + 4)
        var isKept = true
        for line in header.split(separator: .lineFeed) where !line.elementsEqual(emptyLine) {
            if line.first != .space, line.first != .tab { isKept = fields.take(Array(line)) }
            guard isKept else { continue }
            result += line
            if line.last != .carriageReturn { result.append(.carriageReturn) }
            result.append(.lineFeed)
        }
        return result + [.carriageReturn, .lineFeed]
    }

    private static let emptyLine: [UInt8] = [.carriageReturn]

    /// The header of a message with its empty line, as far as that is there, and its body.
    package static func split(_ octets: [UInt8]) -> (header: [UInt8], body: [UInt8]) {
        let end = headerEnd(of: octets) ?? octets.count
        return (Array(octets[..<end]), Array(octets[end...]))
    }

    /// Behind the empty line; nil if that is not there.
    package static func headerEnd(of octets: [UInt8]) -> Int? {
        var start = 0
        while let end = octets[start...].firstIndex(of: .lineFeed) {
            let line = octets[start..<end]
            if line.isEmpty || line.elementsEqual(emptyLine) { return end + 1 }
            start = end + 1
        }
        return nil
    }
}
