// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto
import MailFolders

/// The octets of a message on its way out: in memory, or in a file if there are too many.
package enum MessageContent: Sendable {
    case memory([UInt8])
    case file(LargeContent)

    var octets: Int {
        switch self {
        case .memory(let octets): octets.count
        case .file(let content): content.octets
        }
    }

    /// The first octets, at most so many.
    func prefix(_ count: Int) throws -> [UInt8] {
        switch self {
        case .memory(let octets): Array(octets.prefix(count))
        case .file(let content): try content.read(at: 0, count: min(count, content.octets))
        }
    }

    /// The octets from an offset on.
    func pieces(from start: Int = 0) -> Pieces {
        switch self {
        case .memory(let octets): Pieces(octets, from: start)
        case .file(let content):
            Pieces(start..<content.octets) { try content.read(at: $0, count: $1) }
        }
    }
}

/// SHA-256 of a message, whatever the ends of its lines are where it is kept.
struct CanonicalHash {
    private var hash = SHA256()
    private var last: UInt8 = 0

    /// Takes all that is left of some octets.
    mutating func update(_ pieces: Pieces) throws {
        var pieces = pieces
        while let piece = try pieces.next() { update(piece) }
    }

    mutating func update(_ piece: [UInt8]) {
        hash.update(data: LineEnds.canonical(piece, after: last))
        last = piece.last ?? last
    }

    consuming func finish() -> [UInt8] { Array(hash.finalize()) }
}
