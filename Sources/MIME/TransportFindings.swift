// SPDX-License-Identifier: Apache-2.0

import Bytes

/// What a `TransportSurvey` has found out about a message.
package struct TransportFindings: Sendable {
    let entities: [SurveyedEntity]
    private let obstacle: TransportObstacle?
    /// Octets above 127 in the header of the message or of a part: needs SMTPUTF8 (RFC 6532).
    package let hasInternationalHeader: Bool
    let octets: Int

    init(
        entities: [SurveyedEntity], obstacle: TransportObstacle?, hasInternationalHeader: Bool,
        octets: Int
    ) {
        self.entities = entities
        self.obstacle = obstacle
        self.hasInternationalHeader = hasInternationalHeader
        self.octets = octets
    }

    /// What a next hop can carry.
    package enum Target: Hashable, Sendable {
        /// RFC 5321 §2.3.1: lines of ASCII.
        case sevenBit
        /// RFC 6152 §2: lines of any octets but NUL.
        case eightBit
    }

    /// Whether some part is not fit for the target as it stands.
    package func needsConversion(for target: Target) -> Bool {
        hasStray || entities.contains { !$0.isComposite && !$0.isFit(for: target) }
    }

    private var hasStray: Bool { obstacle == .betweenParts || obstacle == .tooComplex }

    /// The changes that make the message fit for the target: none if it is.
    ///
    /// Only parts that must be are encoded (RFC 2045 §6); the multiparts and messages around them
    /// say so. Throws where a change would do harm.
    package func changes(
        for target: Target
    ) throws(TransportObstacle) -> TransportChanges {
        guard needsConversion(for: target) else { return TransportChanges(octets: octets) }
        if let obstacle { throw obstacle }
        var bodies: [Int: TransferEncoding] = [:]
        for (index, entity) in entities.enumerated()
        where !entity.isComposite && !entity.isFit(for: target) {
            if entity.isProtected { throw .signed }
            guard entity.encoding?.isIdentity == true, !entity.type.isMultipart,
                entity.type.type != "message" || entity.type.subtype == "global"
            else { throw .encoding }
            bodies[index] = entity.bestEncoding
        }
        // No transfer encoding reaches what stands in a header.
        if target == .sevenBit, hasInternationalHeader { throw .header }
        return TransportChanges(entities, bodies, target, octets: octets)
    }
}

extension SurveyedEntity {
    func isFit(for target: TransportFindings.Target) -> Bool {
        guard !figures.isBinary else { return false }
        // A long line alone is what other servers carry too.
        if target == .sevenBit, figures.eightBit > 0 { return false }
        return encoding != .binary || figures.longestLine <= TransportSurvey.maximumLineOctets
    }

    /// RFC 2045 §6.2: quoted-printable for what is mostly ASCII text, base64 for the rest.
    var bestEncoding: TransferEncoding {
        guard type.isText, !figures.isBinary, figures.longestLine < 1 << 16 else { return .base64 }
        // Three octets for each that is escaped, against four for three.
        return figures.escaped * 6 < figures.octets ? .quotedPrintable : .base64
    }
}

/// What a `TransportConverter` does to a message.
package struct TransportChanges: Sendable {
    /// In ascending order, apart from each other.
    private(set) var changes: [Change] = []
    /// Of the message afterwards, about; exact if nothing changes.
    package private(set) var estimatedOctets: Int

    struct Change: Sendable {
        var range: Range<Int>
        var action: Action

        enum Action: Sendable {
            case replace([UInt8])
            case encode(TransferEncoding)
        }
    }

    package var isEmpty: Bool { changes.isEmpty }

    /// Puts another header, empty line included, in the place of the first `octets` of the message;
    /// what was to be changed there is not.
    package mutating func replaceHeader(_ octets: Int, by header: [UInt8]) {
        changes.removeAll { $0.range.lowerBound < octets }
        changes.insert(Change(range: 0..<octets, action: .replace(header)), at: 0)
        estimatedOctets += max(0, header.count - octets)
    }

    init(octets: Int) { estimatedOctets = octets }

    init(
        _ entities: [SurveyedEntity], _ bodies: [Int: TransferEncoding],
        _ target: TransportFindings.Target, octets: Int
    ) {
        estimatedOctets = octets
        // What is around a changed part says what it holds now.
        var around: Set<Int> = []
        for index in entities.indices where bodies[index] != nil {
            var parent = entities[index].parent
            while let current = parent, around.insert(current).inserted {
                parent = entities[current].parent
            }
        }
        for (index, entity) in entities.enumerated() {
            if let encoding = bodies[index] {
                relabel(entity, encoding.rawValue, isWhole: index == 0)
                let body = entity.bodyStart..<entity.bodyEnd
                changes.append(Change(range: body, action: .encode(encoding)))
                let figures = entity.figures
                estimatedOctets +=
                    encoding == .base64
                    ? body.count * 2 / 5 : figures.escaped * 2 + figures.octets / 25
            } else if around.contains(index), !entity.encodingFields.isEmpty,
                entity.encoding == .binary || target == .sevenBit
            {
                relabel(entity, target == .sevenBit ? "7bit" : "8bit", isWhole: index == 0)
            }
        }
    }

    private mutating func relabel(_ entity: SurveyedEntity, _ encoding: String, isWhole: Bool) {
        for field in entity.encodingFields {
            changes.append(Change(range: field, action: .replace([])))
        }
        var text = ""
        if isWhole, !entity.hasVersion {
            // RFC 1428 §3: a message of old in some charset that nobody names.
            text += "MIME-Version: 1.0\r\n"
            if !entity.hasType { text += "Content-Type: text/plain; charset=unknown-8bit\r\n" }
        }
        text += "Content-Transfer-Encoding: \(encoding)\r\n"
        let end = entity.headerEnd..<entity.headerEnd
        changes.append(Change(range: end, action: .replace(Array(text.utf8))))
        estimatedOctets += text.utf8.count
    }
}
