// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Journal
import MIME
import Mail
import SMTP
import World

/// What a submission server checks and adds in the header of its users' messages (RFC 6409 §8).
struct SubmissionHeader {
    private let header: [UInt8]
    private let scan: HeaderScan
    private let account: Account
    private let registry: Registry

    init(_ header: [UInt8], _ scan: HeaderScan, account: Account, registry: Registry) {
        self.header = header
        self.scan = scan
        self.account = account
        self.registry = registry
    }

    /// Every author named in From must be the account itself: recipients trust what they read
    /// there more than any envelope (RFC 6409 §6.1 leaves it to the site).
    func judge() async throws(Reply) {
        guard let from = HeaderScan.value(of: "From", in: header[...]) else {
            throw .authorMissing
        }
        var defects = DefectList()
        let authors = AddressList(from, defects: &defects).participants
        guard !authors.isEmpty else { throw .authorMissing }
        for author in authors {
            guard let address = author.address, await registry.mayUse(account.id, as: address)
            else { throw .authorNotOwned }
        }
    }

    /// RFC 6409 §8.2 Date and §8.3 Message-ID, where they are missing.
    func additions(at time: Timestamp, queueID: QueueID, host: Domain) -> [UInt8] {
        var text = ""
        if !scan.hasDate { text += "Date: \(CalendarDate(time).internetMessageFormat)\r\n" }
        if !scan.hasMessageIdentifier {
            text += "Message-ID: <\(queueID)@\(account.login.domain ?? host)>\r\n"
        }
        return Array(text.utf8)
    }
}

extension Reply {
    static let authorMissing = Reply(
        554, 5, 6, 0, "The message has no From field that names its author (RFC 5322 section 3.6.2)"
    )
    static let authorNotOwned = Reply(
        550, 5, 7, 1, "The From field names an address that is not this account's")
}
