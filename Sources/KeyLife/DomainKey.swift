// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DKIM
package import DNS
package import Mail
package import World

/// A key that signs, or is to sign or has signed, the mail of a domain.
package struct DomainKey: Hashable, Sendable {
    /// Its life, in this order; from `visible` it can fall back to `published`.
    package enum State: String, Hashable, Sendable, CaseIterable {
        /// Nobody has been told of it yet.
        case made
        /// Its record was put into the zone; nobody has seen it there yet.
        case published
        /// It was seen in the DNS, and has to be seen once more.
        case visible
        /// It signs, unless something is wrong with its record.
        case active
        /// It has a successor; signatures by it are still on their way.
        case retired
        /// Published with an empty `p=` (RFC 6376 §3.6.1); its private half is gone.
        case revoked
    }

    /// What is wrong with its record, as the DNS says it.
    package enum Fault: String, Hashable, Sendable, CaseIterable {
        case missing
        /// `p=` is empty though the key was not revoked.
        case revoked
        /// RFC 6376 §3.6.2.2: with several records it is left to chance which is the key.
        case several
        case anotherKey = "another-key"
        case unreadable
        /// Its tags keep it from signing mail with SHA-256.
        case unfit
        /// It was revoked, but the zone has it still.
        case stillThere = "still-there"
    }

    package let selector: String
    package let kind: KeyKind
    /// As `p=` has it.
    package let publicKey: [UInt8]
    package let made: Timestamp
    package var state = State.made
    /// When it came into this state.
    package var since: Timestamp
    /// Since when its record was right whenever anybody looked; nil: it was not at last.
    ///
    /// Of a revoked key: since when its record is gone or empty.
    package var rightSince: Timestamp?
    /// The last time that looking at the record told anything.
    package var seen: Timestamp?
    /// The last time that anybody looked at it, in vain or not.
    package var looked: Timestamp?
    /// The last time it signed, as far as that is written down.
    package var used: Timestamp?
    package var fault: Fault?

    package init(selector: String, kind: KeyKind, publicKey: [UInt8], made: Timestamp) {
        self.selector = selector
        self.kind = kind
        self.publicKey = publicKey
        self.made = made
        since = made
    }

    /// What is to stand at `name(of:)` (RFC 6376 §3.6.1, RFC 8463 §4).
    package var record: String {
        let data = state == .revoked ? "" : Base64.encode(publicKey)
        return "v=DKIM1; k=\(kind.rawValue); p=\(data)"
    }

    /// Where its record stands (RFC 6376 §3.6.2.1); nil if that name would be too long.
    package func name(of domain: Domain) -> Name? {
        try? Name("\(selector)._domainkey.\(domain.name)")
    }

    /// Whether nobody needs to wait for it any more: it signs or would sign if it were asked.
    var canSign: Bool { (state == .active || state == .retired) && fault == nil }

    /// Whether it is not used, and would be if its record were right everywhere.
    package var isDoubted: Bool { isAwaited || fault != nil && state != .revoked }

    /// Whether it is on its way to sign.
    package var isAwaited: Bool { state == .made || state == .published || state == .visible }
}

/// What looking for a key's record came to.
package enum KeySighting: Hashable, Sendable {
    case right
    case wrong(DomainKey.Fault)
    /// Nobody knows: it says nothing of the key.
    case failure(Answer.Failure)

    /// Holds the answer for a key's TXT record against the key.
    package init(_ answer: Answer, of key: DomainKey) {
        switch answer.outcome {
        case .failure(let failure): self = .failure(failure)
        case .noData, .nameError: self = .wrong(.missing)
        case .records:
            let texts = answer.records.compactMap { record -> [UInt8]? in
                // RFC 6376 §3.6.2.2: the strings of a record are one text.
                guard case .txt(let strings) = record.data else { return nil }
                return strings.flatMap { $0 }
            }
            self = Self.judge(texts, of: key)
        }
    }

    private static func judge(_ texts: [[UInt8]], of key: DomainKey) -> Self {
        guard let text = texts.first else { return .wrong(.missing) }
        guard texts.count == 1 else { return .wrong(.several) }
        guard let record = try? KeyRecord(parsing: text), record.serves(["email"]) else {
            return .wrong(.unreadable)
        }
        guard !record.octets.isEmpty else { return .wrong(.revoked) }
        guard record.kind == key.kind, record.octets == key.publicKey else {
            return .wrong(.anotherKey)
        }
        if let hashes = record.hashes, !hashes.contains(HashAlgorithm.sha256.rawValue) {
            return .wrong(.unfit)
        }
        return .right
    }
}
