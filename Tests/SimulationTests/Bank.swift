// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import SimulatedWorld
import World

/// `bank.example`, whose mail is signed or comes from its own host, and nothing else is its mail.
struct Bank: Sendable {
    private static let domain = "bank.example"
    private static let selector = "post"

    private let simulation: Simulation
    private let cryptography: SimulatedMailCryptography
    private let secret = [UInt8](repeating: 9, count: 32)

    init(_ simulation: Simulation) {
        self.simulation = simulation
        cryptography = SimulatedMailCryptography(entropy: simulation)
    }

    /// Of the key, for the zone.
    var record: String {
        let key = Base64.encode(cryptography.key(.rsa, secret: secret)?.publicKey ?? [])
        return "\(Self.selector)._domainkey.\(Self.domain). IN TXT "
            + Town.strings("v=DKIM1; k=rsa; p=\(key)")
    }

    /// The field to stand above a letter.
    func signature(_ header: [UInt8], _ body: [UInt8]) -> [UInt8] {
        guard let key = cryptography.key(.rsa, secret: secret) else { return [] }
        var settings = Signer.Settings()
        settings.time = simulation.timestamp.seconds
        var signer = Signer(
            header: FieldList(header), settings: settings, cryptography: cryptography)
        body.withUnsafeBytes { signer.update($0) }
        let identity = Signer.Identity(domain: Self.domain, selector: Self.selector, key: key)
        return ((try? signer.finish([identity])) ?? []).flatMap { $0 }
    }
}
