// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// The next name and the types of this one (RFC 4034 §4).
    static let nsec = Self("NSEC", 47, [.name, .types])
}
