// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Configuration
import Yams

@main
struct Postreiter: AsyncParsableCommand {
    mutating func run() async throws {}
}
