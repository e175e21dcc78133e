// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// Zone status information (draft-reid-dnsext-zs).
    static let ninfo = Self("NINFO", 56, [.strings])
}
