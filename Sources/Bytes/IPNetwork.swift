// SPDX-License-Identifier: Apache-2.0

/// The addresses that begin with the same bits: `192.0.2.0/24`, `2001:db8::/32`.
package struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    /// The first address; the bits behind the prefix are 0.
    package let address: IPAddress
    /// How many bits the addresses share: 0 to 32, or to 128.
    package let prefixLength: Int

    /// The network of `address` with so many bits, cut to what its family has.
    ///
    /// An IPv4 address written in IPv6 (`::ffff:192.0.2.1`) counts as the IPv4 address it is.
    package init(of address: IPAddress, prefixLength: Int) {
        switch address.unmapped {
        case .v4(let address):
            let length = min(max(prefixLength, 0), 32)
            let mask: UInt32 = length == 0 ? 0 : ~0 << (32 - UInt32(length))
            self.address = .v4(IPv4Address(rawValue: address.rawValue & mask))
            self.prefixLength = length
        case .v6(let address):
            let length = min(max(prefixLength, 0), 128)
            self.address = .v6(
                IPv6Address(
                    high: address.high & Self.mask(min(length, 64)),
                    low: address.low & Self.mask(max(length - 64, 0))))
            self.prefixLength = length
        }
    }

    private static func mask(_ bits: Int) -> UInt64 { bits == 0 ? 0 : ~0 << (64 - UInt64(bits)) }

    /// Reads `address/length`, or an address alone.
    ///
    /// Bits behind the prefix must be 0: `192.0.2.1/24` is a slip.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = parts.first.flatMap({ IPAddress($0) })?.unmapped else { return nil }
        let bits = address.isIPv4 ? 32 : 128
        var length = bits
        if parts.count == 2 {
            guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy(\.isDigit),
                let number = Int(parts[1]), number <= bits
            else { return nil }
            length = number
        }
        self.init(of: address, prefixLength: length)
        guard self.address == address else { return nil }
    }

    /// Whether the address begins with the network's bits; one of the other family never does.
    package func contains(_ address: IPAddress) -> Bool {
        let address = address.unmapped
        guard address.isIPv4 == self.address.isIPv4 else { return false }
        return IPNetwork(of: address, prefixLength: prefixLength) == self
    }

    package var description: String { "\(address)/\(prefixLength)" }
}

extension IPAddress {
    /// The IPv4 address that an IPv6 address of `::ffff:0:0/96` stands for; any other unchanged.
    package var unmapped: IPAddress {
        guard case .v6(let address) = self, let mapped = address.mappedIPv4 else { return self }
        return .v4(mapped)
    }

    /// Whether no host can have this address: "any", multicast, broadcast, 0.0.0.0/8.
    ///
    /// A connection to 0.0.0.0 or :: reaches the sender itself on many systems.
    package var isUnusable: Bool {
        switch unmapped {
        case .v4(let address): address.rawValue >> 24 == 0 || address.rawValue >> 28 >= 14
        case .v6(let address): isUnspecified || address.high >> 56 == 0xFF
        }
    }

    /// Whether the address means something else to everybody (RFC 1918, 3927, 4193, 6598).
    package var isPrivate: Bool {
        if isLoopback { return true }
        switch unmapped {
        case .v4(let address):
            let value = address.rawValue
            return value >> 24 == 10 || value >> 20 == 0xAC1 || value >> 16 == 0xC0A8
                || value >> 16 == 0xA9FE || value >> 22 == 0x6440 >> 6 || value >> 24 == 127
        case .v6(let address):
            return address.high >> 57 == 0xFC >> 1 || address.high >> 54 == 0xFE80 >> 6
        }
    }

    /// What one customer has, as far as one can tell: a /24, or a /64 of IPv6.
    package var customerNetwork: IPNetwork {
        let address = unmapped
        return IPNetwork(of: address, prefixLength: address.isIPv4 ? 24 : 64)
    }
}
