// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A mapping from a name to a URI (RFC 7553 §4).
    static let uri = Self("URI", 256, [.short, .short, .text])
}
