// SPDX-License-Identifier: Apache-2.0

import Crypto
import Forwarding
package import Mail
import Storage
import Synchronization
import World

// Mail that goes on to other hosts: its senders' paths in our domains (SRS), and the way back.
extension Registry {
    /// What an address of ours is that may stand for a sender elsewhere.
    package enum ReturnPath: Hashable, Sendable {
        /// It has not that form, or its domain is not at home here.
        case none
        /// Whom it stands for.
        case sender(Address)
        /// It was not made here, or was changed.
        case forged
        /// It was made more than `SenderRewriting.lifetimeDays` ago.
        case expired
        /// The store does not answer.
        case temporarilyUnknown
    }

    /// The reverse-path with which a message goes on from an alias in `domain` to another host.
    ///
    /// Nil if it keeps the one it has: the sender is at home here, `domain` is not, or the store
    /// does not answer, which is no reason to hold mail up.
    package func forwardingPath(of sender: Address, from domain: Domain) async -> Address? {
        guard let origin = sender.domain, let home = try? responsibility(for: domain),
            case .local = home, let there = try? responsibility(for: origin)
        else { return nil }
        if case .local = there { return nil }
        if let path = rewriting.rewritten(sender, in: domain, at: time.timestamp) { return path }
        return await keep(sender).map { Address($0, at: domain) }
    }

    /// Whom an address of ours stands for.
    package func returnPath(_ address: Address) -> ReturnPath {
        guard SenderRewriting.isRewritten(address.localPart), let domain = address.domain else {
            return .none
        }
        do {
            guard case .local = try responsibility(for: domain) else { return .none }
            if let token = SenderRewriting.token(in: address.localPart) {
                return try kept(by: token)
            }
        } catch {
            return .temporarilyUnknown
        }
        do throws(SenderRewriting.Fault) {
            return try rewriting.original(of: address.localPart, at: time.timestamp)
                .map { .sender($0) } ?? .none
        } catch {
            return error == .expired ? .expired : .forged
        }
    }

    // MARK: - Senders that are too long for a path of ours

    /// Kept for a day longer than they are good for, so that they are said to have expired.
    private static let keptDays = Int64(SenderRewriting.lifetimeDays) + 30

    private var today: Int64 { time.timestamp.seconds / 86_400 }

    /// Keeps a sender, once a day; nil if the store does not take it.
    private func keep(_ sender: Address) async -> LocalPart? {
        let token = rewriting.token(for: sender)
        let day = today
        if keptSenders.withLock({ $0.value(for: token) }) != day {
            let isKept: Void? = try? await store.write { transaction in
                try transaction.execute(
                    """
                    INSERT INTO directory_forwarded_sender (token, sender, day) VALUES (?, ?, ?)
                    ON CONFLICT (token) DO UPDATE SET day = excluded.day
                    """,
                    [.text(token), .text(sender.description), .integer(day)])
                try transaction.execute(
                    "DELETE FROM directory_forwarded_sender WHERE day < ?",
                    [.integer(day - Self.keptDays)])
            }
            guard isKept != nil else { return nil }
            keptSenders.withLock { $0.insert(day, for: token) }
        }
        return SenderRewriting.localPart(of: token)
    }

    private func kept(by token: String) throws(DirectoryFailure) -> ReturnPath {
        let found = try lookUp { lookup throws(StorageFailure) in
            try lookup.transaction.first(
                "SELECT sender, day FROM directory_forwarded_sender WHERE token = ?",
                [.text(token)]
            ) { ($0.text(0), $0.integer(1)) }
        }
        guard let (text, day) = found, let sender = try? Address(text) else { return .forged }
        return today - day > Int64(SenderRewriting.lifetimeDays) ? .expired : .sender(sender)
    }
}

extension SenderRewriting {
    /// With HMAC-SHA-256.
    init(key: [UInt8]) {
        let key = SymmetricKey(data: key)
        self.init { Array(HMAC<SHA256>.authenticationCode(for: $0, using: key)) }
    }
}
