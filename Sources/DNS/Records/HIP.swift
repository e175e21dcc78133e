// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A host identity (RFC 8005 §5).
    static let hip = Self("HIP", 55, [.hostIdentity])
}
