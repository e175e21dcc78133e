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
    /// What remains of the user's header.
    private(set) var header: [UInt8]
    private let scan: HeaderScan
    private let account: Account
    private let registry: Registry
    /// RFC 5322 §3.6.2: a message of several authors, or of one for another, names who sent it.
    private var needsSender = false

    init(_ header: [UInt8], _ scan: HeaderScan, account: Account, registry: Registry) {
        self.header = header
        self.scan = scan
        self.account = account
        self.registry = registry
    }

    /// Every author named in From must be the account itself: recipients trust what they read
    /// there more than any envelope (RFC 6409 §6.1 leaves it to the site).
    ///
    /// Then takes out what must not travel: blind copies (RFC 5322 §3.6.3), and a Sender that is
    /// somebody else (RFC 6409 §8.1).
    mutating func judge() async throws(Reply) {
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
        header = Self.removing("Bcc", from: header)
        guard let sender = HeaderScan.value(of: "Sender", in: header[...]) else {
            needsSender = authors.count > 1
            return
        }
        if let address = AddressList(sender, defects: &defects).participants.first?.address,
            await registry.mayUse(account.id, as: address)
        {
            return
        }
        header = Self.removing("Sender", from: header)
        needsSender = true
    }

    /// The header without the fields of that name.
    private static func removing(_ name: String, from header: [UInt8]) -> [UInt8] {
        guard HeaderScan.value(of: name, in: header[...]) != nil else { return header }
        var result: [UInt8] = []
        result.reserveCapacity(header.count)
        var isRemoving = false
        // Lines end with CRLF here: what did not was refused.
        for line in header.split(separator: .lineFeed, omittingEmptySubsequences: false) {
            let end = line.endIndex < header.endIndex ? line.endIndex + 1 : line.endIndex
            if let first = line.first, !first.isWhitespace {
                let word = line.prefix { $0 != UInt8(ascii: ":") }
                let field = word.prefix { !$0.isWhitespace }
                isRemoving = word.count < line.count && field.equalsIgnoringCase(name.utf8)
            }
            if !isRemoving { result += header[line.startIndex..<end] }
        }
        return result
    }

    /// RFC 6409 §8.2 Date and §8.3 Message-ID, where they are missing.
    func additions(at time: Timestamp, queueID: QueueID, host: Domain) -> [UInt8] {
        var text = ""
        if !scan.hasDate { text += "Date: \(CalendarDate(time).internetMessageFormat)\r\n" }
        if !scan.hasMessageIdentifier {
            text += "Message-ID: <\(queueID)@\(account.login.domain ?? host)>\r\n"
        }
        if needsSender { text += "Sender: \(account.login)\r\n" }
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
