// SPDX-License-Identifier: Apache-2.0

/// What the first message of a TLS handshake says (RFC 8446 §4.1).
enum TLSHello: Hashable {
    case client(serverName: String?)
    case server(cipherSuite: UInt16)

    /// Reads the records one side sent first; nil if they are no hello or cut short.
    init?(records: [UInt8]) {
        var message: [UInt8] = []
        var reader = Reader(records[...])
        // A hello may be split over several records of type handshake(22).
        while reader.number(1) == 22, reader.number(2) != nil, let part = reader.vector(2) {
            message += part
        }
        var body = Reader(message[...])
        let type = body.number(1)
        guard var hello = body.vector(3).map(Reader.init),
            hello.take(2) != nil, hello.take(32) != nil, hello.vector(1) != nil
        else { return nil }
        switch type {
        case 1:
            guard hello.vector(2) != nil, hello.vector(1) != nil else { return nil }
            self = .client(serverName: hello.vector(2).flatMap(Self.serverName))
        case 2:
            guard let suite = hello.number(2) else { return nil }
            self = .server(cipherSuite: UInt16(suite))
        default: return nil
        }
    }

    /// The registry's name of the suites a TLS library still chooses, else the number.
    static func name(ofCipherSuite suite: UInt16) -> String {
        switch suite {
        case 0x1301: "TLS_AES_128_GCM_SHA256"
        case 0x1302: "TLS_AES_256_GCM_SHA384"
        case 0x1303: "TLS_CHACHA20_POLY1305_SHA256"
        case 0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
        case 0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
        case 0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        case 0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
        case 0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
        case 0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
        default: "0x" + String(suite, radix: 16, uppercase: true)
        }
    }

    /// Extension server_name(0) (RFC 6066 §3), first entry of type host_name(0).
    private static func serverName(_ extensions: ArraySlice<UInt8>) -> String? {
        var reader = Reader(extensions)
        while let type = reader.number(2), let data = reader.vector(2) {
            guard type == 0 else { continue }
            var names = Reader(data)
            guard var list = names.vector(2).map(Reader.init), list.number(1) == 0,
                let name = list.vector(2), !name.isEmpty, name.count <= 255,
                name.allSatisfy({ (0x21...0x7E).contains($0) })
            else { return nil }
            return String(decoding: name, as: UTF8.self)
        }
        return nil
    }

    /// Takes octets from the front, nil where there are too few.
    private struct Reader {
        var rest: ArraySlice<UInt8>

        init(_ octets: ArraySlice<UInt8>) { rest = octets }

        mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        mutating func number(_ octets: Int) -> Int? {
            take(octets)?.reduce(0) { $0 << 8 | Int($1) }
        }

        /// A vector (RFC 8446 §3.4) with a length of so many octets before it.
        mutating func vector(_ lengthOctets: Int) -> ArraySlice<UInt8>? {
            number(lengthOctets).flatMap { take($0) }
        }
    }
}
