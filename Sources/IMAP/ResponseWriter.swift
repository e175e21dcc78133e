// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Writes untagged responses one behind the other (RFC 9051 §7).
///
/// The octets grow in one array that the driver sends from time to time by `take`; nothing is
/// allocated for a message.
package struct ResponseWriter: Sendable {
    package var octets: [UInt8] = []
    /// Names of mailboxes are UTF-8, as `EnabledExtensions.isUTF8` says.
    package var isUTF8: Bool
    /// UIDFETCH instead of FETCH (RFC 9586 §3).
    package var isUIDOnly: Bool
    /// Whether an item of the FETCH that is being written came already.
    var hasItem = false

    package init(_ enabled: EnabledExtensions = []) {
        isUTF8 = enabled.isUTF8
        isUIDOnly = enabled.contains(.uidOnly)
    }

    package var isEmpty: Bool { octets.isEmpty }

    /// What has been written, which is then gone here.
    package mutating func take() -> [UInt8] {
        var taken: [UInt8] = []
        swap(&taken, &octets)
        return taken
    }

    mutating func number(_ number: UInt32) { octets.appendDecimal(number) }
    mutating func endLine() { octets.append("\r\n") }

    mutating func name(_ mailbox: MailboxName) { mailbox.write(to: &octets, isUTF8: isUTF8) }
}

// MARK: - Status and the selected mailbox

extension ResponseWriter {
    /// `* OK`, `* NO` or `* BAD`: something to know that ends no command.
    package mutating func untagged(_ completion: Completion) {
        completion.write(tag: [UInt8(ascii: "*")], to: &octets)
    }

    /// `* 23 EXISTS` (§7.4.1); under UIDONLY too.
    package mutating func exists(_ count: UInt32) {
        octets.append("* ")
        number(count)
        octets.append(" EXISTS\r\n")
    }

    /// `* 5 RECENT`, for who knows only IMAP4rev1 (RFC 3501 §7.3.2).
    package mutating func recent(_ count: UInt32) {
        octets.append("* ")
        number(count)
        octets.append(" RECENT\r\n")
    }

    /// `* FLAGS (...)` and `PERMANENTFLAGS` (§7.3.5, §7.1).
    ///
    /// `permanent`: which flags may be changed for good, in a read-only mailbox none, in one of
    /// somebody else's those that the rights allow (RFC 4314 §5.1.1); `\*` is added where a keyword
    /// is still free.
    package mutating func flags(_ keywords: KeywordTable, permanent: FlagSet) {
        octets.append("* FLAGS (")
        flagNames(.known, keywords)
        for name in keywords.all { octets.append(" \(name)") }
        octets.append(")\r\n* OK [PERMANENTFLAGS (")
        flagNames(permanent.intersection(.known), keywords)
        if permanent.contains(.keywords) {
            for name in keywords.all { octets.append(" \(name)") }
            if keywords.freeBit != nil { octets.append(#" \*"#) }
        }
        octets.append(permanent.isEmpty ? ")] no flag can be set\r\n" : ")] flags kept\r\n")
    }

    /// The same of one's own mailbox.
    package mutating func flags(_ keywords: KeywordTable, isReadOnly: Bool) {
        flags(keywords, permanent: isReadOnly ? [] : AccessRights.all.changeableFlags)
    }

    /// Names separated by spaces, without parentheses.
    mutating func flagNames(_ flags: FlagSet, _ keywords: KeywordTable) {
        var rest = flags.rawValue
        var isFirst = true
        while rest != 0 {
            let bit = rest.trailingZeroBitCount
            rest &= rest - 1
            if bit < FlagSet.names.count {
                if !isFirst { octets.append(.space) }
                octets.append(FlagSet.names[bit])
                isFirst = false
            } else if let name = keywords.name(ofBit: bit) {
                if !isFirst { octets.append(.space) }
                octets.append(contentsOf: name.utf8)
                isFirst = false
            }
        }
    }

    /// `* 44 EXPUNGE` (§7.5.1).
    package mutating func expunge(_ number: UInt32) {
        octets.append("* ")
        self.number(number)
        octets.append(" EXPUNGE\r\n")
    }

    /// `* VANISHED [(EARLIER)] uids` (RFC 7162 §3.2.10); nothing for no UIDs.
    package mutating func vanished(_ uids: NumberSet, isEarlier: Bool) {
        guard !uids.isEmpty else { return }
        octets.append(isEarlier ? "* VANISHED (EARLIER) " : "* VANISHED ")
        uids.write(to: &octets)
        endLine()
    }
}

// MARK: - Mailboxes

/// An attribute of a mailbox in LIST (§7.3.1).
package struct MailboxAttributes: OptionSet, Hashable, Sendable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }
    package static let nonExistent = Self(rawValue: 1)
    package static let noInferiors = Self(rawValue: 2)
    package static let noSelect = Self(rawValue: 4)
    package static let hasChildren = Self(rawValue: 8)
    package static let hasNoChildren = Self(rawValue: 16)
    package static let marked = Self(rawValue: 32)
    package static let unmarked = Self(rawValue: 64)
    package static let subscribed = Self(rawValue: 128)
    package static let remote = Self(rawValue: 256)
    /// RFC 5465 §8.
    package static let noAccess = Self(rawValue: 512)

    static let names: [StaticString] = [
        #"\NonExistent"#, #"\Noinferiors"#, #"\Noselect"#, #"\HasChildren"#, #"\HasNoChildren"#,
        #"\Marked"#, #"\Unmarked"#, #"\Subscribed"#, #"\Remote"#, #"\NoAccess"#,
    ]
}

/// A value of STATUS (§7.3.4).
package enum StatusValue: Hashable, Sendable {
    case number(StatusItem, UInt64)
    case mailboxID(String)
    /// nil: no limit for this mailbox (RFC 7889 §4).
    case appendLimit(UInt64?)
}

/// A personal, other users' or shared namespace (RFC 9051 §6.3.10).
package struct Namespace: Hashable, Sendable {
    /// With the delimiter at its end, if not empty.
    package var prefix: String
    package init(prefix: String) { self.prefix = prefix }
}

extension ResponseWriter {
    /// ```abnf
    /// mailbox-list = "(" [mbx-list-flags] ")" SP (DQUOTE QUOTED-CHAR DQUOTE / nil) SP mailbox
    ///                [SP mbox-list-extended]
    /// ```
    ///
    /// `isSubscribedList`: LSUB. `hasSubscribedChild`: CHILDINFO. `oldName`: RFC 5465, RFC 9051.
    package mutating func list(
        _ mailbox: MailboxName, _ attributes: MailboxAttributes, uses: [SpecialUse] = [],
        isSubscribedList: Bool = false, hasSubscribedChild: Bool = false,
        oldName: MailboxName? = nil
    ) {
        octets.append(isSubscribedList ? "* LSUB (" : "* LIST (")
        var isFirst = true
        for (bit, name) in MailboxAttributes.names.enumerated()
        where attributes.contains(MailboxAttributes(rawValue: 1 << UInt16(bit))) {
            if !isFirst { octets.append(.space) }
            octets.append(name)
            isFirst = false
        }
        for use in uses {
            if !isFirst { octets.append(.space) }
            octets.append(use.rawValue)
            isFirst = false
        }
        octets.append(#") "/" "#)
        name(mailbox)
        if hasSubscribedChild || oldName != nil {
            octets.append(" (")
            // RFC 5258 §6, note 2: the options are quoted.
            if hasSubscribedChild { octets.append(#""CHILDINFO" ("SUBSCRIBED")"#) }
            if let oldName {
                if hasSubscribedChild { octets.append(.space) }
                octets.append(#""OLDNAME" ("#)
                name(oldName)
                octets.append(")")
            }
            octets.append(")")
        }
        endLine()
    }

    /// The answer to an empty pattern: what divides levels (§6.3.9).
    package mutating func listDelimiter(isSubscribedList: Bool = false) {
        octets.append(isSubscribedList ? "* LSUB" : "* LIST")
        octets.append(#" (\Noselect) "/" """#)
        endLine()
    }

    /// `* STATUS mailbox (...)`, in the order given.
    package mutating func status(_ mailbox: MailboxName, _ values: [StatusValue]) {
        octets.append("* STATUS ")
        name(mailbox)
        octets.append(" (")
        for (index, value) in values.enumerated() {
            if index > 0 { octets.append(.space) }
            switch value {
            case .number(let item, let number):
                octets.append(contentsOf: item.rawValue.utf8)
                octets.append(.space)
                octets.appendDecimal(number)
            case .mailboxID(let identifier): octets.append("MAILBOXID (\(identifier))")
            case .appendLimit(let limit):
                octets.append("APPENDLIMIT \(limit.map { String($0) } ?? "NIL")")
            }
        }
        octets.append(")\r\n")
    }

    /// `* NAMESPACE personal other shared`; an empty list is NIL.
    package mutating func namespaces(
        personal: [Namespace], others: [Namespace], shared: [Namespace]
    ) {
        octets.append("* NAMESPACE")
        for namespaces in [personal, others, shared] {
            octets.append(.space)
            guard !namespaces.isEmpty else {
                octets.append("NIL")
                continue
            }
            octets.append("(")
            for namespace in namespaces {
                octets.append("(")
                let prefix = Array(namespace.prefix.utf8)
                octets.appendString(
                    isUTF8 ? prefix : ModifiedUTF7.encode(namespace.prefix), isUTF8: isUTF8)
                octets.append(#" "/")"#)
            }
            octets.append(")")
        }
        endLine()
    }
}

// MARK: - SEARCH, SORT, THREAD

extension ResponseWriter {
    /// `* SEARCH ...` of IMAP4rev1; with `highest` if a key looked at it (RFC 7162 §3.1.6).
    package mutating func search(_ numbers: NumberSet, highestModificationSequence: UInt64?) {
        octets.append("* SEARCH")
        for number in numbers.numbers {
            octets.append(.space)
            self.number(number)
        }
        if let highest = highestModificationSequence, !numbers.isEmpty {
            octets.append(" (MODSEQ ")
            octets.appendDecimal(highest)
            octets.append(")")
        }
        endLine()
    }

    /// `* SORT ...` (RFC 5256 §4), in the order given.
    package mutating func sort(_ numbers: [UInt32], highestModificationSequence: UInt64?) {
        octets.append("* SORT")
        for number in numbers {
            octets.append(.space)
            self.number(number)
        }
        if let highest = highestModificationSequence, !numbers.isEmpty {
            octets.append(" (MODSEQ ")
            octets.appendDecimal(highest)
            octets.append(")")
        }
        endLine()
    }

    /// ```abnf
    /// esearch-response   = "ESEARCH" [search-correlator] [SP "UID"] *(SP search-return-data)
    /// search-correlator  = SP "(" "TAG" SP tag-string ")"
    /// search-return-data = "MIN" SP nz-number / "MAX" SP nz-number / "ALL" SP sequence-set /
    ///                      "COUNT" SP number / "PARTIAL" SP "(" partial-range SP partial-results ")"
    /// ```
    ///
    /// Nothing is written if SAVE is all that is wanted (RFC 9051 §6.4.4.1).
    package mutating func extendedSearch(
        tag: [UInt8], isUID: Bool, _ wanted: SearchReturn, _ results: NumberSet,
        highestModificationSequence: UInt64? = nil
    ) {
        guard wanted.options != .save || wanted.partial != nil else { return }
        octets.append("* ESEARCH (TAG ")
        octets.appendQuoted(tag)
        octets.append(isUID ? ") UID" : ")")
        // RFC 9051 §7.3.4: what there is nothing of is left out.
        if wanted.options.contains(.min), let min = results.min {
            octets.append(" MIN ")
            number(min)
        }
        if wanted.options.contains(.max), let max = results.max {
            octets.append(" MAX ")
            number(max)
        }
        if wanted.options.contains(.all), !results.isEmpty {
            octets.append(" ALL ")
            results.write(to: &octets)
        }
        if wanted.options.contains(.count) {
            octets.append(" COUNT ")
            octets.appendDecimal(UInt64(results.count))
        }
        if let range = wanted.partial { partial(range, results) }
        if let highest = highestModificationSequence, !results.isEmpty {
            octets.append(" MODSEQ ")
            octets.appendDecimal(highest)
        }
        endLine()
    }

    private mutating func partial(_ range: PartialRange, _ results: NumberSet) {
        octets.append(range.isFromEnd ? " PARTIAL (-" : " PARTIAL (")
        number(range.first)
        octets.append(range.isFromEnd ? ":-" : ":")
        number(range.last)
        octets.append(.space)
        let selected = range.select(from: results)
        // RFC 9394 §3.1: NIL where the range has none.
        if selected.isEmpty { octets.append("NIL") } else { selected.write(to: &octets) }
        octets.append(")")
    }
}

// MARK: - Quota, rights, metadata

/// One resource of a quota root (RFC 9208 §4.2.1).
package struct QuotaUse: Hashable, Sendable {
    package var resource: String
    package var used: UInt64
    package var limit: UInt64

    package init(resource: String, used: UInt64, limit: UInt64) {
        self.resource = resource
        self.used = used
        self.limit = limit
    }
}

extension ResponseWriter {
    /// `* QUOTA root (STORAGE 10 512)`.
    package mutating func quota(root: String, _ uses: [QuotaUse]) {
        octets.append("* QUOTA ")
        octets.appendAString(root.utf8)
        octets.append(" (")
        for (index, use) in uses.enumerated() {
            octets.append("\(index > 0 ? " " : "")\(use.resource) \(use.used) \(use.limit)")
        }
        octets.append(")\r\n")
    }

    /// `* QUOTAROOT mailbox root ...`.
    package mutating func quotaRoots(of mailbox: MailboxName, _ roots: [String]) {
        octets.append("* QUOTAROOT ")
        name(mailbox)
        for root in roots {
            octets.append(.space)
            octets.appendAString(root.utf8)
        }
        endLine()
    }

    /// `* ACL mailbox identifier rights ...` (RFC 4314 §3.6).
    package mutating func accessList(
        _ mailbox: MailboxName, _ entries: [(identifier: String, rights: String)]
    ) {
        octets.append("* ACL ")
        name(mailbox)
        for entry in entries {
            octets.append(.space)
            octets.appendAString(entry.identifier.utf8)
            octets.append(.space)
            octets.appendAString(entry.rights.utf8)
        }
        endLine()
    }

    /// `* LISTRIGHTS mailbox identifier required optional ...` (RFC 4314 §3.7).
    package mutating func rights(
        _ mailbox: MailboxName, identifier: String, required: String, optional: [String]
    ) {
        octets.append("* LISTRIGHTS ")
        name(mailbox)
        for text in [identifier, required] + optional {
            octets.append(.space)
            octets.appendAString(text.utf8)
        }
        endLine()
    }

    /// `* MYRIGHTS mailbox rights` (RFC 4314 §3.8).
    package mutating func myRights(_ mailbox: MailboxName, _ rights: String) {
        octets.append("* MYRIGHTS ")
        name(mailbox)
        octets.append(.space)
        octets.appendAString(rights.utf8)
        endLine()
    }

    /// `* METADATA mailbox (entry value ...)` (RFC 5464 §4.4.1); a nil mailbox is the server.
    package mutating func metadata(
        _ mailbox: MailboxName?, _ entries: [(entry: String, value: [UInt8]?)]
    ) {
        metadataName(mailbox)
        octets.append(" (")
        for (index, entry) in entries.enumerated() {
            if index > 0 { octets.append(.space) }
            octets.appendAString(entry.entry.utf8)
            octets.append(.space)
            if let value = entry.value, value.contains(0) {
                octets.append("~")
                octets.appendLiteralHeader(value.count)
                octets += value
            } else {
                octets.appendNString(entry.value)
            }
        }
        octets.append(")\r\n")
    }

    /// `* METADATA mailbox entry ...`: these have changed (RFC 5464 §4.4.2).
    package mutating func metadataChanged(_ mailbox: MailboxName?, _ entries: [String]) {
        metadataName(mailbox)
        for entry in entries {
            octets.append(.space)
            octets.appendAString(entry.utf8)
        }
        endLine()
    }

    private mutating func metadataName(_ mailbox: MailboxName?) {
        octets.append("* METADATA ")
        if let mailbox { name(mailbox) } else { octets.append("\"\"") }
    }
}
