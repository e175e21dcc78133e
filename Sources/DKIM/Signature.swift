// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

/// What a DKIM-Signature field says (RFC 6376 §3.5), or an ARC-Message-Signature, which is made the
/// same way (RFC 8617 §4.1.2).
package struct Signature: Sendable {
    package let algorithm: Algorithm
    /// `b=`.
    package let octets: [UInt8]
    /// `bh=`.
    package let bodyHash: [UInt8]
    package let headerForm: Canonicalization
    package let bodyForm: Canonicalization
    /// `d=`, in lower case and A-labels.
    package let domain: String
    /// `h=`, in lower case.
    package let headers: [ArraySlice<UInt8>]
    /// `i=`: on whose behalf; the domain where nothing is said; its domain in A-labels.
    package let identity: String
    /// `l=`: how many octets of the body count; nil: all.
    package let bodyLength: Int?
    /// `s=`, in A-labels.
    package let selector: String
    /// `t=`, seconds since 1970.
    package let time: Int64?
    /// `x=`, seconds since 1970.
    package let expiration: Int64?
    /// `z=`: fields as they were when they were signed, for `CopiedField.all`.
    package let copies: ArraySlice<UInt8>?

    /// More names than that no signer needs.
    static let maximumHeaders = 1000

    /// A signature that has faults, as far as it can be named.
    package struct Fault: Error, Sendable {
        package var problem: DKIMProblem
        package var domain: String?
        package var selector: String?
        package var algorithm: String?
    }

    /// Reads the value of a field.
    ///
    /// `isSeal`: of an ARC set, which has an instance instead of a version.
    package init(_ value: some Collection<UInt8>, isSeal: Bool = false) throws(Fault) {
        guard let tags = TagList(value, isField: true) else {
            throw Fault(problem: .init(.permerror, "it is no list of tags"))
        }
        do throws(DKIMProblem) {
            try self.init(tags, isSeal: isSeal)
        } catch {
            throw Fault(
                problem: error, domain: tags["d"].flatMap { Self.aLabels($0) },
                selector: tags["s"].flatMap { Self.aLabels($0) }, algorithm: tags["a"])
        }
    }

    private init(_ tags: TagList, isSeal: Bool) throws(DKIMProblem) {
        func required(_ name: String) throws(DKIMProblem) -> String {
            String(lossy: try Self.required(name, tags))
        }
        guard isSeal || tags["v"] == "1" else { throw .init(.permerror, "v= is not 1") }
        let name = try required("a")
        guard let algorithm = Algorithm(rawValue: name) else {
            throw .init(.permerror, "nobody knows the algorithm \(name)")
        }
        self.algorithm = algorithm
        octets = try Self.base64("b", tags)
        bodyHash = try Self.base64("bh", tags)
        let forms = (tags["c"] ?? "simple/simple")
            .split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...2).contains(forms.count), let header = Canonicalization(rawValue: forms[0]),
            // §3.5: a form alone is the header's, and the body's is simple.
            let body = Canonicalization(rawValue: forms.count == 2 ? forms[1] : "simple")
        else { throw .init(.permerror, "nobody knows the canonicalization \(tags["c"] ?? "")") }
        headerForm = header
        bodyForm = body
        guard let domain = Self.aLabels(try required("d"))?.asciiLowercased,
            let selector = Self.aLabels(try required("s")), Self.isDomain(domain),
            Self.isDomain(selector)
        else { throw .init(.permerror, "d= and s= do not make a domain name") }
        self.domain = domain
        self.selector = selector
        headers = try Self.headers(tags)
        guard headers.contains(where: { $0.elementsEqual("from".utf8) }) else {
            throw .init(.permerror, "From is not signed")
        }
        identity = try isSeal ? domain : Self.identity(tags.octets(of: "i"), domain)
        bodyLength = try tags["l"].map { text throws(DKIMProblem) in
            Int(try Self.number("l", text, digits: 76))
        }
        time = try tags["t"].map { text throws(DKIMProblem) in
            try Self.number("t", text, digits: 12)
        }
        expiration = try tags["x"].map { text throws(DKIMProblem) in
            try Self.number("x", text, digits: 12)
        }
        copies = tags.octets(of: "z")
        if let time, let expiration, expiration <= time {
            throw .init(.permerror, "it expires before it was made")
        }
        if let methods = tags["q"] {
            let known = methods.split(separator: ":").map { $0.filter { !$0.isWhitespace } }
            guard known.contains("dns/txt") else {
                throw .init(.permerror, "nobody knows the query method \(methods)")
            }
        }
    }

    private static func required(
        _ name: String, _ tags: TagList
    ) throws(DKIMProblem) -> ArraySlice<UInt8> {
        guard let value = tags.octets(of: name), !value.isEmpty else {
            throw DKIMProblem(.permerror, "\(name)= is missing")
        }
        return value
    }

    private static func base64(_ name: String, _ tags: TagList) throws(DKIMProblem) -> [UInt8] {
        let text = try required(name, tags)
        guard let octets = Base64.decode(text, skipsSpace: true), !octets.isEmpty else {
            throw .init(.permerror, "\(name)= is no Base64")
        }
        return octets
    }

    private static func number(
        _ name: String, _ text: String, digits: Int
    ) throws(DKIMProblem) -> Int64 {
        guard (1...digits).contains(text.utf8.count), text.utf8.allSatisfy(\.isDigit) else {
            throw .init(.permerror, "\(name)= is no number")
        }
        // More octets than any message has are as good as all.
        return Int64(text) ?? .max
    }

    private static func headers(_ tags: TagList) throws(DKIMProblem) -> [ArraySlice<UInt8>] {
        var letters: [UInt8] = []
        for octet in try required("h", tags) where !octet.isSpaceOrLineEnd {
            letters.append(octet.lowercased)
        }
        let names = letters.split(
            separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        guard names.count <= maximumHeaders else { throw .init(.permerror, "h= names too many") }
        // field-name = 1*ftext (RFC 5322 §3.6.8)
        guard names.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x21...0x7E).contains($0) } })
        else { throw .init(.permerror, "h= is no list of field names") }
        return names
    }

    /// §3.5: `i=` is in the domain of `d=`, or below it.
    private static func identity(
        _ value: ArraySlice<UInt8>?, _ domain: String
    ) throws(DKIMProblem) -> String {
        guard let value else { return "@" + domain }
        let text = String(lossy: QuotedText.decode(value))
        // An octet, not a character: with a combining mark behind it that would be another one.
        guard let at = text.utf8.lastIndex(of: UInt8(ascii: "@")) else {
            throw .init(.permerror, "i= has no domain")
        }
        let written = String(text[text.utf8.index(after: at)...])
        // RFC 8616 §5: U-labels and A-labels may stand side by side.
        guard let labels = aLabels(written) else {
            throw .init(.permerror, "i= has no domain that the DNS could hold")
        }
        let own = labels.asciiLowercased
        guard own == domain || own.hasSuffix("." + domain), isDomain(own) else {
            throw .init(.permerror, "i= is not in the domain of d=")
        }
        return written.isASCII ? text : text[..<at] + "@" + own
    }

    /// A domain name, or a part of one, as the DNS has it (RFC 8616 §3): U-labels as A-labels,
    /// ASCII as it is written; nil for what has no such form.
    package static func aLabels(_ text: String) -> String? {
        text.isASCII ? text : try? InternationalDomain.toASCII(text)
    }

    private static func isDomain(_ text: String) -> Bool {
        text.utf8.count <= 253
            && text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
                .allSatisfy {
                    (1...63).contains($0.count)
                        && $0.allSatisfy { $0.isAlphanumeric || $0 == 0x2D || $0 == 0x5F }
                }
    }

    /// `i=` without its local part.
    package var identityDomain: Substring {
        identity.utf8.lastIndex(of: UInt8(ascii: "@"))
            .map { identity[identity.utf8.index(after: $0)...] } ?? identity[...]
    }

    /// A field whose `b=` is empty, as it is part of what is signed (§3.7).
    package static func withoutSignature(_ field: FieldList.Field) -> FieldList.Field {
        let value = field.value
        var index = value.startIndex
        while index < value.endIndex {
            let end = value[index...].firstIndex(of: UInt8(ascii: ";")) ?? value.endIndex
            let tag = value[index..<end]
            if let equals = tag.firstIndex(of: UInt8(ascii: "=")), isNamedB(tag[..<equals]) {
                var changed: [UInt8] = []
                changed.reserveCapacity(field.whole.count)
                changed += field.whole[..<(equals + 1)]
                // The CRLF that ends the field stays.
                changed += end < value.endIndex ? value[end...] : [.carriageReturn, .lineFeed]
                let start = value.startIndex - field.whole.startIndex
                return FieldList.Field(
                    name: field.name, value: changed[start...], whole: changed[...])
            }
            index = end + 1
        }
        return field
    }

    private static func isNamedB(_ name: ArraySlice<UInt8>) -> Bool {
        var isB = false
        for octet in name where !octet.isSpaceOrLineEnd {
            guard !isB, octet == UInt8(ascii: "b") else { return false }
            isB = true
        }
        return isB
    }
}
