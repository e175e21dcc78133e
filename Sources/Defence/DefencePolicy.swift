// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// What a host does against those who mean harm, as its configuration says.
package struct DefencePolicy: Hashable, Sendable {
    /// Where rspamd is asked.
    package struct Scanner: Hashable, Sendable {
        package var address: SocketAddress
        /// Whether its action is followed; else only its symbols count.
        package var isObeyed = true
        /// Whether mail is put off while it does not answer.
        package var isRequired = false

        package init(_ address: SocketAddress) { self.address = address }

        /// Reads `address:port [action=follow|score] [fail=accept|tempfail]`.
        package init?(_ text: String) {
            let words = text.split(separator: " ").map(String.init)
            guard let first = words.first, let address = SocketAddress(first) else { return nil }
            self.init(address)
            for word in words.dropFirst() {
                switch word {
                case "action=follow": isObeyed = true
                case "action=score": isObeyed = false
                case "fail=accept": isRequired = false
                case "fail=tempfail": isRequired = true
                default: return nil
                }
            }
        }
    }

    package var weights = Weights()
    package var thresholds = Score.Thresholds()
    package var lists: [DNSList] = []
    /// Nil: strangers are not asked to come again.
    package var greylist: Greylist?
    /// A stolen password sends no more than this.
    package var rates = [
        RateLimit(.account, 2_000, per: .hour), RateLimit(.account, 10_000, per: .day),
    ]
    /// Errors after which a connection is closed; 0: never.
    package var maximumErrors = 20
    /// Whether hosts are banned that do wrong again and again.
    package var bansUnasked = true
    /// Networks that are never banned, slowed down, greylisted, or looked up in lists.
    package var ownNetworks: [IPNetwork] = []
    package var scanner: Scanner?
    /// Larger messages are not scanned: they are hardly ever spam, and take memory.
    package var maximumScannedOctets = 2 << 20

    package init() {}

    /// Whether anything is limited of mail that is brought.
    package var limitsStrangers: Bool { rates.contains { !$0.subject.isOfAccounts } }

    /// Whether a host is of this site.
    package func isOwn(_ host: IPAddress) -> Bool { ownNetworks.contains { $0.contains(host) } }
}
