// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

extension AggregateReport {
    /// RFC 9990 §3.1.3: no more than these, the most telling first.
    package static let maximumSignatures = 100

    /// The file by RFC 9990 appendix A, UTF-8.
    ///
    /// Begin, end, `email` and `reportID` have to be set; a record without `selector` is written
    /// with an empty one, as the schema has no other way.
    package var xml: [UInt8] {
        var writer = XMLWriter()
        writer.open("feedback", #"xmlns="urn:ietf:params:xml:ns:dmarc-2.0""#)
        writer.element("version", "1.0")
        writeMetadata(&writer)
        writePolicy(&writer)
        for record in records { Self.write(record, &writer) }
        writer.close("feedback")
        return writer.octets
    }

    private func writeMetadata(_ writer: inout XMLWriter) {
        writer.open("report_metadata")
        writer.element("org_name", organization)
        writer.element("email", email ?? "")
        writer.element("extra_contact_info", extraContact)
        writer.element("report_id", reportID ?? "")
        writer.open("date_range")
        writer.element("begin", "\(begin?.seconds ?? 0)")
        writer.element("end", "\(end?.seconds ?? 0)")
        writer.close("date_range")
        writer.element("error", errors.isEmpty ? nil : errors.joined(separator: "; "))
        writer.element("generator", generator)
        writer.close("report_metadata")
    }

    private func writePolicy(_ writer: inout XMLWriter) {
        writer.open("policy_published")
        writer.element("domain", policy.domain)
        writer.element("discovery_method", policy.discovery?.rawValue)
        writer.element("p", (policy.policy ?? Disposition.none).rawValue)
        writer.element("sp", policy.subdomainPolicy?.rawValue)
        writer.element("np", policy.absentPolicy?.rawValue)
        writer.element("fo", policy.failureOptions)
        writer.element("adkim", policy.dkimAlignment?.rawValue)
        writer.element("aspf", policy.spfAlignment?.rawValue)
        writer.element("testing", policy.isTesting.map { $0 ? "y" : "n" })
        writer.close("policy_published")
    }

    /// The elements of each stand in the order of RFC 9990's tables 7 to 11.
    private static func write(_ record: Record, _ writer: inout XMLWriter) {
        writer.open("record")
        writer.open("row")
        writer.element("source_ip", record.source.description)
        writer.element("count", "\(record.count)")
        writer.open("policy_evaluated")
        writer.element("disposition", record.disposition.rawValue)
        writer.element("dkim", record.isDKIMAligned ? "pass" : "fail")
        writer.element("spf", record.isSPFAligned ? "pass" : "fail")
        for reason in record.reasons {
            writer.open("reason")
            writer.element("type", reason.type)
            writer.element("comment", reason.comment)
            writer.close("reason")
        }
        writer.close("policy_evaluated")
        writer.close("row")
        writer.open("identifiers")
        writer.element("header_from", record.headerFrom)
        writer.element("envelope_from", record.envelopeFrom)
        writer.element("envelope_to", record.envelopeTo)
        writer.close("identifiers")
        writer.open("auth_results")
        for signature in record.signatures.prefix(maximumSignatures) {
            writer.open("dkim")
            writer.element("domain", signature.domain)
            writer.element("selector", signature.selector ?? "")
            writer.element("result", signature.result)
            writer.element("human_result", signature.explanation)
            writer.close("dkim")
        }
        // RFC 9990 table 11: at most one.
        if let policy = record.senderPolicies.first {
            writer.open("spf")
            writer.element("domain", policy.domain)
            writer.element("scope", policy.scope)
            writer.element("result", policy.result)
            writer.element("human_result", policy.explanation)
            writer.close("spf")
        }
        writer.close("auth_results")
        writer.close("record")
    }
}

/// Writes XML, an element a line, nested by two spaces.
struct XMLWriter {
    private(set) var octets = Array("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".utf8)
    private var depth = 0

    mutating func open(_ name: String, _ attributes: String = "") {
        indent()
        octets += "<\(name)\(attributes.isEmpty ? "" : " ")\(attributes)>\n".utf8
        depth += 1
    }

    mutating func close(_ name: String) {
        depth -= 1
        indent()
        octets += "</\(name)>\n".utf8
    }

    /// An element with text; none at all for nil.
    mutating func element(_ name: String, _ text: String?) {
        guard let text else { return }
        indent()
        octets += "<\(name)>".utf8
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": octets += "&lt;".utf8
            case ">": octets += "&gt;".utf8
            case "&": octets += "&amp;".utf8
            case _ where !scalar.isWritable: octets.append(.space)
            default: octets += String(scalar).utf8
            }
        }
        octets += "</\(name)>\n".utf8
    }

    private mutating func indent() { octets += repeatElement(.space, count: 2 * depth) }
}
