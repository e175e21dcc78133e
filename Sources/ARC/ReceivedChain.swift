// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DKIM

/// An Authenticated Received Chain (RFC 8617): what those said who handled a message before, each in
/// a set of three fields.
package struct ReceivedChain: Sendable {
    /// What validating comes to, as `cv=` says it (§4.4).
    package enum Status: String, Hashable, Sendable {
        case none
        case pass
        case fail
    }

    /// The three fields of one instance (§4.2).
    package struct Link: Sendable {
        package let authenticationResults: FieldList.Field
        package let messageSignature: FieldList.Field
        package let seal: FieldList.Field
    }

    /// What came of the chain.
    package struct Verdict: Sendable {
        package var status: Status
        /// A phrase for people; nil for a chain that holds.
        package var reason: String?
        /// It does not hold now, as a key cannot be had now.
        package var isTemporary = false
        /// Who has sealed, the first first: the domains of the seals; empty unless the chain holds.
        package var sealers: [String] = []
        /// What the first sealer found out, each a `resinfo` (RFC 8601 §2.2); empty unless the
        /// chain holds.
        package var originResults: [String] = []
        /// The lowest instance whose signature of the message still holds (§5.2); 0: all hold.
        package var oldestPass: Int?
    }

    /// §4.2.1: more are refused.
    package static let maximumInstances = 50

    package let header: FieldList
    /// By instance, from 1.
    package let links: [Link]
    /// The highest instance that any field names, whether its set is whole or not.
    package let highestInstance: Int
    /// What is wrong with the form of the chain (§5.2 step 3); nil if it is in order.
    package let fault: String?

    /// Finds the sets of a header.
    package init(_ header: FieldList) {
        self.header = header
        var sets: [Int: [Kind: [FieldList.Field]]] = [:]
        var fault: String?
        var count = 0
        for kind in Kind.allCases {
            for field in header.all(named: kind.rawValue.utf8) {
                count += 1
                guard let instance = kind.instance(of: field) else {
                    fault = fault ?? "\(kind.rawValue) has no instance"
                    continue
                }
                sets[instance, default: [:]][kind, default: []].append(field)
            }
        }
        highestInstance = sets.keys.max() ?? 0
        var links: [Link] = []
        if count > 0, fault == nil {
            for instance in 1...max(1, highestInstance) {
                guard let set = sets[instance], let results = set[.results],
                    let signatures = set[.signature], let seals = set[.seal],
                    results.count == 1, signatures.count == 1, seals.count == 1
                else {
                    fault = "the set \(instance) does not have each of its three fields once"
                    break
                }
                links.append(
                    Link(
                        authenticationResults: results[0], messageSignature: signatures[0],
                        seal: seals[0]))
            }
        }
        self.links = fault == nil ? links : []
        self.fault = fault
    }

    /// Whether there is any field of a chain.
    package var isThere: Bool { fault != nil || !links.isEmpty }

    private enum Kind: String, CaseIterable {
        case results = "arc-authentication-results"
        case signature = "arc-message-signature"
        case seal = "arc-seal"

        /// `i=`, from 1 to 50 (§4.2.1).
        func instance(of field: FieldList.Field) -> Int? {
            let list = ReceivedChain.withoutLeadingComments(field.value)
            let text: String?
            if self == .results {
                // arc-info = instance [CFWS] ";" authres-payload (§4.1.1)
                text = TagList(list.prefix { $0 != UInt8(ascii: ";") })?["i"]
            } else {
                text = TagList(list, isField: true)?["i"]
            }
            guard let text, (1...2).contains(text.utf8.count), text.utf8.allSatisfy(\.isDigit),
                let number = Int(text), (1...ReceivedChain.maximumInstances).contains(number)
            else { return nil }
            return number
        }
    }
}

/// What an ARC-Seal says (RFC 8617 §4.1.3).
struct Seal: Sendable {
    let instance: Int
    let status: ReceivedChain.Status
    let algorithm: Algorithm
    let octets: [UInt8]
    /// In lower case and A-labels (RFC 8616 §5).
    let domain: String
    let selector: String

    init(_ value: ArraySlice<UInt8>) throws(DKIMProblem) {
        let list = ReceivedChain.withoutLeadingComments(value)
        guard let tags = TagList(list, isField: true) else {
            throw .init(.permerror, "a seal is no tag list")
        }
        // §4.1.3: it signs the chain and nothing else. Other tags that it does not have are passed
        // over, as all that nobody knows (RFC 6376 §3.2).
        guard tags["h"] == nil else { throw .init(.permerror, "a seal has h=") }
        guard let instance = tags["i"].flatMap({ Int($0) }),
            let status = tags["cv"].flatMap({ ReceivedChain.Status(rawValue: $0) }),
            let algorithm = tags["a"].flatMap({ Algorithm(rawValue: $0) }),
            let domain = tags["d"].flatMap({ Signature.aLabels($0) }), !domain.isEmpty,
            let selector = tags["s"].flatMap({ Signature.aLabels($0) }), !selector.isEmpty,
            let data = tags.octets(of: "b"),
            let octets = Base64.decode(data, skipsSpace: true),
            !octets.isEmpty
        else { throw .init(.permerror, "a seal lacks i=, cv=, a=, b=, d= or s=") }
        if let time = tags["t"] {
            guard (1...12).contains(time.utf8.count), time.utf8.allSatisfy(\.isDigit) else {
                throw .init(.permerror, "t= of a seal is no number")
            }
        }
        self.instance = instance
        self.status = status
        self.algorithm = algorithm
        self.octets = octets
        self.domain = domain.lowercased()
        self.selector = selector
    }
}

extension ReceivedChain {
    /// The value of a field without comments around the instance, which stand in no list of tags
    /// otherwise.
    ///
    /// ```abnf
    /// arc-message-signature = "ARC-Message-Signature:" [CFWS] arc-ams-info      ; §4.1.2
    /// arc-ams-info          = instance [CFWS] ";" tag-list
    /// ```
    static func withoutLeadingComments(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let open = value.firstIndex(of: UInt8(ascii: "(")),
            !value[..<open].contains(UInt8(ascii: ";"))
        else { return value }
        let parts = AuthenticationResults.split(value)
        let rest = parts.dropFirst().joined(separator: [UInt8(ascii: ";")])
        return AuthenticationResults.withoutComments(parts[0])
            + (parts.count > 1 ? [UInt8(ascii: ";")] + rest : [])
    }

    /// What the seal of an instance is of (§5.1.1): all sets up to it in order, the seal itself
    /// last, with an empty `b=` and without its final CRLF.
    ///
    /// `isAlone`: of a chain that has failed, only its own set (§5.1.2).
    static func sealedOctets(_ links: some Collection<Link>) -> [UInt8] {
        var fields: [FieldList.Field] = []
        for (index, link) in links.enumerated() {
            fields.append(link.authenticationResults)
            fields.append(link.messageSignature)
            let isLast = index == links.count - 1
            fields.append(isLast ? Signature.withoutSignature(link.seal) : link.seal)
        }
        var octets = Canonicalization.relaxed.canonical(fields)
        octets.removeLast(2)
        return octets
    }
}
