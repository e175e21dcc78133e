// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A digital object (draft-durand-doa-over-dns).
    static let doa = Self("DOA", 259, [.long, .long, .octet, .string, .base64OrDash])
}
