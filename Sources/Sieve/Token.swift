// SPDX-License-Identifier: Apache-2.0

/// What the grammar is made of (RFC 5228 §8.1).
struct Token: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// In lower case.
        case identifier(String)
        /// In lower case, without its colon.
        case tag(String)
        case number(UInt64)
        case string(String)
        /// One of `[ ] ( ) { } , ;`.
        case separator(Character)
        case end
    }

    let kind: Kind
    let line: Int

    /// As a phrase for people.
    var phrase: String {
        switch kind {
        case .identifier(let name): "`\(name)`"
        case .tag(let name): "`:\(name)`"
        case .number(let value): "the number \(value)"
        case .string(let text): "the string \"\(text.prefix(40))\""
        case .separator(let character): "`\(character)`"
        case .end: "the end of the script"
        }
    }
}
