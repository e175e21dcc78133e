// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// The mark on a record that a template has put into a zone, and may change or take away.
///
/// A mark speaks of a record as it was written: once somebody edits the record, it is theirs.
package struct ManagedRecord: Hashable, Sendable {
    package let owner: Name
    package let type: RecordType
    package let data: RecordData

    package init(owner: Name, type: RecordType, data: RecordData) {
        self.owner = owner
        self.type = type
        // However a text is cut into strings, it says the same.
        if case .txt(let strings) = data {
            self.data = .txt(Self.cut(strings.flatMap { $0 }))
        } else {
            self.data = data
        }
    }

    package init(_ record: ResourceRecord) {
        self.init(owner: record.owner, type: record.type, data: record.data)
    }

    /// Reads what `text` wrote; nil for anything else.
    package init?(_ text: String) {
        let words = text.split(separator: "\t", maxSplits: 2)
        guard words.count == 3, let owner = try? Name(words[0]),
            let type = RecordType(mnemonic: words[1].utf8),
            let data = try? RecordData(type, text: words[2])
        else { return nil }
        self.init(owner: owner, type: type, data: data)
    }

    /// One line without its end: a record without TTL and class.
    package var text: String { "\(owner.absolute)\t\(type)\t\(data.text(as: type))" }

    /// A text as the strings of a TXT record, which hold 255 octets each (RFC 1035 §3.3).
    package static func cut(_ text: [UInt8]) -> [[UInt8]] {
        guard text.count > 255 else { return [text] }
        return stride(from: 0, to: text.count, by: 255).map {
            Array(text[$0..<min($0 + 255, text.count)])
        }
    }
}

/// What belongs together at a name: a type's records, of TXT those of one purpose.
///
/// A place is a template's or a person's, as a whole: half of an MX set is nobody's.
struct TemplatePlace: Hashable, Sendable {
    let owner: Name
    let type: RecordType
    /// How such a text begins; nil for a name whose texts have one purpose all.
    let version: Version?

    enum Version: String, Hashable, Sendable, CaseIterable {
        case spf = "v=spf1"
        case dmarc = "v=DMARC1"
        case transportPolicy = "v=STSv1"
        case transportReports = "v=TLSRPTv1"
    }

    init(_ owner: Name, _ type: RecordType, _ data: RecordData) {
        self.owner = owner
        self.type = type
        let text = data.text ?? []
        version = Version.allCases.first { version in
            text.prefix(version.rawValue.utf8.count).equalsIgnoringCase(version.rawValue.utf8)
        }
    }

    init(_ record: ManagedRecord) { self.init(record.owner, record.type, record.data) }
}
