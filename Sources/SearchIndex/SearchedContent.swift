// SPDX-License-Identifier: Apache-2.0

import Bytes
import MessageStore
import Summary

/// The octets of a message that texts are found in, in bounded memory.
///
/// A large message is mostly attachments, which hold no text: they are left out.
struct SearchedContent {
    private(set) var octets: [UInt8] = []
    /// Whether nothing that could be found is missing.
    private(set) var isWhole = true

    /// A message up to this size is read as it is, and no more of a larger one.
    private static let maximumOctets = 512 << 10
    /// A part without text that is larger is left out.
    private static let attachmentOctets = 64 << 10

    /// Fails with `.corrupt` if the message cannot be read.
    init(of row: MessageRow, in mailboxes: Mailboxes) async throws {
        let count = row.octets - row.prefix.utf8.count
        guard count > Self.maximumOctets else {
            try await read(0..<count, of: row, in: mailboxes)
            return
        }
        var place = 0
        for part in try await Self.layout(of: row, in: mailboxes)?.parts ?? [] {
            guard part.kind == .leaf, !part.isText, part.body.lowerBound >= place,
                part.body.count > Self.attachmentOctets
            else { continue }
            try await read(place..<part.body.lowerBound, of: row, in: mailboxes)
            // Those hold text, whatever their type is called (RFC 2046 §5.2).
            let header = octets.suffix(part.header.count).map(\.lowercased)
            if ["message/", "multipart/"].contains(where: { header.contains(Array($0.utf8)) }) {
                isWhole = false
            }
            place = part.body.upperBound
        }
        try await read(place..<count, of: row, in: mailboxes)
    }

    /// Where the parts stand, if that is known.
    private static func layout(of row: MessageRow, in mailboxes: Mailboxes) async throws -> Layout?
    {
        try await mailboxes.summaryLayout(of: row.content).flatMap { Layout(encoded: $0) }
    }

    private mutating func read(
        _ range: Range<Int>, of row: MessageRow, in mailboxes: Mailboxes
    ) async throws {
        let end = min(range.upperBound, range.lowerBound + Self.maximumOctets - octets.count)
        if end < range.upperBound { isWhole = false }
        var place = range.lowerBound
        guard place < end else { return }
        var reader = mailboxes.read(row.content, from: place)
        while place < end, let piece = try await reader.next() {
            octets += piece.prefix(end - place)
            place += piece.count
        }
    }
}
