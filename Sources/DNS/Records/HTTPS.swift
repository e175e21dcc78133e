// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A service binding for HTTPS (RFC 9460 §9).
    static let https = Self("HTTPS", 65, [.short, .name, .serviceParameters])
}
