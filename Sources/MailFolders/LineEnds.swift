// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Line ends of messages in files and on the wire.
package enum LineEnds {
    /// Each LF without a CR in front of it gets one (RFC 5322 §2.1).
    package static func canonical(_ octets: [UInt8]) -> [UInt8] {
        var missing = 0
        var last: UInt8 = 0
        for octet in octets {
            if octet == .lineFeed, last != .carriageReturn { missing += 1 }
            last = octet
        }
        guard missing > 0 else { return octets }
        return [UInt8](unsafeUninitializedCapacity: octets.count + missing) { buffer, count in
            var last: UInt8 = 0
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
        var result: [UInt8] = []
        result.reserveCapacity(octets.count)
        for octet in octets {
            if octet == .lineFeed {
                guard result.last == .carriageReturn else { return nil }
                result.removeLast()
                // A CR that was in front of this CRLF would be taken for its own afterwards.
                guard result.last != .carriageReturn else { return nil }
            }
            result.append(octet)
        }
        return result
    }
}
