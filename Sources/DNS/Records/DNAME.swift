// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// The redirection of a subtree (RFC 6672 §2.1).
    static let dname = Self("DNAME", 39, [.name])
}
