// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DKIM
import LiveWorld

/// A message from a file or standard input, as signatures see it.
struct GivenMessage {
    let header: FieldList
    /// All of it, with CRLF at the end of each line.
    let octets: [UInt8]
    private let bodyStart: Int

    /// Bare LF line ends are taken as well.
    init(_ file: String) throws { self.init(octets: try Files.read(file)) }

    init(octets given: [UInt8]) {
        octets = Self.withNetworkLineEnds(given)
        var index = 0
        var isAtLineStart = true
        var end: Int?
        while index < octets.count {
            if isAtLineStart, octets[index] == .carriageReturn, index + 1 < octets.count,
                octets[index + 1] == .lineFeed
            {
                end = index
                break
            }
            isAtLineStart = octets[index] == .lineFeed
            index += 1
        }
        header = FieldList(Array(octets[..<(end ?? octets.count)]))
        bodyStart = end.map { $0 + 2 } ?? octets.count
    }

    /// Hands the body over.
    func withBody(_ take: (UnsafeRawBufferPointer) -> Void) {
        octets.withUnsafeBytes { take(UnsafeRawBufferPointer(rebasing: $0[bodyStart...])) }
    }

    private static func withNetworkLineEnds(_ octets: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(octets.count + octets.count / 32)
        var last: UInt8 = 0
        for octet in octets {
            if octet == .lineFeed, last != .carriageReturn { result.append(.carriageReturn) }
            result.append(octet)
            last = octet
        }
        return result
    }
}

/// What verifiers may be told to count, or not.
struct VerificationOptions: ParsableArguments {
    @Option(help: "RSA keys with fewer bits do not count; default 1024 (RFC 8301).")
    var minRsaBits: Int?

    var policy: Verification.Policy {
        var policy = Verification.Policy()
        if let minRsaBits { policy.minimumRSABits = minRsaBits }
        return policy
    }
}

/// Who signs, and with which key.
struct SigningOptions: ParsableArguments {
    @Option(help: "The domain that signs.") var domain: String
    @Option(help: "The name of its key.") var selector: String
    @Option(help: "A file with the private key, PEM.") var key: String
    @Option(help: "When, in seconds since 1970; left out, it is not said.") var time: Int64?

    func identity() throws -> Signer.Identity {
        let text = String(lossy: try Files.read(key))
        guard let key = LiveSigningKey(pem: text) else {
            throw CommandFailure.data("\(key) holds no RSA or Ed25519 key that can sign")
        }
        guard let name = Signature.aLabels(domain), let keyName = Signature.aLabels(selector) else {
            throw CommandFailure.usage("`\(selector)._domainkey.\(domain)` is no domain name")
        }
        return Signer.Identity(domain: name, selector: keyName, key: key)
    }
}
