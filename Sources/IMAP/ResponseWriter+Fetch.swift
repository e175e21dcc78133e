// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The pieces of a FETCH response (RFC 9051 §7.5.2), each appended where it is.
extension ResponseWriter {
    /// `* 12 FETCH (`, or `* 4711 UIDFETCH (` under UIDONLY (RFC 9586 §3).
    package mutating func beginFetch(number: UInt32, uid: UInt32) {
        octets.append("* ")
        self.number(isUIDOnly ? uid : number)
        octets.append(isUIDOnly ? " UIDFETCH (" : " FETCH (")
        hasItem = false
    }

    /// Ends what `beginFetch` began.
    package mutating func endFetch() { octets.append(")\r\n") }

    private mutating func item(_ name: StaticString) {
        if hasItem { octets.append(.space) }
        hasItem = true
        octets.append(name)
    }

    /// `UID 4711`.
    package mutating func uid(_ uid: UInt32) {
        item("UID ")
        number(uid)
    }

    /// `FLAGS (\Seen $Junk)`; bits without a name are left out.
    ///
    /// `isRecent`: this session alone may say so, to who knows only IMAP4rev1 (RFC 3501 §2.3.2).
    package mutating func flags(
        _ flags: FlagSet, _ keywords: KeywordTable, isRecent: Bool = false
    ) {
        item("FLAGS (")
        if isRecent { octets.append(flags.isEmpty ? #"\Recent"# : #"\Recent "#) }
        flagNames(flags, keywords)
        octets.append(")")
    }

    /// `INTERNALDATE "21-Nov-2026 10:00:00 +0100"`.
    package mutating func internalDate(_ date: InternalDate) {
        item("INTERNALDATE ")
        date.write(to: &octets)
    }

    /// `RFC822.SIZE 4423`.
    package mutating func size(_ count: UInt64) {
        item("RFC822.SIZE ")
        octets.appendDecimal(count)
    }

    /// The octets as `Summary` stored them, with their parentheses.
    package mutating func envelope(_ stored: some Collection<UInt8>) {
        item("ENVELOPE ")
        octets.append(contentsOf: stored)
    }

    /// The same, appended by whoever has them.
    package mutating func envelope(_ append: (inout [UInt8]) -> Void) {
        item("ENVELOPE ")
        append(&octets)
    }

    /// The structure without extension data, as it is stored.
    package mutating func body(_ stored: some Collection<UInt8>) {
        item("BODY ")
        octets.append(contentsOf: stored)
    }

    /// The structure with extension data, as it is stored.
    package mutating func bodyStructure(_ stored: some Collection<UInt8>) {
        item("BODYSTRUCTURE ")
        octets.append(contentsOf: stored)
    }

    /// The same, appended by whoever has them.
    package mutating func bodyStructure(_ append: (inout [UInt8]) -> Void) {
        item("BODYSTRUCTURE ")
        append(&octets)
    }

    /// `MODSEQ (12121231000)` (RFC 7162 §3.1.4.2).
    package mutating func modificationSequence(_ number: UInt64) {
        item("MODSEQ (")
        octets.appendDecimal(number)
        octets.append(")")
    }

    /// `EMAILID (e17)` (RFC 8474 §5.1).
    package mutating func emailID(_ identifier: String) {
        item("EMAILID (")
        octets.append(contentsOf: identifier.utf8)
        octets.append(")")
    }

    /// `THREADID (t3)` (RFC 8474 §5.2).
    package mutating func threadID(_ identifier: String) {
        item("THREADID (")
        octets.append(contentsOf: identifier.utf8)
        octets.append(")")
    }

    /// RFC 8514 §4.2.
    package mutating func saveDate(_ date: InternalDate?) {
        item("SAVEDATE ")
        if let date { date.write(to: &octets) } else { octets.append("NIL") }
    }

    /// RFC 8970 §4; nil: not known yet, with LAZY.
    ///
    /// Text that is not ASCII comes as a literal
    /// until UTF-8 is enabled.
    package mutating func preview(_ text: (some Collection<UInt8>)?) {
        item("PREVIEW ")
        octets.appendNString(text, isUTF8: isUTF8)
    }

    /// `BODY[1.2.MIME]<0> NIL`, or with the announcement of a literal, whose octets the caller
    /// appends behind it.
    package mutating func section(_ section: Section, _ partial: Partial?, octets count: Int?) {
        item("BODY[")
        sectionName(section)
        octets.append("]")
        origin(partial)
        announce(count)
    }

    /// `BINARY[1]<0> ...`; `hasNull`: a literal8 is needed (RFC 3516 §4.3).
    package mutating func binary(
        part: [UInt32], _ partial: Partial?, octets count: Int?, hasNull: Bool
    ) {
        item("BINARY[")
        self.part(part)
        octets.append("]")
        origin(partial)
        if hasNull, count != nil {
            octets.append(" ~")
            octets.appendLiteralHeader(count ?? 0)
        } else {
            announce(count)
        }
    }

    /// `BINARY.SIZE[1.2] 4423`: octets after decoding (RFC 3516 §4.3).
    package mutating func binarySize(part: [UInt32], _ count: UInt64) {
        item("BINARY.SIZE[")
        self.part(part)
        octets.append("] ")
        octets.appendDecimal(count)
    }

    /// RFC822, RFC822.HEADER or RFC822.TEXT with the announcement of its octets.
    package mutating func legacy(_ fetched: FetchItem, octets count: Int) {
        switch fetched {
        case .message: item("RFC822")
        case .messageHeader: item("RFC822.HEADER")
        case .messageText: item("RFC822.TEXT")
        default: preconditionFailure("no item of IMAP4rev1 alone")
        }
        announce(count)
    }

    private mutating func announce(_ count: Int?) {
        guard let count else { return octets.append(" NIL") }
        octets.append(.space)
        octets.appendLiteralHeader(count)
    }

    /// The first octet of a partial fetch (§6.4.5).
    private mutating func origin(_ partial: Partial?) {
        guard let partial else { return }
        octets.append("<")
        octets.appendDecimal(partial.offset)
        octets.append(">")
    }

    private mutating func part(_ part: [UInt32]) {
        for (index, number) in part.enumerated() {
            if index > 0 { octets.append(.dot) }
            self.number(number)
        }
    }

    private mutating func sectionName(_ section: Section) {
        part(section.part)
        guard let text = section.text else { return }
        if !section.part.isEmpty { octets.append(.dot) }
        switch text {
        case .header: octets.append("HEADER")
        case .text: octets.append("TEXT")
        case .mime: octets.append("MIME")
        case .fields(let names): fieldNames("HEADER.FIELDS (", names)
        case .fieldsNot(let names): fieldNames("HEADER.FIELDS.NOT (", names)
        }
    }

    private mutating func fieldNames(_ opening: StaticString, _ names: [[UInt8]]) {
        octets.append(opening)
        for (index, name) in names.enumerated() {
            if index > 0 { octets.append(.space) }
            octets.appendAString(name)
        }
        octets.append(")")
    }
}
