// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// Application visibility and control, in the form of TXT.
    static let avc = Self("AVC", 258, [.strings])
}
