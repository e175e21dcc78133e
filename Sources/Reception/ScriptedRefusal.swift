// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Directory
import Mail
import SMTP
package import ScriptStore
import Sieve
import Spool
import Storage
import Synchronization

/// Refuses within the dialogue what its only recipient's script rejects (RFC 5429 §2.1.1, §2.2), so
/// that whoever really sent it hears of it, and nobody else.
///
/// Whoever has no script that rejects costs a look into memory.
package final class ScriptedRefusal: Sendable {
    private let scripts: Scripts
    private let registry: Registry
    /// Of messages that scripts look at this moment.
    private let heldOctets = Mutex(0)

    /// A larger message is left to delivery, as if there were no script there either.
    private static let maximumOctets = 64 << 20
    /// Of all messages at one time: what comes beyond is accepted, and delivery rejects it.
    private static let maximumHeldOctets = 256 << 20
    /// Longer texts are no reply; `reject` sends them by a notification.
    private static let maximumReasonOctets = 4096

    package init(_ scripts: Scripts, registry: Registry) {
        self.scripts = scripts
        self.registry = registry
    }

    /// What the sender is told, and why, for the journal.
    struct Answer {
        let reply: Reply
        let summary: String
    }

    /// Whose script may reject what comes to this recipient; nil in nearly all cases.
    func account(of recipient: Envelope.Recipient) async throws -> AccountID? {
        guard !scripts.isIdle, case .local(let targets) = await registry.judge(recipient.address),
            targets.count == 1, let account = targets[0].account
        else { return nil }
        let traits = try await scripts.traits(
            of: account.rawValue, in: { [registry] in try registry.domain(of: account) })
        return traits.contains(.rejects) ? account : nil
    }

    /// Runs the script of an account without any effect; nil: the message is to be accepted,
    /// whatever delivery makes of it then.
    ///
    /// `incoming` is what delivery would say of the message.
    func judge(_ incoming: Incoming, of account: AccountID) async throws -> Answer? {
        guard
            let active = try await scripts.active(
                of: account.rawValue, in: { [registry] in try registry.domain(of: account) })
        else { return nil }
        let run = try await scripts.run(active.script, over: incoming, of: account.rawValue)
        for case .reject(let reason, let isExtended) in run.verdict.actions {
            return Self.reply(reason, isExtended: isExtended).map {
                Answer(reply: $0, summary: run.verdict.summary)
            }
        }
        return nil
    }

    /// Makes room for a message in memory, until `release`; false: there is none.
    func hold(_ octets: Int) -> Bool {
        guard octets <= Self.maximumOctets else { return false }
        return heldOctets.withLock { held in
            guard held + octets <= Self.maximumHeldOctets else { return false }
            held += octets
            return true
        }
    }

    func release(_ octets: Int) { heldOctets.withLock { $0 -= octets } }

    /// RFC 5429 §2.5; nil for what only a notification can say.
    static func reply(_ reason: String, isExtended: Bool) -> Reply? {
        var reason = reason
        if !reason.isASCII || reason.utf8.count > maximumReasonOctets {
            // §2.2: `reject` preserves the text, §2.1.1: `ereject` the dialogue.
            guard isExtended else { return nil }
            reason = ""
        }
        var lines: [String] = []
        for line in reason.split(whereSeparator: \.isNewline) {
            var rest = line[...]
            while rest.utf8.count > Reply.maximumTextOctets {
                let end = rest.index(rest.startIndex, offsetBy: Reply.maximumTextOctets)
                let cut = rest[..<end].lastIndex(of: " ") ?? end
                lines.append(String(rest[..<cut]))
                rest = rest[cut...].drop { $0 == " " }
            }
            lines.append(String(rest))
        }
        return Reply(
            550, EnhancedStatus(5, 7, 1),
            lines: lines.isEmpty ? ["The recipient does not want this message"] : lines)
    }
}
