// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail

/// In whose language a command tells why something waits or failed.
struct ReaderOption: ParsableArguments {
    @Option(
        name: .customLong("for"),
        help: "In the language of this account; else in that of your locale, or the server's.")
    var reader: String?

    var arguments: [(String, JSON)] {
        [("for", JSON(reader)), ("language", JSON(Live.locale?.rawValue))]
    }
}
