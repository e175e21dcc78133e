// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Text of a tag whose octets may be written as digits (RFC 6376 §2.11).
///
/// ```abnf
/// dkim-quoted-printable = *(FWS / hex-octet / dkim-safe-char)
/// hex-octet             = "=" 2(DIGIT / %x41-46)      ; RFC 2045 §6.7, no lower case
/// ```
enum QuotedText {
    /// The octets that are meant: white space is no part of them, and what is no digits stands for
    /// itself.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text.filter { !$0.isSpaceOrLineEnd }[...]
        while let octet = rest.popFirst() {
            if octet == UInt8(ascii: "="), rest.count > 1, let high = digit(rest[rest.startIndex]),
                let low = digit(rest[rest.startIndex + 1])
            {
                result.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                result.append(octet)
            }
        }
        return result
    }

    private static func digit(_ octet: UInt8) -> UInt8? {
        switch octet {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): octet - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): octet - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
