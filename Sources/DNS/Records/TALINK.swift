// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A link of trust anchors (draft-wijngaards-dnsop-trust-history).
    static let talink = Self("TALINK", 58, [.name, .name])
}
