// SPDX-License-Identifier: Apache-2.0

import Bytes
package import World

/// Writes messages as an mbox file takes them.
package struct MboxWriter: Sendable {
    private let quoting: MboxReader.Quoting

    package init(quoting: MboxReader.Quoting) { self.quoting = quoting }

    /// A message with its `From ` line and the empty line behind it; lines end with LF.
    ///
    /// `octets` have CRLF at the ends of their lines.
    package func entry(
        _ octets: [UInt8], sender: String, date: Timestamp, flags: [String]
    ) -> [UInt8] {
        let message = MboxFields.stripped(octets)
        let (header, body) = Self.split(message)
        let text = quoted(LineEnds.bare(body) ?? body)
        var entry = Array(FromLine.text(sender, date).utf8)
        entry += LineEnds.bare(header) ?? header
        entry += MboxFields.lines(flags).utf8
        if quoting == .mboxcl2 { entry += "Content-Length: \(text.count)\n".utf8 }
        entry.append(.lineFeed)
        entry += text
        entry.append(.lineFeed)
        return entry
    }

    /// The header without the empty line, and the body behind that.
    private static func split(_ octets: [UInt8]) -> ([UInt8], [UInt8]) {
        var start = 0
        while start < octets.count {
            let line = octets[start...]
            if line.starts(with: [.carriageReturn, .lineFeed]) {
                return (Array(octets[..<start]), Array(octets[(start + 2)...]))
            }
            guard let end = line.firstIndex(of: .lineFeed) else { break }
            start = end + 1
        }
        return (octets, [])
    }

    private func quoted(_ body: [UInt8]) -> [UInt8] {
        guard quoting != .mboxcl2 else { return body }
        var result: [UInt8] = []
        result.reserveCapacity(body.count + 16)
        for line in body.split(separator: .lineFeed, omittingEmptySubsequences: false) {
            if !result.isEmpty || line.startIndex > body.startIndex { result.append(.lineFeed) }
            let rest = quoting == .mboxrd ? line.drop { $0 == UInt8(ascii: ">") } : line
            if rest.starts(with: "From ".utf8) { result.append(UInt8(ascii: ">")) }
            result += line
        }
        return result
    }
}
