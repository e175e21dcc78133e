// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// An OpenPGP key (RFC 7929 §2).
    static let openpgpkey = Self("OPENPGPKEY", 61, [.base64])
}
