// SPDX-License-Identifier: Apache-2.0

package import Storage

/// Reads a content piece by piece, so that memory stays flat whatever its size.
package struct ContentReader: Sendable {
    private let store: any Store
    private let bodies: any BodyFiles
    private let id: Content.ID
    private var place = Place.unknown
    private var prefix: [UInt8]
    private var cut: TopCutter?
    private let start: Int

    private enum Place {
        case unknown
        /// `file` follows, if there is one.
        case row(offset: Int, octets: Int, file: File?)
        case file(File, offset: Int)
        case end
    }

    private struct File {
        let name: String
        let octets: Int
    }

    /// The size of a piece; a message of the usual size is one.
    package static let pieceOctets = 256 << 10
    /// What is so short is read at once: the way to the reading thread and back costs more.
    private static let shortOctets = 16 << 10

    /// `prefix` comes first; with `top` it ends after the header, the empty line and that many
    /// lines of the body (RFC 1939 §7 TOP).
    ///
    /// The content is read from `start` on.
    package init(
        _ id: Content.ID, store: any Store, bodies: any BodyFiles, prefix: [UInt8] = [],
        top lines: Int? = nil, from start: Int = 0
    ) {
        self.start = start
        self.id = id
        self.store = store
        self.bodies = bodies
        self.prefix = prefix
        cut = lines.map { TopCutter(bodyLines: $0) }
    }

    /// Hands out octets that are at hand already: nothing is read.
    package init(
        _ id: Content.ID, store: any Store, bodies: any BodyFiles, whole body: [UInt8]
    ) {
        self.init(id, store: store, bodies: bodies, prefix: body)
        place = .end
    }

    /// The next octets, never none; nil at the end.
    ///
    /// `.corrupt` if the content has gone or is shorter than it should be.
    package mutating func next() async throws -> [UInt8]? {
        var piece = prefix
        prefix = []
        if piece.isEmpty { piece = try await read() }
        if let kept = cut?.keep(piece) {
            if kept < piece.count {
                piece.removeLast(piece.count - kept)
                place = .end
            }
        }
        return piece.isEmpty ? nil : piece
    }

    private mutating func read() async throws -> [UInt8] {
        if case .unknown = place { place = try locate() }
        switch place {
        case .unknown, .end: return []
        case .row(let offset, let octets, let file):
            let work: @Sendable (any Transaction) throws -> [UInt8] = { [id] in
                try Self.rowPiece(of: id, at: offset, $0)
            }
            let piece =
                octets - offset <= Self.shortOctets
                ? try store.lookUp(work) : try await store.read(work)
            place =
                try advanced(offset, by: piece.count, of: octets).map {
                    .row(offset: $0, octets: octets, file: file)
                } ?? file.map { .file($0, offset: 0) } ?? .end
            return piece
        case .file(let file, let offset):
            let piece = try await bodies.read(
                file.name, at: offset, count: min(Self.pieceOctets, file.octets - offset))
            place =
                try advanced(offset, by: piece.count, of: file.octets).map {
                    .file(file, offset: $0)
                } ?? .end
            return piece
        }
    }

    private func locate() throws -> Place {
        let (id, start) = (id, start)
        let place = try store.lookUp { transaction in
            try transaction.first(
                "SELECT octets, file, head_octets FROM content WHERE id = ?", [.integer(id.value)]
            ) { row -> Place in
                let (octets, head) = (Int(row.integer(0)), Int(row.integer(2)))
                guard start < octets else { return .end }
                guard let name = row.optionalText(1) else {
                    return .row(offset: start, octets: octets, file: nil)
                }
                let file = File(name: name, octets: octets - head)
                return start >= head
                    ? .file(file, offset: start - head)
                    : .row(offset: start, octets: head, file: file)
            }
        }
        guard let place else { throw StorageFailure.corrupt("the message has been removed") }
        return place
    }

    /// The next offset; nil at the end.
    private func advanced(_ offset: Int, by count: Int, of octets: Int) throws -> Int? {
        let next = offset + count
        guard next < octets else { return nil }
        guard count > 0 else {
            throw StorageFailure.corrupt("a message body is shorter than it should be")
        }
        return next
    }

    private static func rowPiece(
        of id: Content.ID, at offset: Int, _ transaction: any Transaction
    ) throws -> [UInt8] {
        // SQL counts from 1.
        try transaction.first(
            "SELECT substr(body, ?, ?) FROM content_body WHERE content_id = ?",
            [.integer(Int64(offset + 1)), .integer(Int64(pieceOctets)), .integer(id.value)]
        ) { $0.blob(0) } ?? []
    }
}

/// Finds where the header and so many lines of the body end.
struct TopCutter: Sendable {
    private var bodyLines: Int
    private var isInHeader = true
    private var isLineEmpty = true

    init(bodyLines: Int) { self.bodyLines = bodyLines }

    /// How many octets of the next piece belong to the top.
    mutating func keep(_ piece: [UInt8]) -> Int {
        for index in piece.indices {
            guard isInHeader || bodyLines > 0 else { return index }
            switch piece[index] {
            case UInt8(ascii: "\n"):
                if isInHeader {
                    isInHeader = !isLineEmpty
                } else {
                    bodyLines -= 1
                }
                isLineEmpty = true
            case UInt8(ascii: "\r"): break
            default: isLineEmpty = false
            }
        }
        return piece.count
    }
}
