// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// What SORT and THREAD (RFC 5256, RFC 5957) and searches by date compare.
///
/// Sort keys are compared as octets; see `Folding.sortKey(_:)`. What is missing is empty.
package struct MessageFacts: Hashable, Sendable {
    /// Nil where the field is missing or says no date: then INTERNALDATE counts (RFC 5256 §2.2).
    package var sentDate: SentDate?
    /// The sort key of the base subject (RFC 5256 §2.1).
    package var subject: [UInt8] = []
    /// Whether the subject says that it is a reply or a forward.
    package var isReplyOrForward = false
    /// The sort keys of the first addresses' local parts: SORT FROM, TO, CC.
    package var from: [UInt8] = []
    package var to: [UInt8] = []
    package var cc: [UInt8] = []
    /// The sort keys of the first addresses as people see them: SORT DISPLAYFROM, DISPLAYTO.
    package var displayFrom: [UInt8] = []
    package var displayTo: [UInt8] = []
    /// What stands between the angle brackets of `Message-ID`; nil without a usable one.
    package var messageID: [UInt8]?
    /// The message's ancestors, the oldest first: `References`, or else one of `In-Reply-To`.
    package var references: [[UInt8]] = []

    /// Of more ancestors the first and the latest are kept: a thread needs its root and its links.
    package static let maximumReferences = 100

    /// Nothing is known.
    package init() {}

    init(_ envelope: EnvelopeWriter) {
        let source = envelope.source
        sentDate = envelope.value(.date).flatMap { SentDate(Array(source[$0])) }
        if let value = envelope.value(.subject) {
            let base = BaseSubject(HeaderText.decoded(source, value))
            subject = Folding.sortKey(base.text)
            isReplyOrForward = base.isReplyOrForward
        }
        from = Self.localPart(envelope.firstFrom)
        to = Self.localPart(envelope.firstTo)
        cc = Self.localPart(envelope.firstCc)
        displayFrom = Self.display(envelope.firstFrom)
        displayTo = Self.display(envelope.firstTo)
        messageID = Self.identifiers(envelope, .messageID).first
        references = Self.identifiers(envelope, .references)
        if references.isEmpty {
            // RFC 5256 §3, REFERENCES (1): the first valid one.
            references = Array(Self.identifiers(envelope, .inReplyTo).prefix(1))
        } else if references.count > Self.maximumReferences {
            references.removeSubrange(1...(references.count - Self.maximumReferences))
        }
    }

    private static func identifiers(
        _ envelope: EnvelopeWriter, _ name: KnownField.Name
    ) -> [[UInt8]] {
        guard let value = envelope.value(name) else { return [] }
        return MessageIdentifier.parse(Array(envelope.source[value])[...]).map {
            unquoted(Array($0.value.utf8))
        }
    }

    /// `"abc"@example.org` is the same identifier as `abc@example.org` (RFC 5256 §3, THREAD).
    private static func unquoted(_ identifier: [UInt8]) -> [UInt8] {
        guard identifier.first == UInt8(ascii: "\"") else { return identifier }
        var text: [UInt8] = []
        var index = 1
        while index < identifier.count, identifier[index] != UInt8(ascii: "\"") {
            if identifier[index] == UInt8(ascii: "\\"), index + 1 < identifier.count { index += 1 }
            text.append(identifier[index])
            index += 1
        }
        guard index < identifier.count else { return identifier }
        return text + identifier[(index + 1)...]
    }

    private static func localPart(_ address: AddressWriter.First?) -> [UInt8] {
        address.map { Folding.sortKey($0.localPart) } ?? []
    }

    /// RFC 5957 §3: the display name, or else the address.
    private static func display(_ address: AddressWriter.First?) -> [UInt8] {
        guard let address else { return [] }
        let name = HeaderText.decoded(address.name)
        guard name.allSatisfy(\.isSpaceOrLineEnd) else { return Folding.sortKey(name) }
        let domain = address.domain.isEmpty ? [] : [UInt8(ascii: "@")] + address.domain
        return Folding.sortKey(address.localPart + domain)
    }

    // MARK: Stored form

    package var encoded: [UInt8] {
        var writer = CompactWriter()
        writer.number(
            (sentDate == nil ? 0 : 1) | (isReplyOrForward ? 2 : 0) | (messageID == nil ? 0 : 4))
        if let sentDate {
            writer.signed(Int(sentDate.seconds))
            writer.signed(sentDate.offsetMinutes)
        }
        for key in [subject, from, to, cc, displayFrom, displayTo] { writer.string(key) }
        if let messageID { writer.string(messageID) }
        writer.strings(references)
        return writer.octets
    }

    /// Facts that need not be read when nobody wants them; what is not read stays empty.
    package struct Wanted: OptionSet, Hashable, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        package static let subject = Self(rawValue: 1 << 0)
        package static let from = Self(rawValue: 1 << 1)
        package static let to = Self(rawValue: 1 << 2)
        package static let cc = Self(rawValue: 1 << 3)
        package static let displayFrom = Self(rawValue: 1 << 4)
        package static let displayTo = Self(rawValue: 1 << 5)
        /// `messageID` and `references`.
        package static let thread = Self(rawValue: 1 << 6)
        package static let all = Self(rawValue: 1 << 7 - 1)
    }

    /// Reads the stored form; nil if it is damaged, as far as it is read.
    ///
    /// `sentDate` and `isReplyOrForward` are always read. A mailbox is sorted by one fact or two of
    /// each message: those behind the last that is wanted are not looked at.
    package init?(stored: UnsafeRawBufferPointer, _ wanted: Wanted) {
        guard let head = StoredFacts(stored) else { return nil }
        (sentDate, isReplyOrForward) = (head.sentDate, head.isReplyOrForward)
        if wanted.isEmpty { return }
        var reader = head.reader
        guard reader.string(into: &subject, if: wanted.contains(.subject)),
            reader.string(into: &from, if: wanted.contains(.from)),
            reader.string(into: &to, if: wanted.contains(.to)),
            reader.string(into: &cc, if: wanted.contains(.cc)),
            reader.string(into: &displayFrom, if: wanted.contains(.displayFrom)),
            reader.string(into: &displayTo, if: wanted.contains(.displayTo))
        else { return nil }
        guard wanted.contains(.thread) else { return }
        if head.hasMessageID {
            guard let identifier = reader.string() else { return nil }
            messageID = Array(identifier)
        }
        guard let references = reader.strings(), reader.isAtEnd else { return nil }
        self.references = references
    }

    /// Reads all of the stored form; nil if it is damaged.
    package init?(encoded: some Collection<UInt8>) {
        let facts = Array(encoded).withUnsafeBytes { Self(stored: $0, .all) }
        guard let facts else { return nil }
        self = facts
    }
}
