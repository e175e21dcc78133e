// SPDX-License-Identifier: Apache-2.0

import DKIM

/// Signatures without mathematics: whoever has the key's octets can sign, and only for fuzzing.
struct PaperCryptography: MailCryptography {
    func digest(_ algorithm: HashAlgorithm) -> any RunningDigest { PaperDigest() }

    func publicKey(_ kind: KeyKind, _ octets: [UInt8]) -> (any VerifyingKey)? {
        octets.count >= 4 ? PaperKey(kind: kind, publicKey: octets) : nil
    }
}

/// A digest of eight octets, by FNV.
struct PaperDigest: RunningDigest {
    private var state: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func update(_ octets: UnsafeRawBufferPointer) {
        for octet in octets { state = (state ^ UInt64(octet)) &* 0x100_0000_01B3 }
    }

    func value() -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: state >> (8 * $0)) } }
}

/// Both halves of a key.
struct PaperKey: VerifyingKey, SigningKey {
    let kind: KeyKind
    let publicKey: [UInt8]

    var bits: Int { publicKey.count * 256 }

    func signature(of octets: [UInt8]) -> [UInt8] {
        var digest = PaperDigest()
        (octets + publicKey).withUnsafeBytes { digest.update($0) }
        return digest.value()
    }

    func verifies(_ signature: [UInt8], of octets: [UInt8], _ hash: HashAlgorithm) -> Bool {
        signature == self.signature(of: octets)
    }
}
