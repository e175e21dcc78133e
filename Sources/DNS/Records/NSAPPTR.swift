// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A pointer from an OSI address (RFC 1706 §6).
    static let nsapPtr = Self("NSAP-PTR", 23, [.oldName])
}
