// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A message or one of its parts (RFC 2045 §2.4, `entity`).
package struct Entity: Sendable {
    /// `1.2` is the second part of the first; empty for the message itself.
    ///
    /// The message within a `message/rfc822` counts as its part 1.
    package let path: String
    package let header: Header
    package let contentType: ContentType
    package let disposition: ContentDisposition?
    /// Nil if the field names an encoding nobody knows.
    package let transferEncoding: TransferEncoding?
    /// The octets behind the header, still encoded.
    package internal(set) var body: ArraySlice<UInt8>
    /// The parts of a multipart, or the one message within a `message/rfc822`.
    package internal(set) var children: [Entity] = []

    /// Whether it has content of its own: no multipart that was taken apart.
    package var isLeaf: Bool { children.isEmpty || contentType.isMessage }

    /// The name of the file it came from, by disposition or else by type.
    package var filename: String? { disposition?.filename ?? contentType.parameters["name"] }

    /// The decoded content.
    package func content(defects: inout DefectList) -> ArraySlice<UInt8> {
        guard let transferEncoding else {
            defects.note(.transferEncodingUnknown, at: path)
            return body
        }
        return transferEncoding.decode(body, defects: &defects, at: path)
    }

    /// The content as text, by its charset; octets that mean nothing there become U+FFFD.
    package func text(defects: inout DefectList) -> String {
        text(of: content(defects: &defects), defects: &defects)
    }

    func text(of content: ArraySlice<UInt8>, defects: inout DefectList) -> String {
        guard let label = contentType.parameters["charset"], !label.isEmpty else {
            return undeclared(content, &defects)
        }
        guard let charset = Charset(label) else {
            defects.note(.charsetUnknown, at: path)
            return Charset.ascii.decode(content).text
        }
        guard charset != .ascii else { return undeclared(content, &defects) }
        let (text, isExact) = charset.decode(content)
        if !isExact { defects.note(.charsetWrong, at: path) }
        return text
    }

    /// US-ASCII (RFC 2046 §4.1.2); if it is more than that, what it most likely is.
    private func undeclared(_ content: ArraySlice<UInt8>, _ defects: inout DefectList) -> String {
        guard content.contains(where: { $0 >= 0x80 }) else {
            return String(decoding: content, as: UTF8.self)
        }
        // RFC 6532 §3.7, RFC 6533 §4: these are in UTF-8, and have no parameter to say so.
        if contentType.type == "message", contentType.subtype.hasPrefix("global") {
            let (text, isExact) = Charset.utf8.decode(content)
            if isExact { return text }
        }
        defects.note(.charsetWrong, at: path)
        return Charset.guess(content).text
    }
}

/// A message taken apart (RFC 5322, RFC 2045-2047): never refused, whatever it is.
///
/// Its parts are slices of `octets`; nothing is copied but the content of encoded messages within.
/// Reading takes time in proportion to the size, whatever stands there.
package struct Message: Sendable {
    /// Deeper nesting does not occur in mail but in attacks.
    package static let maximumDepth = 100
    /// The parts of a large digest are hundreds.
    package static let maximumParts = 10_000

    package let root: Entity
    /// What was odd about its structure; reading fields and contents may find more.
    package let defects: DefectList

    package var header: Header { root.header }

    /// Takes a message apart; lines end with CRLF or LF.
    package init(_ octets: [UInt8]) {
        var budget = MessageParser.Budget()
        var defects = DefectList()
        root = MessageParser.parse(octets[...], path: "", depth: 0, &budget, &defects)
        self.defects = defects
    }

    /// All entities, outer before inner, in the order of the message.
    package var entities: [Entity] {
        var all: [Entity] = []
        var open = [root]
        while let entity = open.popLast() {
            all.append(entity)
            open.append(contentsOf: entity.children.reversed())
        }
        return all
    }

    /// What a person reads or saves: all leaves, and messages within as what they are.
    package var parts: [Entity] { entities.filter(\.isLeaf) }
}
