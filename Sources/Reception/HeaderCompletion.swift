// SPDX-License-Identifier: Apache-2.0

import Bytes
import Journal
import MIME
import Mail
import World

/// What a submission's header lacks, and what recipients must not see of it (RFC 6409 §8).
struct HeaderCompletion {
    /// The header with its empty line, without blind copies.
    let header: [UInt8]
    let scan: HeaderScan

    init(_ header: [UInt8]) { self.init(header, HeaderScan(header[...])) }

    /// With the scan of it, where that is known already.
    init(_ header: [UInt8], _ scan: HeaderScan) {
        self.scan = scan
        // RFC 5322 §3.6.3: by one of the ways it allows, nobody sees to whom blind copies went.
        self.header =
            scan.hasBlindCopies ? HeaderScan.withoutBlindCopies(header[...]) : header
    }

    /// The message has no header at all: its body begins at once, without an empty line.
    var isBodyOnly: Bool { scan.headerEnd == 0 && scan.bodyStart == 0 }

    /// RFC 6409 §8.1 Sender, §8.2 Date and §8.3 Message-ID, where they are missing.
    ///
    /// A Sender is missing where From names several authors (RFC 5322 §3.6.2).
    func additions(
        at time: Timestamp, queueID: QueueID, domain: Domain, sender: Address?
    ) -> [UInt8] {
        var text = ""
        if !scan.hasDate { text += "Date: \(CalendarDate(time).internetMessageFormat)\r\n" }
        if !scan.hasMessageIdentifier { text += "Message-ID: <\(queueID)@\(domain)>\r\n" }
        if !scan.hasSender, let sender, hasSeveralAuthors { text += "Sender: <\(sender)>\r\n" }
        return Array(text.utf8)
    }

    private var hasSeveralAuthors: Bool {
        // An address list of one is by far the usual case: look for the comma first.
        guard let from = HeaderScan.value(of: "From", in: header[...]),
            from.contains(UInt8(ascii: ","))
        else { return false }
        var defects = DefectList()
        return AddressList(from, defects: &defects).participants.count > 1
    }
}
