// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Makes of a message what goes on the wire: mail data with its dots doubled, or BDAT chunks.
enum ContentEncoder: Sendable {
    case data(DotStuffer)
    case chunks(ChunkFramer)

    mutating func encode(_ piece: consuming [UInt8]) -> [UInt8] {
        switch self {
        case .data(var stuffer):
            let encoded = stuffer.encode(piece)
            self = .data(stuffer)
            return encoded
        case .chunks(var framer):
            // Not held twice while it grows.
            self = .data(DotStuffer())
            let encoded = framer.encode(piece)
            self = .chunks(framer)
            return encoded
        }
    }

    mutating func finish() -> [UInt8] {
        switch self {
        case .data(var stuffer): return stuffer.finish()
        case .chunks(var framer):
            let encoded = framer.finish()
            self = .chunks(framer)
            return encoded
        }
    }

    /// BDAT commands given out so far; none with DATA.
    var chunks: Int { if case .chunks(let framer) = self { framer.chunks } else { 0 } }
}

/// Cuts a message into BDAT commands (RFC 3030 §2), each with its exact count.
struct ChunkFramer: Sendable {
    /// What waits until it is known whether more follows: the last chunk says that it is one.
    private var held: [UInt8] = []
    /// Text has CR LF at each line's end (RFC 3030 §2); binary content goes as it is.
    private var lines: DotStuffer?
    private(set) var chunks = 0

    /// Of a chunk, but for a piece that is larger by itself: a peer that has no room says so
    /// after each.
    static let chunkOctets = 256 << 10

    init(isBinary: Bool) {
        lines = isBinary ? nil : DotStuffer(doublingDots: false)
    }

    mutating func encode(_ octets: consuming [UInt8]) -> [UInt8] {
        var piece = octets
        if let encoded = lines?.encode(piece) { piece = encoded }
        guard !held.isEmpty, held.count + piece.count > Self.chunkOctets else {
            if held.isEmpty { held = piece } else { held += piece }
            return []
        }
        let chunk = frame(isLast: false)
        held = piece
        return chunk
    }

    mutating func finish() -> [UInt8] {
        if let end = lines?.finishLine() { held += end }
        return frame(isLast: true)
    }

    private mutating func frame(isLast: Bool) -> [UInt8] {
        chunks += 1
        let command = "BDAT \(held.count)\(isLast ? " LAST" : "")\r\n"
        var chunk: [UInt8] = []
        chunk.reserveCapacity(command.utf8.count + held.count)
        chunk += command.utf8
        chunk += held
        held = []
        return chunk
    }
}
