// SPDX-License-Identifier: Apache-2.0

/// A part of a message, while its summary is made; places are offsets into the message.
struct Part {
    enum Kind: UInt8 {
        /// It has content of its own, whatever its type says.
        case leaf
        case multipart
        /// A `message/rfc822` whose message was read: its only child.
        case message
    }

    var kind = Kind.leaf
    /// The index of the part around it; -1 for the message itself.
    let parent: Int
    /// How many parts enclose it.
    let level: Int
    let headerStart: Int
    var bodyStart = 0
    var bodyEnd = 0
    /// How many lines its body has, counted by their ends.
    var lines = 0
    /// Its fields among all.
    var fields = 0..<0
    var mediaType = MediaType.plainText
    var encoding = Encoding.sevenBit
    /// Behind the last of the parts within it.
    var treeEnd = 0
}
