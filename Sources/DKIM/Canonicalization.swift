// SPDX-License-Identifier: Apache-2.0

import Bytes

/// How much a message may change on its way (RFC 6376 §3.4).
package enum Canonicalization: String, Hashable, Sendable {
    /// Hardly anything.
    case simple
    /// White space and the case of field names.
    case relaxed

    /// Writes a field as it is signed, with its final CRLF (§3.4.1, §3.4.2).
    package func append(_ field: FieldList.Field, to result: inout [UInt8]) {
        result += canonical([field])
    }

    /// Fields as they are signed, each with its final CRLF (§3.4.1, §3.4.2).
    package func canonical(_ fields: [FieldList.Field]) -> [UInt8] {
        var most = 0
        for field in fields { most += field.whole.count + Self.additionalOctets }
        return [UInt8](unsafeUninitializedCapacity: most) { result, count in
            for field in fields {
                let rest = UnsafeMutableBufferPointer(rebasing: result[count...])
                count += self == .simple ? simple(field, rest) : relaxed(field, rest)
            }
        }
    }

    /// A field may lack its CRLF; all else can only get shorter.
    private static let additionalOctets = 2

    private func simple(
        _ field: FieldList.Field, _ result: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        var count = result.update(fromContentsOf: field.whole)
        if field.whole.last != .lineFeed {
            result[count] = .carriageReturn
            result[count + 1] = .lineFeed
            count += 2
        }
        return count
    }

    private func relaxed(
        _ field: FieldList.Field, _ result: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        var count = 0
        field.name.withUnsafeBufferPointer { name in
            for octet in name {
                result[count] = octet.lowercased
                count += 1
            }
        }
        result[count] = UInt8(ascii: ":")
        count += 1
        let start = count
        var isSpacePending = false
        field.value.withUnsafeBufferPointer { value in
            for octet in value {
                if octet > 0x20 {
                    if isSpacePending {
                        if count > start {
                            result[count] = .space
                            count += 1
                        }
                        isSpacePending = false
                    }
                } else if octet.isWhitespace {
                    isSpacePending = true
                    continue
                } else if octet == .carriageReturn || octet == .lineFeed {
                    // Unfolding: line ends go, the white space behind them stays.
                    continue
                } else if isSpacePending {
                    if count > start {
                        result[count] = .space
                        count += 1
                    }
                    isSpacePending = false
                }
                result[count] = octet
                count += 1
            }
        }
        result[count] = .carriageReturn
        result[count + 1] = .lineFeed
        return count + 2
    }
}

/// Brings a body into the form that is signed, piece by piece as it comes (RFC 6376 §3.4.3, §3.4.4).
///
/// Nearly all of a body is as it should be: it is searched, sixteen octets at a time, for the places
/// that are not, and what lies between them is handed on without being copied.
package struct BodyCanonicalizer: Sendable {
    private let form: Canonicalization
    /// Line ends that count only if something follows them.
    private var pendingLines = 0
    /// White space that counts only if its line goes on.
    private var isSpacePending = false
    private var isReturnPending = false
    private var isEmpty = true

    package init(_ form: Canonicalization) { self.form = form }

    /// Takes the next piece and hands over what is certain by now, in runs of any length.
    package mutating func update(
        _ piece: UnsafeRawBufferPointer, _ take: (UnsafeRawBufferPointer) -> Void
    ) {
        let settled = self.settled(piece)
        var position = 0
        while position < piece.count {
            guard isPlain(piece[position]) else {
                accept(piece[position], take)
                position += 1
                continue
            }
            settle(take)
            let end = regularEnd(piece, from: position, settled)
            take(UnsafeRawBufferPointer(rebasing: piece[position..<end]))
            position = end
        }
    }

    /// Neither part of a line end nor, where it matters, white space.
    @inline(__always)
    private func isPlain(_ octet: UInt8) -> Bool {
        octet > 0x20
            || octet != .carriageReturn && octet != .lineFeed
                && (form == .simple || octet != .space && octet != .tab)
    }

    /// The end of the piece without what may be the end of the body.
    private func settled(_ piece: UnsafeRawBufferPointer) -> Int {
        var end = piece.count
        while end > 0, !isPlain(piece[end - 1]) { end -= 1 }
        return end
    }

    /// Where octets end that stay as they are: single spaces within lines, and line ends before
    /// `settled`, are among them.
    private func regularEnd(
        _ piece: UnsafeRawBufferPointer, from start: Int, _ settled: Int
    ) -> Int {
        guard form == .relaxed, let base = piece.baseAddress else { return settled }
        var index = start
        let spaces = SIMD16<UInt8>(repeating: .space)
        let tabs = SIMD16<UInt8>(repeating: .tab)
        let returns = SIMD16<UInt8>(repeating: .carriageReturn)
        while index + 17 <= settled {
            let octets = base.loadUnaligned(fromByteOffset: index, as: SIMD16<UInt8>.self)
            let next = base.loadUnaligned(fromByteOffset: index + 1, as: SIMD16<UInt8>.self)
            let isIrregular =
                (octets .== tabs)
                .| ((octets .== spaces)
                    .& ((next .== spaces) .| (next .== tabs)
                        .| (next .== returns)))
            if let lane = isIrregular.firstLane { return index + lane }
            index += 16
        }
        // The last octet before `settled` is a plain one, so each space has a next one.
        while index < settled {
            let octet = piece[index]
            if octet == .tab { return index }
            if octet == .space {
                let next = piece[index + 1]
                if next.isWhitespace || next == .carriageReturn { return index }
            }
            index += 1
        }
        return settled
    }

    private mutating func accept(
        _ octet: UInt8, _ take: (UnsafeRawBufferPointer) -> Void
    ) {
        switch octet {
        case .carriageReturn:
            if isReturnPending { literal(.carriageReturn, take) }
            isReturnPending = true
        case .lineFeed where isReturnPending:
            isReturnPending = false
            // White space at the end of a line goes (relaxed).
            isSpacePending = false
            pendingLines += 1
        case .lineFeed: literal(.lineFeed, take)
        default:
            if isReturnPending { literal(.carriageReturn, take) }
            isReturnPending = false
            isSpacePending = true
        }
    }

    /// A CR or LF by itself is an octet like others.
    private mutating func literal(
        _ octet: UInt8, _ take: (UnsafeRawBufferPointer) -> Void
    ) {
        isReturnPending = false
        settle(take)
        withUnsafeBytes(of: octet) { take($0) }
    }

    /// Writes what was pending: something follows it.
    private mutating func settle(_ take: (UnsafeRawBufferPointer) -> Void) {
        isEmpty = false
        guard pendingLines > 0 || isSpacePending || isReturnPending else { return }
        Self.lineEnds.withUnsafeBytes { lineEnds in
            while pendingLines > 0 {
                let count = min(pendingLines, lineEnds.count / 2)
                take(UnsafeRawBufferPointer(rebasing: lineEnds[..<(2 * count)]))
                pendingLines -= count
            }
        }
        if isSpacePending { withUnsafeBytes(of: UInt8.space) { take($0) } }
        if isReturnPending { withUnsafeBytes(of: UInt8.carriageReturn) { take($0) } }
        isSpacePending = false
        isReturnPending = false
    }

    /// As many empty lines may come as a message is long: they are counted, and written in parts.
    private static let lineEnds: [UInt8] = (0..<1024).map {
        $0.isMultiple(of: 2) ? .carriageReturn : .lineFeed
    }

    /// Hands over the end: empty lines at the end do not count, the last line has its CRLF.
    package mutating func finish(_ take: (UnsafeRawBufferPointer) -> Void) {
        if isReturnPending { literal(.carriageReturn, take) }
        // §3.4.3: an empty body is CRLF; §3.4.4: or nothing.
        if !isEmpty || form == .simple {
            Self.lineEnds.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[..<2])) }
        }
    }
}
