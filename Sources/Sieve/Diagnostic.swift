// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a script: the line, counted from 1, and a sentence.
package struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
    package let line: Int
    package let message: String

    package var description: String { "line \(line): \(message)" }
}
