// SPDX-License-Identifier: Apache-2.0

/// Text that is not what its grammar asks for: where, and what was expected.
package struct SyntaxError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The place, in octets from the start of the text.
    package let offset: Int
    /// What the grammar expects there, as a phrase: "a domain", "at most 64 octets".
    package let expected: String

    package init(at offset: Int, expected: String) {
        self.offset = offset
        self.expected = expected
    }

    package var description: String { "expected \(expected) at octet \(offset + 1)" }
}
