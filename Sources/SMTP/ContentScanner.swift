// SPDX-License-Identifier: Apache-2.0

import Bytes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Finds the first `octet` from `start` on, `end` if there is none.
///
/// The C library's search looks at 32 octets at a time.
func position(
    of octet: UInt8, in octets: UnsafeBufferPointer<UInt8>, from start: Int, to end: Int
) -> Int {
    guard start < end, let base = octets.baseAddress,
        let found = memchr(base + start, Int32(octet), end - start)
    else { return end }
    return UnsafeRawPointer(found) - UnsafeRawPointer(base)
}

/// Reads mail data (RFC 5321 §4.5.2): takes the doubled dots out, finds the end, and watches.
///
/// Only CR LF dot CR LF ends it, and the CR LF before the dot belongs to the message. CR or LF
/// alone and NUL are faults: what another server took for the end must not become one by us.
/// Whole stretches are handed on as they arrived; the work is two memory searches per line.
struct ContentScanner {
    /// What the message must not hold.
    enum Fault: Hashable {
        case bareCarriageReturn
        case bareLineFeed
        case null
        case lineTooLong
    }

    /// What a look at some octets has found: content first, then a fault or the end.
    struct Finding: Equatable {
        /// Offsets of the octets to keep; empty when there is a fault or the end.
        var content: Range<Int>
        /// How many octets are done with.
        var consumed: Int
        var fault: Fault?
        var isEnd = false
    }

    /// Where the last octet has left us.
    private enum Place {
        case lineStart
        case line
        case carriageReturn
        /// Behind a dot that began a line; the dot itself is never content.
        case dot
        case dotCarriageReturn
    }

    /// How the octets are framed, and what they may be.
    enum Form {
        /// DATA: dots are doubled, and a dot alone is the end.
        case dotted
        /// BDAT: every octet counts; lines are lines.
        case chunked
        /// BDAT of BODY=BINARYMIME (RFC 3030 §3): behind the header any octet may come.
        case binary
    }

    private let form: Form
    private let maximumLineOctets: Int
    private var place = Place.lineStart
    private var lineOctets = 0
    /// A binary message's header has ended.
    private var isBinaryBody = false

    init(_ form: Form = .dotted, maximumLineOctets: Int) {
        self.form = form
        self.maximumLineOctets = maximumLineOctets
    }

    /// What is wrong with a message that ends here without a dot.
    var faultAtEnd: Fault? {
        if case .carriageReturn = place, !isBinaryBody { return .bareCarriageReturn }
        return nil
    }

    /// Looks at octets, at least one, up to the first thing to report.
    ///
    /// After a fault, go on with `isStrict` false: then only the end is looked for.
    mutating func scan(_ octets: UnsafeBufferPointer<UInt8>, isStrict: Bool = true) -> Finding {
        var index = 0
        if let finding = leaveDot(octets, &index) { return finding }
        if isBinaryBody { return Finding(content: 0..<octets.count, consumed: octets.count) }
        let start = index
        while index < octets.count {
            switch place {
            case .lineStart:
                if form == .dotted, octets[index] == .dot {
                    if index > start { return keep(start..<index, octets, isStrict) }
                    place = .dot
                    index += 1
                    if let finding = leaveDot(octets, &index) { return finding }
                    // What follows the dot is a stretch of its own.
                    return Finding(content: index..<index, consumed: index)
                }
                place = .line
                lineOctets = 0
            case .line:
                if let fault = passLine(octets, &index), isStrict {
                    return refuse(fault, start..<index, octets)
                }
            case .carriageReturn, .dotCarriageReturn:
                guard octets[index] == .lineFeed else {
                    place = .line
                    if isStrict { return refuse(.bareCarriageReturn, start..<index, octets) }
                    continue
                }
                index += 1
                place = .lineStart
                if form == .binary, lineOctets == 0 {
                    isBinaryBody = true
                    return keep(start..<index, octets, isStrict)
                }
            case .dot:
                preconditionFailure("a dot is left before the next stretch")
            }
        }
        return keep(start..<index, octets, isStrict)
    }

    /// Decides what the dot at the start of a line was; nil to go on with a stretch of content.
    private mutating func leaveDot(
        _ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int
    ) -> Finding? {
        if place == .dot, index < octets.count {
            if octets[index] == .carriageReturn {
                place = .dotCarriageReturn
                index += 1
            } else {
                // §4.5.2: other characters on the line: the first dot is deleted.
                place = .line
                lineOctets = 0
            }
        }
        if place == .dotCarriageReturn, index < octets.count, octets[index] == .lineFeed {
            place = .lineStart
            return Finding(content: index..<index, consumed: index + 1, isEnd: true)
        }
        guard index < octets.count else {
            return Finding(content: index..<index, consumed: index)
        }
        return nil
    }

    /// Moves to the end of the line or of the octets, or to where a fault is.
    private mutating func passLine(
        _ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int
    ) -> Fault? {
        let from = index
        let carriageReturn = position(
            of: .carriageReturn, in: octets, from: from, to: octets.count)
        let lineFeed = position(of: .lineFeed, in: octets, from: from, to: carriageReturn)
        lineOctets += lineFeed - from
        if lineOctets > maximumLineOctets {
            index = lineFeed - (lineOctets - maximumLineOctets)
            lineOctets = 0
            return .lineTooLong
        }
        if lineFeed < carriageReturn {
            index = lineFeed + 1
            return .bareLineFeed
        }
        index = carriageReturn
        if index < octets.count {
            index += 1
            place = .carriageReturn
        }
        return nil
    }

    private func keep(
        _ range: Range<Int>, _ octets: UnsafeBufferPointer<UInt8>, _ isStrict: Bool
    ) -> Finding {
        if isStrict, holdsNull(range, octets) {
            return Finding(
                content: range.upperBound..<range.upperBound, consumed: range.upperBound,
                fault: .null)
        }
        return Finding(content: range, consumed: range.upperBound)
    }

    private func refuse(
        _ fault: Fault, _ range: Range<Int>, _ octets: UnsafeBufferPointer<UInt8>
    ) -> Finding {
        Finding(
            content: range.upperBound..<range.upperBound, consumed: range.upperBound,
            fault: holdsNull(range, octets) ? .null : fault)
    }

    private func holdsNull(_ range: Range<Int>, _ octets: UnsafeBufferPointer<UInt8>) -> Bool {
        position(of: 0, in: octets, from: range.lowerBound, to: range.upperBound)
            < range.upperBound
    }
}
