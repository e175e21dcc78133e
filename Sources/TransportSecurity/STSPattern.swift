// SPDX-License-Identifier: Apache-2.0

import Mail

/// `mx` of an MTA-STS policy: a host, or `*.` for any one label before a domain (RFC 8461 §3.2).
package struct STSPattern: Hashable, Sendable, CustomStringConvertible {
    /// In lower case, as A-labels.
    package let description: String

    /// Nil unless it is a name in A-labels, without a final dot.
    ///
    /// ```abnf
    /// sts-policy-mx-value = ["*."] Domain
    /// ```
    package init?(_ text: String) {
        let rest = text.hasPrefix("*.") ? text.dropFirst(2) : text[...]
        // RFC 8461 §3.2: the A-label must be written, not the U-label.
        guard rest.utf8.allSatisfy({ $0 < 0x80 }), !rest.hasSuffix("."),
            let domain = try? Domain(rest)
        else { return nil }
        description = (rest.startIndex == text.startIndex ? "" : "*.") + domain.name
    }

    /// Whether it is the name of one host, not of many.
    package var isOneHost: Bool { !description.hasPrefix("*.") }

    /// Whether an exchanger's name is meant; the wildcard stands for exactly one label
    /// (RFC 8461 §4.1).
    package func matches(_ host: String) -> Bool {
        guard let host = try? Domain(host) else { return false }
        guard !isOneHost else { return host.name == description }
        guard let dot = host.name.firstIndex(of: ".") else { return false }
        return host.name[dot...] == description.dropFirst()
    }
}
