// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS

/// A list of addresses or domains that is asked by DNS (RFC 5782), and what a hit does.
package struct DNSList: Hashable, Sendable {
    /// What is looked up in it.
    package enum Subject: String, Hashable, Sendable, CaseIterable {
        /// The client's address (RFC 5782 §2.1, §2.4).
        case address
        /// The domains of the sender and of EHLO (RFC 5782 §3).
        case domain
    }

    /// What a hit does.
    package enum Action: String, Hashable, Sendable, CaseIterable {
        /// Adds the weight to the score of the message.
        case score
        /// Refuses the recipients.
        case reject
        /// Is only written down: to try a list out.
        case note
        /// Spares the message lists, greylisting and rejection by score: for lists of good hosts.
        case bypass
    }

    package let zone: Name
    package let subject: Subject
    package let action: Action
    package let weight: Points
    /// Which return codes count, as numbers within 127.0.0.0/8.
    package let codes: [ClosedRange<UInt32>]

    /// More ranges than any list has meanings.
    static let maximumCodes = 32

    package init(
        zone: Name, subject: Subject = .address, action: Action = .score, weight: Points = 4,
        codes: [ClosedRange<UInt32>] = [Self.wholeNetwork]
    ) {
        self.zone = zone
        self.subject = subject
        self.action = action
        self.weight = weight
        self.codes = codes
    }

    /// RFC 5782 §2.3: what lies outside is no answer of a list (a captured domain, say).
    package static let wholeNetwork: ClosedRange<UInt32> = 0x7F00_0000...0x7FFF_FFFF
    /// 127.255.255.0/24: by convention "you may not ask" or "you ask too much", never a listing.
    static let refusals: ClosedRange<UInt32> = 0x7FFF_FF00...0x7FFF_FFFF

    /// Reads the line of the configuration.
    ///
    /// ```abnf
    /// list  = zone *( SP ( "of=" subject / "action=" action / "weight=" points / "codes=" codes ) )
    /// codes = range *( "," range )
    /// range = address [ "-" address ]
    /// ```
    package init?(_ text: String) {
        var words = text.split(separator: " ").map(String.init)
        guard !words.isEmpty, let zone = try? Name(words.removeFirst()), !zone.isRoot else {
            return nil
        }
        var subject = Subject.address
        var action = Action.score
        var weight: Points?
        var codes = [Self.wholeNetwork]
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { return nil }
            switch parts[0] {
            case "of":
                guard let value = Subject(rawValue: parts[1]) else { return nil }
                subject = value
            case "action":
                guard let value = Action(rawValue: parts[1]) else { return nil }
                action = value
            case "weight":
                guard let value = Points(parts[1]) else { return nil }
                weight = value
            case "codes":
                guard let value = Self.codes(parts[1]) else { return nil }
                codes = value
            default: return nil
            }
        }
        let usual: Points =
            switch action {
            case .score, .reject: 4
            case .bypass: -4
            case .note: 0
            }
        self.init(
            zone: zone, subject: subject, action: action, weight: weight ?? usual, codes: codes)
    }

    private static func codes(_ text: String) -> [ClosedRange<UInt32>]? {
        let texts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard texts.count <= maximumCodes else { return nil }
        var codes: [ClosedRange<UInt32>] = []
        for text in texts {
            let ends = text.split(separator: "-", omittingEmptySubsequences: false)
                .map { IPv4Address($0)?.rawValue }
            guard (1...2).contains(ends.count), let first = ends[0],
                let last = ends[ends.count - 1],
                first <= last, wholeNetwork.contains(first), wholeNetwork.contains(last)
            else { return nil }
            codes.append(first...last)
        }
        return codes
    }

    /// By which its weight can be set.
    package var testName: String { "list=\(zone)" }

    /// The name to ask for an address: its octets, or its hexadecimal digits, backwards, in the
    /// list's zone (RFC 5782 §2.1, §2.4).
    package func query(for address: IPAddress) -> Name? {
        let address = address.unmapped
        let labels =
            address.isIPv4
            ? address.octets.reversed().map { Array(String($0).utf8) }
            : address.octets.reversed().flatMap { octet in
                [octet & 15, octet >> 4].map { Array(String($0, radix: 16).utf8) }
            }
        return query(labels)
    }

    /// The name to ask for a domain (RFC 5782 §3); nil if it is too long to be asked.
    package func query(for domain: Name) -> Name? { query(domain.labels.map { Array($0) }) }

    private func query(_ labels: [[UInt8]]) -> Name? {
        Name(labels: labels + zone.labels.map { Array($0) })
    }

    /// What an answer means.
    package enum Finding: Hashable, Sendable {
        case listed([IPv4Address])
        case notListed
        /// The list does not say: it failed, refuses to answer, or is no list (any more).
        case unknown(String)
    }

    /// Reads the answer to `query`.
    package func finding(_ answer: Answer) -> Finding {
        switch answer.outcome {
        case .noData, .nameError: return .notListed
        case .failure(let failure): return .unknown(failure.description)
        case .records: break
        }
        let addresses = answer.records.compactMap { record -> IPv4Address? in
            guard case .a(let address) = record.data else { return nil }
            return address
        }
        if let refusal = addresses.first(where: { Self.refusals.contains($0.rawValue) }) {
            return .unknown("the list refuses to answer (\(refusal))")
        }
        if let foreign = addresses.first(where: { !Self.wholeNetwork.contains($0.rawValue) }) {
            return .unknown("\(foreign) is no answer of a list")
        }
        let hits = addresses.filter { address in
            codes.contains { $0.contains(address.rawValue) }
        }
        return hits.isEmpty ? .notListed : .listed(hits.sorted { $0.rawValue < $1.rawValue })
    }
}

/// A hit in a list.
package struct DNSListing: Hashable, Sendable, CustomStringConvertible {
    package let list: DNSList
    /// What was found there: an address, or a domain.
    package let subject: String
    package let codes: [IPv4Address]
    /// The list's own words (TXT), if they were asked for.
    package var text: String?

    package init(
        _ list: DNSList, subject: String, codes: [IPv4Address], text: String? = nil
    ) {
        self.list = list
        self.subject = subject
        self.codes = codes
        self.text = text
    }

    package var description: String {
        "\(subject) in \(list.zone): \(codes.prefix(4).map(\.description).joined(separator: ", "))"
    }
}
