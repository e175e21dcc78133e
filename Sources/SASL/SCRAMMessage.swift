// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The messages of SCRAM (RFC 5802 §7), read from and written to the line.
enum SCRAMMessage {
    /// What a peer's message may measure: a name, a nonce and a proof need far less.
    static let maximumOctets = 2048

    enum ChannelBinding: Equatable {
        /// `n`: the client knows none.
        case unsupported
        /// `y`: the client could, and believes that the server cannot.
        case notOffered
        /// `p=`: the client demands it.
        case required
    }

    /// ```abnf
    /// client-first-message = gs2-header client-first-message-bare
    /// gs2-header      = gs2-cbind-flag "," [ authzid ] ","
    /// gs2-cbind-flag  = ("p=" cb-name) / "n" / "y"
    /// authzid         = "a=" saslname
    /// client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
    /// ```
    struct ClientFirst {
        var channelBinding: ChannelBinding
        var authorization: String?
        var user: String
        var nonce: String
        /// As it stood in the message: it is repeated in `c=` at the end.
        var header: [UInt8]
        var bare: [UInt8]

        init(_ octets: [UInt8]) throws(AuthenticationFailure) {
            let fields = try SCRAMMessage.fields(octets)
            guard fields.count >= 4 else { throw .expected("n,,n=name,r=nonce") }
            switch fields[0] {
            case "n": channelBinding = .unsupported
            case "y": channelBinding = .notOffered
            case let flag where flag.hasPrefix("p="): channelBinding = .required
            default: throw .expected("a channel binding flag")
            }
            if fields[1].isEmpty {
                authorization = nil
            } else {
                authorization = try SCRAMMessage.name(SCRAMMessage.value("a", of: fields[1]))
            }
            // RFC 5802 §5.1: an unknown mandatory extension ends the exchange.
            guard !fields[2].hasPrefix("m=") else { throw .extensionNotSupported }
            user = try SCRAMMessage.name(SCRAMMessage.value("n", of: fields[2]))
            nonce = try SCRAMMessage.nonce(SCRAMMessage.value("r", of: fields[3]))
            guard !user.isEmpty else { throw .expected("a user name") }
            header = Array("\(fields[0]),\(fields[1]),".utf8)
            bare = Array(octets.dropFirst(header.count))
        }
    }

    /// ```abnf
    /// server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count ["," extensions]
    /// ```
    struct ServerFirst {
        var nonce: String
        var salt: [UInt8]
        var iterations: Int

        init(_ octets: [UInt8]) throws(AuthenticationFailure) {
            let fields = try SCRAMMessage.fields(octets)
            guard let first = fields.first, !first.hasPrefix("m=") else {
                throw .extensionNotSupported
            }
            guard fields.count >= 3 else { throw .expected("r=nonce,s=salt,i=count") }
            nonce = try SCRAMMessage.nonce(SCRAMMessage.value("r", of: first))
            guard let salt = Base64.decode(try SCRAMMessage.value("s", of: fields[1]).utf8),
                !salt.isEmpty
            else { throw .expected("a salt in Base 64") }
            guard let count = Int(try SCRAMMessage.value("i", of: fields[2])), count > 0 else {
                throw .expected("an iteration count")
            }
            self.salt = salt
            iterations = count
        }
    }

    /// ```abnf
    /// client-final-message = channel-binding "," nonce ["," extensions] "," proof
    /// ```
    struct ClientFinal {
        var channelBinding: [UInt8]
        var nonce: String
        var proof: [UInt8]
        var withoutProof: [UInt8]

        init(_ octets: [UInt8]) throws(AuthenticationFailure) {
            let fields = try SCRAMMessage.fields(octets)
            guard fields.count >= 3, let last = fields.last else {
                throw .expected("c=binding,r=nonce,p=proof")
            }
            guard let binding = Base64.decode(try SCRAMMessage.value("c", of: fields[0]).utf8)
            else { throw .expected("a channel binding in Base 64") }
            guard let proof = Base64.decode(try SCRAMMessage.value("p", of: last).utf8) else {
                throw .expected("a proof in Base 64")
            }
            channelBinding = binding
            nonce = try SCRAMMessage.nonce(SCRAMMessage.value("r", of: fields[1]))
            self.proof = proof
            withoutProof = Array(octets.dropLast(last.utf8.count + 1))
        }
    }

    static func fields(_ octets: [UInt8]) throws(AuthenticationFailure) -> [Substring] {
        guard octets.count <= maximumOctets else { throw .expected("at most 2,048 octets") }
        guard let text = String(validating: octets, as: UTF8.self), !octets.contains(0) else {
            throw .expected("well-formed UTF-8 without NUL")
        }
        // By octets: a combining mark behind a comma must not hide it.
        return text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .map { Substring($0) }
    }

    static func value(
        _ attribute: String, of field: Substring
    ) throws(AuthenticationFailure) -> String {
        guard field.utf8.starts(with: "\(attribute)=".utf8) else {
            throw .expected("\(attribute)=")
        }
        return String(Substring(field.utf8.dropFirst(2)))
    }

    /// `r = 1*printable`: ASCII without comma.
    static func nonce(_ text: String) throws(AuthenticationFailure) -> String {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .expected("a nonce of printable characters")
        }
        return text
    }

    /// `saslname`: `=2C` stands for a comma, `=3D` for `=`, and `=` for nothing else.
    static func name(_ text: String) throws(AuthenticationFailure) -> String {
        var octets: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let octet = rest.popFirst() {
            guard octet == UInt8(ascii: "=") else {
                octets.append(octet)
                continue
            }
            switch String(lossy: rest.prefix(2)) {
            case "2C": octets.append(UInt8(ascii: ","))
            case "3D": octets.append(UInt8(ascii: "="))
            default: throw .expected("=2C or =3D")
            }
            rest = rest.dropFirst(2)
        }
        do {
            return try PreparedString(validating: octets).value
        } catch {
            throw .malformed(error)
        }
    }

    static func escape(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case ",": text += "=2C"
            case "=": text += "=3D"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

extension AuthenticationFailure {
    static func expected(_ what: String) -> Self { .malformed(SyntaxError(at: 0, expected: what)) }
}
