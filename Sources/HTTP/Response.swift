// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The answer to one request, taken in as it comes (RFC 9112): a status and a body of bounded
/// size, framed by its length, in chunks, or by the end of the connection.
package struct Response: Sendable {
    /// What cannot be an answer to our request.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    private enum Framing {
        case length(Int)
        case chunks
        case untilEnd
    }

    static let maximumHeadOctets = 16 << 10
    /// What rspamd tells of a message, a few hundred symbols, is a tenth of this.
    static let maximumBodyOctets = 1 << 20

    private var octets: [UInt8] = []
    private var head: (status: Int, bodyStart: Int, framing: Framing)?
    private var hasEnded = false

    package init() {}

    /// Takes octets that the server has sent.
    package mutating func receive(_ octets: [UInt8]) { self.octets += octets }
    /// The server has closed the connection.
    package mutating func receiveEnd() { hasEnded = true }

    /// The status as soon as it is known, whatever may still follow; nil before.
    ///
    /// RFC 9110 §15.2: what is told in between (1xx) is passed over.
    package mutating func status() throws(Fault) -> Int? {
        while head == nil {
            guard let found = try readHead() else {
                if hasEnded { throw Fault(description: "the connection ended within the answer") }
                return nil
            }
            if found.status < 200 {
                octets.removeFirst(found.bodyStart)
            } else {
                head = found
            }
        }
        return head?.status
    }

    /// Status and body once they are complete; nil while they are not.
    package mutating func result() throws(Fault) -> (status: Int, body: [UInt8])? {
        guard try status() != nil, let head else { return nil }
        guard octets.count - head.bodyStart <= Self.maximumBodyOctets else {
            throw Fault(description: "the answer is too long")
        }
        let body = octets[head.bodyStart...]
        switch head.framing {
        case .length(let length):
            if body.count >= length { return (head.status, Array(body.prefix(length))) }
        case .chunks:
            if let body = try Self.joined(body) { return (head.status, body) }
        case .untilEnd:
            if hasEnded { return (head.status, Array(body)) }
        }
        if hasEnded { throw Fault(description: "the connection ended within the answer") }
        return nil
    }

    /// RFC 9112 §4, §5, §6.3.
    private func readHead() throws(Fault) -> (status: Int, bodyStart: Int, framing: Framing)? {
        let end = Array("\r\n\r\n".utf8)
        guard
            let index = octets.indices.dropLast(3).first(where: {
                octets[$0] == .carriageReturn && octets[$0..<$0 + 4].elementsEqual(end)
            })
        else {
            if octets.count > Self.maximumHeadOctets {
                throw Fault(description: "the answer's header is too long")
            }
            return nil
        }
        let lines = String(lossy: octets[..<index]).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]),
            (100...599).contains(status), status != 101
        else { throw Fault(description: "this is no answer in HTTP") }
        var framing = Framing.untilEnd
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = String(line[..<colon]).asciiLowercased
            let value = String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
            if name == "transfer-encoding" {
                guard value.asciiLowercased == "chunked" else {
                    throw Fault(description: "the answer is encoded as \(value)")
                }
                framing = .chunks
            } else if name == "content-length", case .untilEnd = framing {
                guard let length = Int(value), (0...Self.maximumBodyOctets).contains(length) else {
                    throw Fault(description: "the answer is too long")
                }
                framing = .length(length)
            }
        }
        return (status, index + 4, framing)
    }

    /// RFC 9112 §7.1; nil while the last chunk has not come.
    private static func joined(_ octets: ArraySlice<UInt8>) throws(Fault) -> [UInt8]? {
        var body: [UInt8] = []
        var rest = octets
        while let lineEnd = rest.firstIndex(of: .lineFeed) {
            let digits = rest[..<lineEnd].prefix { $0.hexadecimalValue != nil }
            guard (1...6).contains(digits.count), let length = Int(String(lossy: digits), radix: 16)
            else { throw Fault(description: "the answer's chunks cannot be understood") }
            if length == 0 { return body }
            rest = rest[(lineEnd + 1)...]
            guard rest.count >= length + 2 else { return nil }
            body += rest.prefix(length)
            rest = rest.dropFirst(length + 2)
        }
        return nil
    }
}
