// SPDX-License-Identifier: Apache-2.0

import Bytes

/// What acceptance must know of a header, in one pass and without allocation.
package struct HeaderScan: Sendable {
    /// What the originator gave of a date, a sender, an identifier (RFC 6409 §8 adds them).
    package var hasDate: Bool { date != nil }
    package var hasFrom: Bool { fromCount > 0 }
    package var hasMessageIdentifier: Bool { messageIdentifier != nil }
    package var hasSender: Bool { seen & SingleField.sender.bit != 0 }
    /// The value of the first `Date` and of the first `Message-ID`, with their folding.
    package private(set) var date: ArraySlice<UInt8>?
    package private(set) var messageIdentifier: ArraySlice<UInt8>?
    package private(set) var fromCount = 0
    /// Fields that there may be one of, and are more: each once for each time too many.
    package private(set) var repeated: [SingleField] = []
    private var seen: UInt16 = 0
    /// `Bcc` or `Resent-Bcc`: not for the eyes of recipients (RFC 5322 §3.6.3).
    package private(set) var hasBlindCopies = false
    /// Whether anybody claims results (RFC 8601), which must not be claimed in our name.
    package private(set) var hasAuthenticationResults = false
    /// Whether anybody says that it is spam, or none, in a field that mail programs and rules go by.
    package private(set) var hasSpamVerdicts = false
    /// How many `Received` fields there are: a loop has many (RFC 5321 §6.3).
    package private(set) var receivedCount = 0
    /// `TLS-Required: No` (RFC 8689 §3), once and without any other value.
    package var waivesTLSPolicy: Bool { tlsRequired == [.no] }
    private var tlsRequired: [TLSRequired] = []
    /// Octets above 127: needs SMTPUTF8 to travel (RFC 6531).
    package private(set) var isInternational = false
    /// The index of the octet behind the header's last line end.
    ///
    /// There stands the empty line or, where that is missing, the body. Nil if the octets end within the header.
    package private(set) var headerEnd: Int?
    /// Where the body begins, behind the empty line.
    package private(set) var bodyStart: Int?

    /// Looks at the header at the start of `octets`; indices are those of the slice.
    package init(_ octets: ArraySlice<UInt8>) {
        var walk = FieldWalk(octets)
        while let (name, value) = walk.next() {
            if let first = name.first, first.lowercased == 0x78, Self.isSpamVerdict(name) {
                hasSpamVerdicts = true
            }
            if let field = SingleField(name) { note(field, value) }
            switch name.count {
            case 8: if name.equalsIgnoringCase("received".utf8) { receivedCount += 1 }
            case 10: if name.equalsIgnoringCase("resent-bcc".utf8) { hasBlindCopies = true }
            case 22:
                if name.equalsIgnoringCase("authentication-results".utf8) {
                    hasAuthenticationResults = true
                }
            case 12 where tlsRequired.count < 2:
                if name.equalsIgnoringCase("tls-required".utf8) {
                    tlsRequired.append(TLSRequired(value))
                }
            default: break
            }
            if !isInternational, value.contains(where: { $0 >= 0x80 }) { isInternational = true }
        }
        headerEnd = walk.headerEnd
        bodyStart = walk.bodyStart
    }

    /// What our filters and others' add, in lower case: they count only from a host that is trusted.
    package static let spamVerdicts: Set<String> = [
        "x-spam", "x-spam-action", "x-spam-bar", "x-spam-flag", "x-spam-level", "x-spam-score",
        "x-spam-status", "x-spamd-bar", "x-spamd-result",
    ]

    private static func isSpamVerdict(_ name: ArraySlice<UInt8>) -> Bool {
        (6...14).contains(name.count) && name.prefix(6).equalsIgnoringCase("x-spam".utf8)
            && spamVerdicts.contains(String(lossy: name).asciiLowercased)
    }

    /// RFC 5322 §3.6: fields that stand in a header at most once.
    package enum SingleField: UInt16, Sendable {
        case date, from, sender, replyTo, to, cc, bcc, messageIdentifier, inReplyTo, references
        case subject

        /// In lower case.
        package var name: StaticString {
            switch self {
            case .date: "date"
            case .from: "from"
            case .sender: "sender"
            case .replyTo: "reply-to"
            case .to: "to"
            case .cc: "cc"
            case .bcc: "bcc"
            case .messageIdentifier: "message-id"
            case .inReplyTo: "in-reply-to"
            case .references: "references"
            case .subject: "subject"
            }
        }

        fileprivate var bit: UInt16 { 1 << rawValue }

        /// Nil for the name of any other field.
        fileprivate init?(_ name: ArraySlice<UInt8>) {
            let candidate: Self? =
                switch (name.count, name.first.map(\.lowercased)) {
                case (2, UInt8(ascii: "t")): .to
                case (2, UInt8(ascii: "c")): .cc
                case (3, UInt8(ascii: "b")): .bcc
                case (4, UInt8(ascii: "d")): .date
                case (4, UInt8(ascii: "f")): .from
                case (6, UInt8(ascii: "s")): .sender
                case (7, UInt8(ascii: "s")): .subject
                case (8, UInt8(ascii: "r")): .replyTo
                case (10, UInt8(ascii: "m")): .messageIdentifier
                case (10, UInt8(ascii: "r")): .references
                case (11, UInt8(ascii: "i")): .inReplyTo
                default: nil
                }
            let isIt = candidate?.name.withUTF8Buffer { name.equalsIgnoringCase($0) } ?? false
            guard let candidate, isIt else { return nil }
            self = candidate
        }
    }

    private mutating func note(_ field: SingleField, _ value: ArraySlice<UInt8>) {
        switch field {
        case .date: date = date ?? value
        case .messageIdentifier: messageIdentifier = messageIdentifier ?? value
        case .from: fromCount += 1
        case .bcc: hasBlindCopies = true
        default: break
        }
        if seen & field.bit != 0 { repeated.append(field) }
        seen |= field.bit
    }

    private enum TLSRequired {
        case no, other

        /// ```abnf
        /// requiretls-field = "TLS-Required:" [FWS] "No" CRLF            ; RFC 8689 §3
        /// ```
        init(_ value: ArraySlice<UInt8>) {
            let word = value.filter { !$0.isWhitespace && $0 != .carriageReturn && $0 != .lineFeed }
            self = word.equalsIgnoringCase("no".utf8) ? .no : .other
        }
    }

    /// The header and all behind it, without the fields of these names (lower case).
    package static func without(
        _ names: Set<String>, _ octets: ArraySlice<UInt8>
    ) -> [UInt8] {
        var kept: [UInt8] = []
        var walk = FieldWalk(octets)
        var start = octets.startIndex
        while let field = walk.next() {
            if !names.contains(String(lossy: field.name).asciiLowercased) {
                kept += octets[start..<walk.index]
            }
            start = walk.index
        }
        return kept + octets[start...]
    }

    /// All values of fields of these names (lower case), in their order.
    package static func values(
        of names: Set<String>, in octets: ArraySlice<UInt8>
    ) -> [(name: String, value: ArraySlice<UInt8>)] {
        var walk = FieldWalk(octets)
        var values: [(name: String, value: ArraySlice<UInt8>)] = []
        while let field = walk.next() {
            let name = String(lossy: field.name).asciiLowercased
            if names.contains(name) { values.append((name, field.value)) }
        }
        return values
    }

    /// The value of the first field of that name, with its folding; nil if there is none.
    package static func value(
        of name: String, in octets: ArraySlice<UInt8>
    ) -> ArraySlice<UInt8>? {
        var walk = FieldWalk(octets)
        while let field = walk.next() {
            if field.name.count == name.utf8.count, field.name.equalsIgnoringCase(name.utf8) {
                return field.value
            }
        }
        return nil
    }
}

/// Goes from field to field of a header.
private struct FieldWalk {
    private let octets: ArraySlice<UInt8>
    private(set) var index: Int
    private(set) var headerEnd: Int?
    private(set) var bodyStart: Int?

    init(_ octets: ArraySlice<UInt8>) {
        self.octets = octets
        index = octets.startIndex
    }

    mutating func next() -> (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)? {
        guard headerEnd == nil else { return nil }
        while index < octets.endIndex {
            let start = index
            let line = octets.lineEnd(from: start)
            if line.content == start, line.next > start {
                headerEnd = start
                bodyStart = line.next
                return nil
            }
            guard let colon = octets[start..<line.content].firstIndex(of: UInt8(ascii: ":")) else {
                if octets[start].isWhitespace || octets[start...].starts(with: "From ".utf8) {
                    index = line.next
                    continue
                }
                guard line.next > line.content else { return nil }
                headerEnd = start
                bodyStart = start
                return nil
            }
            let end = octets.endOfField(from: line)
            index = end.next
            return (octets[start..<colon].trimmingWhitespace, octets[(colon + 1)..<end.content])
        }
        return nil
    }
}
