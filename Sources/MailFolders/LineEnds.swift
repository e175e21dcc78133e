// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Line ends of messages in files and on the wire.
package enum LineEnds {
    /// Each LF without a CR in front of it gets one (RFC 5322 §2.1).
    ///
    /// `before` is the octet in front of them, where they are a piece of something longer.
    package static func canonical(_ octets: [UInt8], after before: UInt8 = 0) -> [UInt8] {
        var missing = 0
        var last = before
        for octet in octets {
            if octet == .lineFeed, last != .carriageReturn { missing += 1 }
            last = octet
        }
        guard missing > 0 else { return octets }
        return [UInt8](unsafeUninitializedCapacity: octets.count + missing) { buffer, count in
            var last = before
            var place = 0
            for octet in octets {
                if octet == .lineFeed, last != .carriageReturn {
                    buffer[place] = .carriageReturn
                    place += 1
                }
                buffer[place] = octet
                place += 1
                last = octet
            }
            count = place
        }
    }

    /// Each CRLF becomes LF; a CR that stands alone stays.
    ///
    /// Nil if that could not be undone: there is an LF without a CR.
    package static func bare(_ octets: [UInt8]) -> [UInt8]? {
        var lines = BareLines()
        guard let result = lines.next(octets) else { return nil }
        return result + lines.finish()
    }
}

/// Makes CRLF into LF, piece by piece, as long as that can be undone.
package struct BareLines: Sendable {
    /// A CR at the end of the last piece may belong to what follows.
    private var holdsCR = false
    private var last: UInt8 = 0

    package init() {}

    /// Nil if it could not be undone: there is an LF without a CR, or one behind two of them.
    package mutating func next(_ piece: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(piece.count + 1)
        for octet in piece {
            if octet == .lineFeed {
                // A CR that was in front of this CRLF would be taken for its own afterwards.
                guard holdsCR, last != .carriageReturn else { return nil }
            } else if holdsCR {
                result.append(.carriageReturn)
                last = .carriageReturn
            }
            holdsCR = octet == .carriageReturn
            guard !holdsCR else { continue }
            result.append(octet)
            last = octet
        }
        return result
    }

    /// What is left when there are no more pieces.
    package consuming func finish() -> [UInt8] { holdsCR ? [.carriageReturn] : [] }
}
