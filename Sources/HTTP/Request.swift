// SPDX-License-Identifier: Apache-2.0

import Bytes

/// One request, as far as a server of small documents cares (RFC 9112 §3).
package struct Request: Sendable {
    package private(set) var method = ""
    /// Without the query.
    package private(set) var path = ""
    /// In lower case, without a port.
    package private(set) var host = ""
    /// Behind the question mark, as it came.
    package private(set) var query = ""
    package internal(set) var body: [UInt8] = []
    /// The status it deserves whatever it asks for; nil: it is well formed.
    package private(set) var fault: Int?
    /// How long its body is.
    private(set) var bodyOctets = 0
    /// RFC 9110 §10.1.1: it wants to hear that the body is welcome.
    private(set) var expectsContinue = false

    init(fault: Int) { self.fault = fault }

    /// Reads the request line and the fields that matter.
    init(head octets: ArraySlice<UInt8>) {
        let lines = octets.split(separator: .lineFeed, omittingEmptySubsequences: false)
            .map { line in line.last == .carriageReturn ? line.dropLast() : line }
        let words = (lines.first ?? []).split(separator: .space, omittingEmptySubsequences: false)
        guard words.count == 3, words[2].starts(with: "HTTP/1.".utf8) else {
            fault = words.count == 3 && words[2].starts(with: "HTTP/".utf8) ? 505 : 400
            return
        }
        method = String(lossy: words[0])
        var hosts: [String] = []
        for line in lines.dropFirst() {
            guard let (name, value) = Self.field(line) else { continue }
            switch name {
            case "host": hosts.append(value)
            case "content-length": readLength(value)
            // RFC 9112 §6.1: what is coded otherwise must not be guessed.
            case "transfer-encoding": fault = 411
            case "expect": expectsContinue = value.asciiLowercased == "100-continue"
            default: break
            }
        }
        // RFC 9112 §3.2: exactly one.
        guard hosts.count == 1 else {
            fault = 400
            return
        }
        readTarget(String(lossy: words[1]), host: hosts[0])
    }

    private mutating func readLength(_ value: String) {
        guard let length = Int(value), length >= 0, bodyOctets == 0 || bodyOctets == length else {
            fault = 400
            return
        }
        bodyOctets = length
        if length > RequestReader.maximumBodyOctets { fault = 413 }
    }

    private mutating func readTarget(_ target: String, host: String) {
        var (target, host) = (target, host)
        // RFC 9112 §3.2.2: the absolute form says the host itself.
        for scheme in ["https://", "http://"] where target.asciiLowercased.hasPrefix(scheme) {
            let rest = target.dropFirst(scheme.utf8.count)
            let end = rest.firstIndex(of: "/") ?? rest.endIndex
            host = String(rest[..<end])
            target = end == rest.endIndex ? "/" : String(rest[end...])
            break
        }
        path = String(target.prefix { $0 != "?" })
        query = String(target.dropFirst(path.count + 1))
        self.host = Self.withoutPort(host).asciiLowercased
        if self.host.hasSuffix(".") { self.host.removeLast() }
    }

    private static func field(_ line: ArraySlice<UInt8>) -> (name: String, value: String)? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let value = line[(colon + 1)...].drop(while: \.isWhitespace)
        return (
            String(lossy: line[..<colon]).asciiLowercased,
            String(lossy: value.prefix { !$0.isWhitespace })
        )
    }

    private static func withoutPort(_ host: String) -> String {
        guard let colon = host.lastIndex(of: ":"),
            host[host.index(after: colon)...].allSatisfy(\.isNumber)
        else { return host }
        return String(host[..<colon])
    }

    /// The value of a parameter of the query, decoded (RFC 3986 §2.1); nil if there is none, or
    /// what it stands for is no UTF-8.
    package func parameter(_ name: String) -> String? {
        for pair in query.split(separator: "&") {
            guard let equals = pair.firstIndex(of: "="),
                pair[..<equals].utf8.equalsIgnoringCase(name.utf8)
            else { continue }
            return Self.decode(pair[pair.index(after: equals)...])
        }
        return nil
    }

    private static func decode(_ text: Substring) -> String? {
        // Of an address, `+` begins the detail: nobody means a space by it here.
        PercentEncoding.decode(text.utf8).flatMap { String(validating: $0, as: UTF8.self) }
    }
}

/// Takes one request in as it comes, of bounded size.
package struct RequestReader: Sendable {
    /// A request of this kind has a line and some fields.
    package static let maximumHeadOctets = 16 << 10
    /// What Outlook posts has half a KiB.
    package static let maximumBodyOctets = 64 << 10

    /// What is to be done next.
    package enum Step: Sendable {
        /// More octets are needed.
        case receive
        /// Tell the client to send its body (RFC 9110 §15.2.1), then receive.
        case tellContinue
        case request(Request)
    }

    private var octets: [UInt8] = []
    private var searched = 0
    private var wasLineFeed = false
    private var head: (request: Request, end: Int)?

    package init() {}

    /// Takes octets that the client has sent.
    package mutating func receive(_ octets: [UInt8]) { self.octets += octets }

    package mutating func next() -> Step {
        var isNew = false
        if head == nil {
            guard let end = endOfHead() else {
                guard octets.count <= Self.maximumHeadOctets else {
                    return .request(Request(fault: 431))
                }
                return .receive
            }
            head = (Request(head: octets[..<end]), end + 1)
            isNew = true
        }
        guard var (request, end) = head, request.fault == nil else {
            return head.map { .request($0.request) } ?? .receive
        }
        let body = octets[end...].prefix(request.bodyOctets)
        guard body.count == request.bodyOctets else {
            return isNew && request.expectsContinue ? .tellContinue : .receive
        }
        request.body = Array(body)
        end += body.count
        return .request(request)
    }

    /// RFC 9112 §2.1: the header ends with an empty line.
    private mutating func endOfHead() -> Int? {
        while searched < octets.count {
            defer { searched += 1 }
            let octet = octets[searched]
            if octet == .carriageReturn { continue }
            if octet == .lineFeed, wasLineFeed { return searched }
            wasLineFeed = octet == .lineFeed
        }
        return nil
    }
}
