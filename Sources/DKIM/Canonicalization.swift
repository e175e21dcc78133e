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
        append(name: field.name, value: field.value, whole: field.whole, to: &result)
    }

    func append(
        name: ArraySlice<UInt8>, value: ArraySlice<UInt8>, whole: ArraySlice<UInt8>,
        to result: inout [UInt8]
    ) {
        guard self == .relaxed else {
            result += whole
            if result.last != .lineFeed { result += [.carriageReturn, .lineFeed] }
            return
        }
        for octet in name { result.append(octet.lowercased) }
        result.append(UInt8(ascii: ":"))
        let start = result.count
        var isSpacePending = false
        for octet in value {
            switch octet {
            // Unfolding: line ends go, the white space behind them stays.
            case .carriageReturn, .lineFeed: break
            case .space, .tab: isSpacePending = true
            default:
                if isSpacePending, result.count > start { result.append(.space) }
                isSpacePending = false
                result.append(octet)
            }
        }
        result += [.carriageReturn, .lineFeed]
    }
}

/// Brings a body into the form that is signed, piece by piece as it comes (RFC 6376 §3.4.3, §3.4.4).
package struct BodyCanonicalizer: Sendable {
    private let form: Canonicalization
    /// Line ends that count only if something follows them.
    private var pendingLines = 0
    /// White space that counts only if its line goes on.
    private var isSpacePending = false
    private var isReturnPending = false
    private var isEmpty = true

    package init(_ form: Canonicalization) { self.form = form }

    /// Takes the next piece and appends what is certain by now.
    package mutating func update(_ piece: UnsafeRawBufferPointer, into result: inout [UInt8]) {
        guard var position = piece.baseAddress else { return }
        let end = position + piece.count
        while position < end {
            // The common case: a run of octets that mean only themselves.
            var next = position
            while next < end, Self.isPlain(next.load(as: UInt8.self)) { next += 1 }
            if next > position {
                settle(into: &result)
                result.append(
                    contentsOf: UnsafeRawBufferPointer(start: position, count: next - position))
                position = next
                continue
            }
            take(position.load(as: UInt8.self), into: &result)
            position += 1
        }
    }

    /// Neither white space nor part of a line end.
    @inline(__always)
    private static func isPlain(_ octet: UInt8) -> Bool {
        octet > 0x20 || octet != 0x20 && octet != 0x09 && octet != 0x0D && octet != 0x0A
    }

    private mutating func take(_ octet: UInt8, into result: inout [UInt8]) {
        switch octet {
        case .carriageReturn:
            if isReturnPending { literal(.carriageReturn, into: &result) }
            isReturnPending = true
        case .lineFeed where isReturnPending:
            isReturnPending = false
            // White space at the end of a line goes (relaxed).
            isSpacePending = false
            pendingLines += 1
        case .lineFeed: literal(.lineFeed, into: &result)
        default:
            if form == .relaxed {
                if isReturnPending { literal(.carriageReturn, into: &result) }
                isReturnPending = false
                isSpacePending = true
            } else {
                settle(into: &result)
                result.append(octet)
            }
        }
    }

    /// A CR or LF by itself is an octet like others.
    private mutating func literal(_ octet: UInt8, into result: inout [UInt8]) {
        isReturnPending = false
        settle(into: &result)
        result.append(octet)
    }

    /// Writes what was pending: something follows it.
    private mutating func settle(into result: inout [UInt8]) {
        if pendingLines > 0 {
            for _ in 0..<pendingLines { result += [.carriageReturn, .lineFeed] }
            pendingLines = 0
        }
        if isSpacePending {
            result.append(.space)
            isSpacePending = false
        }
        if isReturnPending {
            result.append(.carriageReturn)
            isReturnPending = false
        }
        isEmpty = false
    }

    /// Appends the end: empty lines at the end do not count, the last line has its CRLF.
    package mutating func finish(into result: inout [UInt8]) {
        if isReturnPending { literal(.carriageReturn, into: &result) }
        // §3.4.3: an empty body is CRLF; §3.4.4: or nothing.
        if !isEmpty || form == .simple { result += [.carriageReturn, .lineFeed] }
    }
}
