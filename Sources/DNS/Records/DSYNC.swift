// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// Where to send generalized notifications (RFC 9859 §2).
    static let dsync = Self("DSYNC", 66, [.type, .scheme, .short, .name])
}
