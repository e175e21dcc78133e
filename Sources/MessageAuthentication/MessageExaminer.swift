// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DKIM
package import DNS
package import Mail
import SPF
package import World

/// Finds out who sent a message: SPF, iprev, DKIM, ARC and DMARC, each asked once.
///
/// One for all sessions: it remembers who came before.
package final class MessageExaminer: Sendable {
    package let resolver: any Resolver
    let time: any Time
    package let cryptography: any MailCryptography
    /// In whose name results are written (RFC 8601 §2.5).
    package let authservID: String
    private let senders: VerdictMemory<HostCheck.Client, HostCheck.Verdict>
    private let reverseNames: VerdictMemory<IPAddress, ReverseNameCheck.Verdict>
    /// Where signatures are verified, which takes more processor time than all the rest: other
    /// sessions of the same loop do not wait for it; nil: where it is asked for.
    let executor: (any TaskExecutor)?

    /// More signatures than anybody sends for a good reason are not looked at: each may cost a
    /// question and a public-key operation.
    static let maximumSignatures = 10

    package init(
        authservID: String, resolver: any Resolver, time: any Time,
        cryptography: any MailCryptography, executor: (any TaskExecutor)? = nil
    ) {
        self.authservID = authservID
        self.resolver = resolver
        self.time = time
        self.cryptography = cryptography
        self.executor = executor
        senders = VerdictMemory(time)
        reverseNames = VerdictMemory(time)
    }

    /// What is known before the message comes.
    package func senderFacts(
        client: IPAddress, hello: String, reversePath: ReversePath
    ) async -> SenderFacts {
        let reverseName = await reverseNames.verdict(
            on: client, by: resolver, lasts: { $0.result != .temperror }
        ) { await ReverseNameCheck($0).verdict(on: client) }
        let sender = reversePath.address
        let mailFrom = await verdict(
            on: .init(address: client, hello: hello, sender: sender.map { "\($0)" } ?? ""))
        var helloCheck: HostCheck.Verdict?
        if sender != nil {
            helloCheck = await verdict(on: .init(address: client, hello: hello, sender: ""))
        }
        return SenderFacts(
            client: client, hello: hello, reversePath: reversePath, mailFrom: mailFrom,
            helloCheck: helloCheck, reverseName: reverseName)
    }

    /// What SPF says; what runs out of time, or names it in an explanation (RFC 7208 §7.2, macro
    /// `t`), is as it is only now.
    private func verdict(on client: HostCheck.Client) async -> HostCheck.Verdict {
        await senders.verdict(
            on: client, by: resolver, lasts: { $0.result != .temperror && $0.explanation == nil }
        ) { [time, authservID] resolver in
            await HostCheck(resolver: resolver, time: time, receiver: authservID)
                .verdict(on: client)
        }
    }

    /// Seconds since 1970, for signatures and their ends.
    package var now: Int64 { time.timestamp.seconds }

    /// Begins with a message whose header has come, empty line and all.
    package func examine(header: [UInt8]) -> MessageExamination {
        MessageExamination(header: header, by: self)
    }
}
