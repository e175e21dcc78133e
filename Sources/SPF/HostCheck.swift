// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
import Mail
package import World

/// Whether a client may send mail for a domain: `check_host()` (RFC 7208 §4).
package struct HostCheck: Sendable {
    /// Who sends, and for whom: all that a verdict depends on beside the DNS and the time.
    package struct Client: Hashable, Sendable {
        package let address: IPAddress
        /// What it called itself, for the macro `h`; in A-labels.
        package let hello: [UInt8]
        /// Before the `@`; `postmaster` where there is none (§4.3).
        package let localPart: [UInt8]
        /// Behind the `@`, or what it called itself; in A-labels, empty for what has none.
        package let domain: [UInt8]

        /// An empty `sender` stands for the HELO identity (§2.4).
        package init(address: IPAddress, hello: String, sender: String) {
            self.address = address.unmapped
            self.hello = Self.aLabels(Array(hello.utf8)[...])
            let octets = Array((sender.isEmpty ? "postmaster@" + hello : sender).utf8)
            if let at = octets.lastIndex(of: UInt8(ascii: "@")) {
                localPart = at == 0 ? Array("postmaster".utf8) : Array(octets[..<at])
                domain = Self.aLabels(octets[(at + 1)...])
            } else {
                localPart = Array("postmaster".utf8)
                domain = Self.aLabels(octets[...])
            }
        }

        /// RFC 8616 §4: U-labels become A-labels before anything is asked or expanded.
        private static func aLabels(_ name: ArraySlice<UInt8>) -> [UInt8] {
            guard name.contains(where: { $0 > 0x7F }) else { return Array(name) }
            return (try? InternationalDomain.toASCII(String(lossy: name))).map { Array($0.utf8) }
                ?? []
        }
    }

    /// What came of a check.
    package struct Verdict: Hashable, Sendable {
        package var result: SPFResult
        /// The mechanism that matched, as it is written; nil if none did.
        package var mechanism: String?
        /// What the domain has to say to a fail (§6.2).
        package var explanation: String?
        /// Why it is an error, for people.
        package var problem: String?
        /// What was looked at, in order; empty unless `explains`.
        package var steps: [Step] = []

        package init(_ result: SPFResult, problem: String? = nil) {
            self.result = result
            self.problem = problem
        }
    }

    /// One thing that was looked at.
    package struct Step: Hashable, Sendable {
        /// 0 for the domain's own record, 1 for its terms, further in for what these include.
        package let depth: Int
        package let text: String
    }

    private let resolver: any Resolver
    private let time: any Time
    /// Our own name, for the macro `r`.
    private let receiver: String
    /// Whether `Verdict.steps` are wanted.
    package var explains = false

    /// §4.6.4: as many terms may ask the DNS.
    static let maximumLookups = 10
    /// §4.6.4: as many of them may find nothing.
    static let maximumVoidLookups = 2
    /// §4.6.4: exchangers of one `mx`, names of one `ptr`.
    static let maximumNames = 10
    /// §4.6.4: at least twenty seconds.
    static let patience = Duration.seconds(20)

    package init(resolver: any Resolver, time: any Time, receiver: String = "unknown") {
        self.resolver = resolver
        self.time = time
        self.receiver = receiver
    }

    /// Checks a client; asks the DNS at most about a hundred times.
    package func verdict(on client: Client) async -> Verdict {
        // §4.3: what is no fully qualified domain name of at least two labels has no record.
        guard let domain = Name(dotted: client.domain), domain.isFullyQualified,
            client.domain.first != UInt8(ascii: "[")
        else { return Verdict(.none, problem: "there is no domain to ask") }
        var evaluation = Evaluation(
            client: client, resolver: resolver, time: time, receiver: receiver,
            explains: explains)
        return await evaluation.verdict(domain)
    }
}

extension Name {
    fileprivate var isFullyQualified: Bool {
        // The first label is not the last.
        !isRoot && wire[1 + Int(wire[0])] != 0
    }
}
