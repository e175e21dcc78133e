// SPDX-License-Identifier: Apache-2.0

import Bytes
import Hummingbird
import NIOCore

/// Octets that are read where they are as they are sent: more than memory may hold.
package struct OctetSource: Sendable {
    let octets: Int
    let read: @Sendable (_ offset: Int, _ count: Int) throws -> [UInt8]

    package init(
        octets: Int, read: @escaping @Sendable (_ offset: Int, _ count: Int) throws -> [UInt8]
    ) {
        self.octets = octets
        self.read = read
    }

    /// All of them, piece by piece.
    package var pieces: SourcePieces { SourcePieces(source: self) }
}

/// The pieces of an `OctetSource`.
package struct SourcePieces: AsyncSequence, AsyncIteratorProtocol, Sendable {
    private static let pieceOctets = 1 << 20

    let source: OctetSource
    private var offset = 0

    fileprivate init(source: OctetSource) { self.source = source }

    /// They can be read again from the start.
    package func makeAsyncIterator() -> Self { self }

    /// The next piece; nil after the last.
    ///
    /// Throws if there are fewer octets than announced.
    package mutating func next() async throws -> [UInt8]? {
        let count = Swift.min(Self.pieceOctets, source.octets - offset)
        guard count > 0 else { return nil }
        let piece = try source.read(offset, count)
        guard !piece.isEmpty else {
            throw ControlFailure.temporary("there are fewer octets than announced")
        }
        offset += piece.count
        return piece
    }
}

/// A request whose body is a line of JSON and octets behind it, as it is sent.
struct SentCommand: AsyncSequence, AsyncIteratorProtocol, Sendable {
    private var head: ByteBuffer?
    private var pieces: SourcePieces

    init(_ head: ByteBuffer, _ source: OctetSource) {
        self.head = head
        pieces = source.pieces
    }

    func makeAsyncIterator() -> Self { self }

    mutating func next() async throws -> ByteBuffer? {
        if let head {
            self.head = nil
            return head
        }
        return try await pieces.next().map { ByteBuffer(bytes: $0) }
    }
}

/// The same as it arrives: its line is taken first.
struct ArrivingCommand: AsyncSequence, AsyncIteratorProtocol {
    /// Of what is said of one message.
    private static let lineLimitOctets = 1 << 20

    let arguments: JSON
    private var first: [UInt8]
    private var rest: RequestBody.AsyncIterator

    init(_ body: RequestBody) async throws {
        rest = body.makeAsyncIterator()
        first = []
        var end: Int?
        while end == nil {
            guard first.count <= Self.lineLimitOctets, let piece = try await rest.next() else {
                throw ControlFailure.usage("there is no line of JSON before the octets")
            }
            first += piece.readableBytesView
            end = first.firstIndex(of: .lineFeed)
        }
        let line = first[..<(end ?? 0)]
        do {
            arguments = try JSON(parsing: line)
        } catch {
            throw ControlFailure.usage("there is no line of JSON before the octets: \(error)")
        }
        first.removeFirst(line.count + 1)
    }

    func makeAsyncIterator() -> Self { self }

    mutating func next() async throws -> [UInt8]? { try await next(isolation: nil) }

    mutating func next(
        isolation actor: isolated (any Actor)?
    ) async throws(any Error) -> [UInt8]? {
        if !first.isEmpty {
            defer { first = [] }
            return first
        }
        return try await rest.next(isolation: actor).map { [UInt8](buffer: $0) }
    }
}
