// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

@main
struct Postreiter: AsyncParsableCommand {
    mutating func run() async throws {}
}
