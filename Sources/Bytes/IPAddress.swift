// SPDX-License-Identifier: Apache-2.0

/// An address of a host: IPv4 or IPv6, four or sixteen octets in network order.
package enum IPAddress: Hashable, Sendable {
    case v4(IPv4Address)
    case v6(IPv6Address)

    /// Either textual form: `192.0.2.1` or RFC 4291 §2.2.
    package init?(_ text: some StringProtocol) {
        if let address = IPv4Address(text) {
            self = .v4(address)
        } else if let address = IPv6Address(text) {
            self = .v6(address)
        } else {
            return nil
        }
    }

    /// Four or sixteen octets in network order; nil for any other count.
    package init?(octets: [UInt8]) {
        switch octets.count {
        case 4: self = .v4(IPv4Address(octets[0], octets[1], octets[2], octets[3]))
        case 16: self = .v6(IPv6Address(octets: octets))
        default: return nil
        }
    }

    package var isIPv4: Bool { if case .v4 = self { true } else { false } }

    package var octets: [UInt8] {
        switch self {
        case .v4(let address): address.octets
        case .v6(let address): address.octets
        }
    }

    /// 127.0.0.0/8 or ::1.
    package var isLoopback: Bool {
        switch self {
        case .v4(let address): address.rawValue >> 24 == 127
        case .v6(let address): address.high == 0 && address.low == 1
        }
    }

    /// The "any" address of its family.
    package var isUnspecified: Bool {
        switch self {
        case .v4(let address): address.rawValue == 0
        case .v6(let address): address.high == 0 && address.low == 0
        }
    }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        switch self {
        case .v4(let address): address.description
        case .v6(let address): address.description
        }
    }
}

/// An IPv4 address.
package struct IPv4Address: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        rawValue = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// `Snum 3("." Snum)` (RFC 5321 §4.1.3): decimal without leading zeros, each at most 255.
    package init?(_ text: some StringProtocol) { self.init(ascii: text.utf8) }

    /// The same form in octets.
    package init?(ascii text: some Collection<UInt8>) {
        var value: UInt32 = 0
        var number: UInt32 = 0
        var digits = 0
        var dots = 0
        for octet in text {
            if octet.isDigit {
                guard digits == 0 || number != 0 else { return nil }
                number = number * 10 + UInt32(octet - 0x30)
                digits += 1
                guard number <= 255 else { return nil }
            } else {
                guard octet == .dot, digits > 0, dots < 3 else { return nil }
                value = value << 8 | number
                number = 0
                digits = 0
                dots += 1
            }
        }
        guard digits > 0, dots == 3 else { return nil }
        rawValue = value << 8 | number
    }

    package var octets: [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: rawValue >> UInt32($0)) }
    }

    package var description: String { octets.map(String.init).joined(separator: ".") }
}

/// An IPv6 address; text is read by RFC 4291 §2.2 and written by RFC 5952 §4.
package struct IPv6Address: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Sixteen octets in network order.
    package init(octets: [UInt8]) {
        precondition(octets.count == 16, "an IPv6 address has 16 octets")
        high = octets[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = octets[8...].reduce(0) { $0 << 8 | UInt64($1) }
    }

    package init?(_ text: some StringProtocol) { self.init(ascii: text.utf8) }

    /// The same form in octets: groups before and after `::`, the last perhaps an IPv4 address.
    package init?(ascii text: some Collection<UInt8>) {
        let colon = UInt8(ascii: ":")
        var before = Groups()
        var after: Groups?
        var index = text.startIndex
        if text.starts(with: [colon, colon]) {
            after = Groups()
            index = text.index(index, offsetBy: 2)
        }
        while index < text.endIndex {
            let start = index
            var digits = 0
            var value: UInt16 = 0
            while index < text.endIndex, let bits = text[index].hexadecimalValue {
                guard digits < 4 else { return nil }
                value = value << 4 | UInt16(bits)
                digits += 1
                text.formIndex(after: &index)
            }
            if index < text.endIndex, text[index] == .dot {
                guard let address = IPv4Address(ascii: text[start...]) else { return nil }
                for half in [address.rawValue >> 16, address.rawValue & 0xFFFF] {
                    if after?.append(UInt16(half)) == nil { before.append(UInt16(half)) }
                }
                break
            }
            guard digits > 0 else { return nil }
            if after?.append(value) == nil { before.append(value) }
            guard index < text.endIndex else { break }
            guard text[index] == colon else { return nil }
            text.formIndex(after: &index)
            guard index < text.endIndex else { return nil }
            guard text[index] == colon else { continue }
            guard after == nil else { return nil }
            after = Groups()
            text.formIndex(after: &index)
        }
        if let after {
            guard before.count + after.count <= 7 else { return nil }
            before.value = before.value << (16 * (8 - before.count)) | after.value
        } else {
            guard before.count == 8 else { return nil }
        }
        high = UInt64(truncatingIfNeeded: before.value >> 64)
        low = UInt64(truncatingIfNeeded: before.value)
    }

    /// Groups of 16 bits; of more than eight only their number is of interest.
    private struct Groups {
        var value: UInt128 = 0
        var count = 0

        mutating func append(_ group: UInt16) {
            value = value << 16 | UInt128(group)
            count += 1
        }
    }

    package var octets: [UInt8] {
        var octets: [UInt8] = []
        for half in [high, low] {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                octets.append(UInt8(truncatingIfNeeded: half >> shift))
            }
        }
        return octets
    }

    /// The IPv4 address within `::ffff:0:0/96`, if it is one.
    package var mappedIPv4: IPv4Address? {
        high == 0 && low >> 32 == 0xFFFF
            ? IPv4Address(rawValue: UInt32(truncatingIfNeeded: low)) : nil
    }

    package var description: String {
        if let mapped = mappedIPv4 { return "::ffff:\(mapped)" }
        var groups: [UInt16] = []
        for half in [high, low] {
            for shift in stride(from: UInt64(48), through: 0, by: -16) {
                groups.append(UInt16(truncatingIfNeeded: half >> shift))
            }
        }
        let gap = Self.longestZeroRun(groups)
        let text = { (part: ArraySlice<UInt16>) in
            part.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard let gap else { return text(groups[...]) }
        return text(groups[..<gap.lowerBound]) + "::" + text(groups[gap.upperBound...])
    }

    /// RFC 5952 §4.2: the first longest run of at least two zero groups is shortened.
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start > max(1, best?.count ?? 0) { best = start..<end }
            start = max(end, start + 1)
        }
        return best
    }
}

/// An address and a port: one end of a connection.
package struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    package var host: IPAddress
    package var port: UInt16

    package init(_ host: IPAddress, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `192.0.2.1:25` or `[2001:db8::1]:25`; without a port `defaultPort`, if there is one.
    package init?(_ text: String, defaultPort: UInt16? = nil) {
        var host = Substring(text)
        var port = defaultPort
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            if rest.hasPrefix(":") {
                port = Self.port(rest.dropFirst())
            } else if !rest.isEmpty {
                return nil
            }
        } else if let colon = text.lastIndex(of: ":"), text.firstIndex(of: ":") == colon {
            host = text[..<colon]
            port = Self.port(text[text.index(after: colon)...])
        }
        guard let address = IPAddress(host), let port else { return nil }
        self.init(address, port: port)
    }

    /// Digits alone: `UInt16` would take a sign too.
    private static func port(_ text: Substring) -> UInt16? {
        text.utf8.allSatisfy(\.isDigit) ? UInt16(text) : nil
    }

    package var description: String {
        host.isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)"
    }
}
