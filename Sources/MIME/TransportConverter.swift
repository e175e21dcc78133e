// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Carries out `TransportChanges` on a message that streams by; memory does not grow with it.
package struct TransportConverter: Sendable {
    private let changes: [TransportChanges.Change]
    private var next = 0
    private var offset = 0
    private var encoder: Encoder?

    package init(_ changes: TransportChanges) { self.changes = changes.changes }

    /// The next piece of the message, changed; pieces may be cut anywhere.
    package mutating func convert(_ piece: [UInt8]) -> [UInt8] {
        guard next < changes.count || encoder != nil else { return piece }
        var result: [UInt8] = []
        result.reserveCapacity(piece.count + piece.count / 2)
        var rest = piece[...]
        while true {
            begin(&result)
            guard next < changes.count else { break }
            let change = changes[next]
            // Up to the change's begin, or to its end if we are in it.
            let isInside = offset >= change.range.lowerBound
            let limit = isInside ? change.range.upperBound : change.range.lowerBound
            let part = rest.prefix(limit - offset)
            guard !part.isEmpty else { break }
            if !isInside {
                result += part
            } else if encoder != nil {
                encoder?.encode(part, into: &result)
            }
            offset += part.count
            rest = rest.dropFirst(part.count)
        }
        result += rest
        offset += rest.count
        return result
    }

    /// What is left at the message's end.
    package mutating func finish() -> [UInt8] {
        var result: [UInt8] = []
        begin(&result)
        return result
    }

    /// Ends the changes that end here, and begins those that begin here.
    private mutating func begin(_ result: inout [UInt8]) {
        while next < changes.count {
            let change = changes[next]
            if offset == change.range.lowerBound, encoder == nil {
                switch change.action {
                case .replace(let octets): result += octets
                case .encode(let encoding): encoder = Encoder(encoding)
                }
            }
            guard offset >= change.range.upperBound else { return }
            encoder?.finish(into: &result)
            encoder = nil
            next += 1
        }
    }

    /// Encodes a body piece by piece.
    private struct Encoder: Sendable {
        private let isBase64: Bool
        /// Octets that do not fill a line yet.
        private var held: [UInt8] = []
        private var hasOutput = false

        /// Of base64: 76 characters (RFC 2045 §6.8).
        private static let lineOctets = 57

        init(_ encoding: TransferEncoding) { isBase64 = encoding == .base64 }

        mutating func encode(_ part: ArraySlice<UInt8>, into result: inout [UInt8]) {
            held += part
            let whole: Int
            if isBase64 {
                whole = held.count / Self.lineOctets * Self.lineOctets
            } else {
                whole = held.lastIndex(of: .lineFeed).map { $0 + 1 } ?? 0
            }
            guard whole > 0 else { return }
            write(held[..<whole], into: &result)
            held.removeFirst(whole)
        }

        mutating func finish(into result: inout [UInt8]) {
            write(held[...], into: &result)
            held = []
        }

        private mutating func write(_ octets: ArraySlice<UInt8>, into result: inout [UInt8]) {
            guard isBase64 else {
                result += QuotedPrintable.encode(octets)
                return
            }
            var rest = octets
            while !rest.isEmpty {
                let line = rest.prefix(Self.lineOctets)
                rest = rest.dropFirst(line.count)
                // The line end before a delimiter belongs to that: only between lines.
                if hasOutput { result += [.carriageReturn, .lineFeed] }
                result += Base64.encode(line).utf8
                hasOutput = true
            }
        }
    }
}
