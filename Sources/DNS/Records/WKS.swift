// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// Well-known services (RFC 1035 §3.4.2).
    static let wks = Self("WKS", 11, [.ipv4, .services])
}
