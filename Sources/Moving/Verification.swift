// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Compares what was read at a source with what the store holds: message by message, by the hash
/// of its octets.
struct Verification {
    private let account: any AccountPort

    init(_ account: any AccountPort) { self.account = account }

    func compare(_ outcome: inout FolderOutcome) async throws {
        let origins: Origins
        let digests: [Int64: [UInt8]]
        if try await isThere(outcome.mailbox) {
            origins = try await Origins(of: outcome.mailbox, account)
            digests = try await self.digests(outcome.mailbox)
        } else {
            (origins, digests) = (Origins(), [:])
        }
        for (key, hash) in outcome.expected.sorted(by: { $0.key < $1.key }) {
            guard let uid = outcome.present[key] ?? origins.all[key]?.uid else {
                outcome.differences.append("\(key): it is not here")
                continue
            }
            guard let digest = digests[uid] else {
                outcome.removedHere += 1
                continue
            }
            if digest == hash {
                outcome.equal += 1
            } else {
                outcome.differences.append("\(key): it is different here (UID \(uid))")
            }
        }
        outcome.forgetExpected()
        outcome.isVerified = true
    }

    private func isThere(_ mailbox: String) async throws -> Bool {
        let answer = try await account.ask("mailbox.list", [])
        return (answer["mailboxes"]?.array ?? []).contains { $0["mailbox"]?.string == mailbox }
    }

    /// Hashes of what the store holds, by UIDs.
    func digests(_ mailbox: String) async throws -> [Int64: [UInt8]] {
        var digests: [Int64: [UInt8]] = [:]
        var last: Int64 = 0
        while true {
            let answer = try await account.ask(
                "mailbox.digests", [("mailbox", .string(mailbox)), ("after", .integer(last))])
            for digest in answer["digests"]?.array ?? [] {
                last = digest["uid"]?.integer ?? last
                digests[last] = Hexadecimal.decode((digest["hash"]?.string ?? "").utf8)
            }
            if answer["end"]?.bool != false { return digests }
        }
    }
}
