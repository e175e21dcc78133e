// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Journal
import MIME
import Mail
import SMTP
import Tenancy
import World

/// What a submission's header lacks, and what recipients must not see of it (RFC 6409 §8).
struct SubmissionHeader {
    /// What travels of it: without blind copies.
    private(set) var header: [UInt8]
    private let scan: HeaderScan
    /// Whether a Sender is to be trusted that the header has.
    private var hasSender: Bool

    /// With the scan of the header.
    init(_ header: [UInt8], _ scan: HeaderScan) {
        self.scan = scan
        hasSender = scan.hasSender
        // RFC 5322 §3.6.3: by one of the ways it allows, nobody sees to whom blind copies went.
        self.header =
            scan.hasBlindCopies
            ? HeaderScan.without(["bcc", "resent-bcc"], header[...]) : header
    }

    /// The message has no header at all: its body begins at once, without an empty line.
    var isBodyOnly: Bool { scan.headerEnd == 0 && scan.bodyStart == 0 }

    /// Every author named in From must be the account itself, or one as whom it may write:
    /// recipients trust what they read there more than any envelope (RFC 6409 §6.1 leaves it to
    /// the site).
    ///
    /// A Sender that is somebody else goes (RFC 6409 §8.1).
    mutating func judge(_ account: Account, by rights: SendingRights) async throws(Reply) {
        let authors = authors
        guard !authors.isEmpty else { throw .authorMissing }
        for author in authors {
            guard let address = author.address, await rights.mayUse(account, as: address)
            else { throw .authorNotOwned }
        }
        guard let value = HeaderScan.value(of: "Sender", in: header[...]) else { return }
        var defects = DefectList()
        if let address = AddressList(value, defects: &defects).participants.first?.address,
            await rights.mayUse(account, as: address)
        {
            return
        }
        header = HeaderScan.without(["sender"], header[...])
        hasSender = false
    }

    /// The domains of those named in From, in their order.
    var authorDomains: [Domain] { authors.compactMap { $0.address?.domain } }

    private var authors: [Participant] {
        guard let from = HeaderScan.value(of: "From", in: header[...]) else { return [] }
        var defects = DefectList()
        return AddressList(from, defects: &defects).participants
    }

    /// RFC 6409 §8.1 Sender, §8.2 Date and §8.3 Message-ID, where they are missing.
    ///
    /// A Sender is missing where From names several authors (RFC 5322 §3.6.2), or where it had to
    /// go.
    func additions(
        at time: Timestamp, queueID: QueueID, domain: Domain, sender: Address?
    ) -> [UInt8] {
        var text = ""
        if !scan.hasDate { text += "Date: \(CalendarDate(time).internetMessageFormat)\r\n" }
        if !scan.hasMessageIdentifier { text += "Message-ID: <\(queueID)@\(domain)>\r\n" }
        if !hasSender, let sender, scan.hasSender || hasSeveralAuthors {
            text += "Sender: \(sender)\r\n"
        }
        return Array(text.utf8)
    }

    private var hasSeveralAuthors: Bool {
        // An address list of one is by far the usual case: look for the comma first.
        HeaderScan.value(of: "From", in: header[...])?.contains(UInt8(ascii: ",")) == true
            && authors.count > 1
    }
}

extension Reply {
    static let authorMissing = Reply(
        554, 5, 6, 0, "The message has no From field that names its author (RFC 5322 section 3.6.2)"
    )
    static let authorNotOwned = Reply(
        550, 5, 7, 1, "The From field names an address that is not this account's")
}
