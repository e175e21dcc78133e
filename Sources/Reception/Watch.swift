// SPDX-License-Identifier: Apache-2.0

import Bytes
import Defence
import DefenceStore
import Filtering
import Journal
import MIME
import Mail
import MessageAuthentication
import SMTP
import Storage
import World

/// The gatekeeper's eye on one message: shows it to filters while it comes, and says at its end
/// what it is taken for.
struct Watch {
    private let visit: Visit
    /// Whether anybody wants to see the content.
    private var isShown = false
    /// Where filters may change the header it is held back: what stands above it, and itself.
    private var held: (above: [UInt8], header: [UInt8])?
    /// Looks at its structure; nil: nobody weighs it.
    private var structure: StructureCheck?
    private var readsStructure = false
    /// What came of it, to be kept with the message.
    private(set) var verdict: Verdict?

    /// The largest header with what filters may add to it: still few octets of ours.
    private static let maximumHeaderOctets = 768 << 10

    init(_ visit: Visit) { self.visit = visit }

    /// The content begins.
    mutating func open(_ id: QueueID) async throws(Reply) { isShown = try await visit.open(id) }

    /// The message is a stranger's: it is weighed how it is made.
    mutating func readStructure() { readsStructure = true }

    /// Takes the header, as it goes on, and what was seen in it as it came; returns what is to be
    /// appended to the draft now.
    ///
    /// `received` is what the client has sent of it; `isInternational`: it may hold UTF-8.
    mutating func take(
        header: [UInt8], _ scan: HeaderScan, received: [UInt8], isInternational: Bool,
        below above: [UInt8]
    ) async throws(Reply) -> [UInt8] {
        note(scan)
        if readsStructure {
            structure = StructureCheck(header: received, isInternational: isInternational)
        }
        guard isShown else { return above + header }
        if let reply = await visit.header(header) { throw reply }
        held = (above, header)
        return []
    }

    /// Takes octets behind the header.
    mutating func take(body octets: ArraySlice<UInt8>) async throws(Reply) {
        structure?.take(octets)
        guard isShown, !octets.isEmpty else { return }
        if let reply = await visit.body(octets) { throw reply }
    }

    /// What the end of a message comes to.
    struct Ending {
        let conclusion: Visit.Conclusion
        /// The header that was held back, with what stands above it; empty if none was.
        var octets: [UInt8] = []
        /// The header without that, as it came; empty if none was held back.
        var header: [UInt8] = []
        /// The same, if filters have changed it.
        var edited: [UInt8]?
    }

    /// The content is complete; `findings` says who sent it.
    mutating func conclude(_ findings: Findings?) async -> Ending {
        let conclusion = await visit.conclude(
            authentication: findings?.weighed ?? [], defects: structure?.finish() ?? [])
        verdict = conclusion.verdict
        var ending = Ending(conclusion: conclusion)
        guard let held else { return ending }
        let edited = conclusion.edited(held.header)
        let isEdited = edited != held.header && edited.count <= Self.maximumHeaderOctets
        ending.header = held.header
        if isEdited { ending.edited = edited }
        ending.octets = held.above + (isEdited ? edited : held.header)
        return ending
    }

    /// The message is not taken, for a reason of others.
    func abandon() async { await visit.abandon() }

    /// What can be odd about a header, and is worth points.
    private func note(_ scan: HeaderScan) {
        let date = scan.date.map { value -> MessageFacts.Date in
            guard let date = DateTime.parse(value)?.date else {
                return .invalid(String(lossy: value.prefix(60)))
            }
            return .at(date.timestamp)
        }
        visit.note(
            fromFields: scan.fromCount, date: date ?? .missing,
            hasIdentifier: scan.messageIdentifier != nil,
            repeated: scan.repeated.filter { $0 != .from }.map { "\($0.name)" })
    }
}

extension Findings {
    /// As the score counts them.
    fileprivate var weighed: [MessageFacts.Authentication] {
        methodResults.map { .init($0.method, $0.result, $0.subject) }
    }
}
