// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Makes and judges the cookies by which a server knows a client's address for true (RFC 7873,
/// in the form of RFC 9018, so that servers with one secret accept each other's).
package struct ServerCookies: Sendable {
    private let secret: SipHash
    /// The secret before, whose cookies are still taken (RFC 9018 §5).
    private let former: SipHash?

    /// A client cookie and a server cookie of version 1.
    static let octets = 24
    static let clientOctets = 8
    /// RFC 9018 §4.3: seconds that a cookie may be old, or ahead of our clock.
    private static let oldestSeconds: Int32 = 3600
    private static let furthestSeconds: Int32 = 300

    package static let keyOctets = 16

    /// `secret` and `former` have sixteen octets, from a source fit for keys.
    package init(secret: [UInt8], former: [UInt8]? = nil) {
        self.secret = SipHash(key: secret)
        self.former = former.map { SipHash(key: $0) }
    }

    /// Writes the cookie for a client: its own 8 octets, then the server's 16.
    func write(
        for client: UnsafeRawPointer, at address: IPAddress, seconds: UInt32,
        to cookie: UnsafeMutableRawPointer
    ) {
        cookie.copyMemory(from: client, byteCount: Self.clientOctets)
        cookie.storeBytes(of: UInt32(0x0100_0000).bigEndian, toByteOffset: 8, as: UInt32.self)
        cookie.storeBytes(of: seconds.bigEndian, toByteOffset: 12, as: UInt32.self)
        cookie.storeBytes(
            of: Self.hash(UnsafeRawPointer(cookie), address, secret).littleEndian,
            toByteOffset: 16, as: UInt64.self)
    }

    /// Whether a cookie of 24 octets is one that we gave this client not long ago.
    func accepts(_ cookie: UnsafeRawPointer, from address: IPAddress, seconds: UInt32) -> Bool {
        guard cookie.load(fromByteOffset: 8, as: UInt8.self) == 1 else { return false }
        let stamp = UInt32(
            bigEndian: cookie.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
        // Serial number arithmetic (RFC 1982).
        let age = Int32(bitPattern: seconds &- stamp)
        guard age <= Self.oldestSeconds, age >= -Self.furthestSeconds else { return false }
        let given = UInt64(
            littleEndian: cookie.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
        if Self.hash(cookie, address, secret) == given { return true }
        return former.map { Self.hash(cookie, address, $0) == given } ?? false
    }

    /// RFC 9018 §4.4: Client Cookie | Version | Reserved | Timestamp | Client-IP.
    private static func hash(
        _ cookie: UnsafeRawPointer, _ address: IPAddress, _ key: SipHash
    ) -> UInt64 {
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { input in
            input.copyMemory(from: UnsafeRawBufferPointer(start: cookie, count: 16))
            switch address {
            case .v4(let address):
                input.storeBytes(
                    of: address.rawValue.bigEndian, toByteOffset: 16, as: UInt32.self)
                return key.hash(UnsafeRawBufferPointer(rebasing: input[..<20]))
            case .v6(let address):
                input.storeBytes(of: address.high.bigEndian, toByteOffset: 16, as: UInt64.self)
                input.storeBytes(of: address.low.bigEndian, toByteOffset: 24, as: UInt64.self)
                return key.hash(UnsafeRawBufferPointer(rebasing: input[..<32]))
            }
        }
    }
}
