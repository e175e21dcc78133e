// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DKIM
package import DNS
package import Mail
import SPF
package import World

/// Finds out who sent a message: SPF, iprev, DKIM, ARC and DMARC, each asked once.
package struct MessageExaminer: Sendable {
    package let resolver: any Resolver
    let time: any Time
    package let cryptography: any MailCryptography
    /// In whose name results are written (RFC 8601 §2.5).
    package let authservID: String
    private let hostCheck: HostCheck
    /// Where signatures are verified, which takes more processor time than all the rest: other
    /// sessions of the same loop do not wait for it; nil: where it is asked for.
    package var executor: (any TaskExecutor)?

    /// More signatures than anybody sends for a good reason are not looked at: each may cost a
    /// question and a public-key operation.
    static let maximumSignatures = 10

    package init(
        authservID: String, resolver: any Resolver, time: any Time,
        cryptography: any MailCryptography
    ) {
        self.authservID = authservID
        self.resolver = resolver
        self.time = time
        self.cryptography = cryptography
        hostCheck = HostCheck(resolver: resolver, time: time, receiver: authservID)
    }

    /// What is known before the message comes.
    package func senderFacts(
        client: IPAddress, hello: String, reversePath: ReversePath
    ) async -> SenderFacts {
        let reverseName = await ReverseNameCheck(resolver).verdict(on: client)
        let sender = reversePath.address
        let mailFrom = await hostCheck.verdict(
            on: HostCheck.Client(
                address: client, hello: hello, sender: sender.map { "\($0)" } ?? ""))
        var helloCheck: HostCheck.Verdict?
        if sender != nil {
            helloCheck = await hostCheck.verdict(
                on: HostCheck.Client(address: client, hello: hello, sender: ""))
        }
        return SenderFacts(
            client: client, hello: hello, reversePath: reversePath, mailFrom: mailFrom,
            helloCheck: helloCheck, reverseName: reverseName)
    }

    /// Seconds since 1970, for signatures and their ends.
    package var now: Int64 { time.timestamp.seconds }

    /// Begins with a message whose header has come, empty line and all.
    package func examine(header: [UInt8]) -> MessageExamination {
        MessageExamination(header: header, by: self)
    }
}
