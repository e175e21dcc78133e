// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// A report as it comes: XML or JSON, packed by gzip or zip or not at all, or the mail that carried it.
package enum IncomingReport: Sendable {
    case aggregate(AggregateReport)
    case transport(TLSReport)
    case feedback(FeedbackReport)

    /// A mail in a mail, an archive in an archive: nobody needs more.
    private static let maximumNesting = 4
    /// Parts of a mail that are looked at.
    private static let maximumParts = 100

    /// Opens whatever wraps it, and reads it; never more than the budget of `Inflation` allows.
    package init(opening octets: [UInt8]) throws(ReportFailure) {
        var budget = Inflation.Budget()
        self = try Self.open(octets[...], nesting: 0, &budget)
    }

    private static func open(
        _ octets: ArraySlice<UInt8>, nesting: Int, _ budget: inout Inflation.Budget
    ) throws(ReportFailure) -> IncomingReport {
        guard nesting < maximumNesting else {
            throw ReportFailure("it is packed \(maximumNesting) times over")
        }
        switch Form(octets) {
        case .gzip:
            let content = try GzipFile.unpack(octets, budget: &budget)
            return try open(content[...], nesting: nesting + 1, &budget)
        case .zip:
            let archive = try ZipArchive(octets)
            return try first(of: archive.files, "the archive is empty") {
                (file: ZipArchive.File) throws(ReportFailure) in
                let content = try archive.content(of: file, budget: &budget)
                // Of a file in an archive the form tells, not what it might be taken for.
                guard Form(content[...]) != .other else {
                    throw ReportFailure("\(file.name) is no report")
                }
                return try open(content[...], nesting: nesting + 1, &budget)
            }
        case .xml: return .aggregate(try AggregateReport(parsing: octets))
        case .json: return .transport(try TLSReport(parsing: octets))
        case .other: return try open(Message(Array(octets)), nesting: nesting, &budget)
        }
    }

    /// The first that is a report; what was wrong with the first, if none is.
    private static func first<Part>(
        of parts: [Part], _ none: String,
        open: (Part) throws(ReportFailure) -> IncomingReport
    ) throws(ReportFailure) -> IncomingReport {
        var failure: ReportFailure?
        for part in parts {
            do throws(ReportFailure) {
                return try open(part)
            } catch {
                failure = failure ?? error
            }
        }
        throw failure ?? ReportFailure(none)
    }

    // MARK: A mail

    private static func open(
        _ message: Message, nesting: Int, _ budget: inout Inflation.Budget
    ) throws(ReportFailure) -> IncomingReport {
        let entities = Array(message.entities.prefix(maximumParts))
        if let part = entities.first(where: { $0.contentType.description == FeedbackReport.type }) {
            return .feedback(try FeedbackReport(part, among: entities))
        }
        var defects = DefectList()
        let candidates = entities.filter { entity in
            entity.isLeaf && !entity.contentType.isMultipart && !entity.contentType.isMessage
        }.compactMap { entity in
            let content = entity.content(defects: &defects)
            return isCandidate(entity, content) ? content : nil
        }
        return try first(of: candidates, "it carries no report") {
            (content: ArraySlice<UInt8>) throws(ReportFailure) in
            try open(content, nesting: nesting + 1, &budget)
        }
    }

    /// What a person reads may look like a report, and is none.
    private static func isCandidate(_ entity: Entity, _ content: ArraySlice<UInt8>) -> Bool {
        let form = Form(content)
        guard form != .other else { return false }
        switch entity.contentType.description {
        case "text/html", "application/xhtml+xml": return false
        // The type of all that says nothing of itself.
        case "text/plain":
            return form == .gzip || form == .zip || entity.filename != nil
                || content.drop { !(0x21...0x7E).contains($0) }.starts(with: "<?xml".utf8)
        default: return true
        }
    }

    /// What the first octets say.
    private enum Form {
        case gzip, zip, xml, json, other

        init(_ octets: ArraySlice<UInt8>) {
            if GzipFile.begins(octets) {
                self = .gzip
            } else if ZipArchive.begins(octets) {
                self = .zip
            } else if octets.starts(with: [0xFF, 0xFE]) || octets.starts(with: [0xFE, 0xFF])
                || XMLReader.wideStarts.contains(where: { octets.starts(with: $0.0) })
            {
                self = .xml
            } else {
                let text = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? octets.dropFirst(3) : octets
                let spaces: [UInt8] = [.space, .tab, .lineFeed, .carriageReturn]
                switch text.first(where: { !spaces.contains($0) }) {
                case UInt8(ascii: "<"): self = .xml
                case UInt8(ascii: "{"), UInt8(ascii: "["): self = .json
                default: self = .other
                }
            }
        }
    }
}
