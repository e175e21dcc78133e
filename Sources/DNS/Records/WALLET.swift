// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A public wallet address, in the form of TXT.
    static let wallet = Self("WALLET", 262, [.strings])
}
