// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// An IP address where a name should stand.
enum IPAddressText {
    static func isAddress(_ name: Name) -> Bool { address(name) != nil }

    /// `192.0.2.1` and `2001:db8::1` as labels, with or without brackets; nil for a real name.
    static func address(_ name: Name) -> IPAddress? {
        let labels = name.labels.map { String(decoding: $0, as: UTF8.self) }
        var text = labels.joined(separator: ".")
        if text.hasPrefix("["), text.hasSuffix("]") { text = String(text.dropFirst().dropLast()) }
        if text.asciiLowercased.hasPrefix("ipv6:") { text = String(text.dropFirst(5)) }
        return IPAddress(text)
    }
}
