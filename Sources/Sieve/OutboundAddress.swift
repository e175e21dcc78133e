// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail

/// An address that mail may be sent to (RFC 5228 §2.4.2.3).
///
/// ```abnf
/// sieve-address = addr-spec / phrase "<" addr-spec ">"
/// ```
enum OutboundAddress {
    /// Nil if it is none; groups and lists are none.
    static func parse(_ text: String) -> Address? {
        if let address = try? Address(text) { return address }
        let list = AddressList(text)
        guard list.entries.count == 1, case .participant(let participant) = list.entries[0],
            text.utf8.last == UInt8(ascii: ">"),
            text.utf8.contains(UInt8(ascii: "<"))
        else { return nil }
        return participant.address
    }
}
