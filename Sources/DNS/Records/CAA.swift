// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// Who may issue certificates (RFC 8659 §4).
    static let caa = Self("CAA", 257, [.octet, .tag, .optionalText])
}
