// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import TransportSecurity
import ZoneCheck
import ZoneStore

/// Shows what a change of zones would do, refuses what loses mail, and makes it.
///
/// All zones change in one transaction, and the answer comes when they are answered.
struct ZoneChanges {
    let zones: Zones
    let author: String
    let language: Language

    /// How often a change is looked at anew because somebody else was faster.
    private static let maximumAttempts = 5

    /// What was asked for beside the change itself.
    struct Wish {
        var isOnlyShown: Bool
        var isForced: Bool

        init(_ arguments: Arguments) {
            isOnlyShown = arguments.flag("dry-run")
            isForced = arguments.flag("force")
        }
    }

    /// A change of one zone, and what it does.
    struct Planned {
        var plan: ZonePlan
        var preview: ZonePreview
    }

    /// Plans with `body`, and makes the plans unless they are refused or only to be shown.
    ///
    /// Somebody else's change in between makes it plan anew: what is shown is what is done.
    func make(
        _ wish: Wish, _ summary: String, _ body: () async throws -> [ZonePlan]
    ) async throws -> JSON {
        var attempt = 1
        while true {
            var planned: [Planned] = []
            let plans = try await body()
            for plan in plans {
                let preview = await ZonePreview.of(
                    plan.change, to: plan.before, origin: plan.origin,
                    examiner: try await examiner(plan, among: plans))
                planned.append(Planned(plan: plan, preview: preview))
            }
            let refusal = Self.refusal(planned, wish)
            let isApplied = refusal == nil && !wish.isOnlyShown
            do throws(ZoneFailure) {
                if isApplied, !planned.isEmpty {
                    try await zones.commit(planned.map(\.plan), by: author, summary)
                }
            } catch {
                guard case .changedMeanwhile = error, attempt < Self.maximumAttempts else {
                    throw error
                }
                attempt += 1
                continue
            }
            var results: [JSON] = []
            for item in planned {
                results.append(try await json(item.plan, isApplied: isApplied))
            }
            return json(planned, results, isApplied, refusal: refusal, isForced: wish.isForced)
        }
    }

    /// With what other zones say, and the MTA-STS policies that are served for the zone's domains.
    private func examiner(_ plan: ZonePlan, among plans: [ZonePlan]) async throws -> ZoneExaminer {
        var examiner = try await ZoneNeighbours(zones).examiner(for: plan, among: plans)
        let policies = try await Policies(zones).all()
        examiner.facts.policies = policies.filter { $0.domain.isEqualOrBelow(plan.origin) }
            .map { ($0.domain, Array($0.policy.text.utf8)) }
        return examiner
    }

    /// `structure`: never; `loss`: only with force.
    private static func refusal(_ planned: [Planned], _ wish: Wish) -> String? {
        if planned.contains(where: { $0.preview.isRefused }) { return "structure" }
        if planned.contains(where: { $0.preview.losesMail }), !wish.isForced { return "loss" }
        return nil
    }

    /// What the zone would be told as, when its records make no zone that could be kept.
    func refused(
        _ change: ZoneChange, of records: [ResourceRecord], _ origin: Name
    ) async -> JSON? {
        let preview = await ZonePreview.of(
            change, to: records, origin: origin, examiner: ZoneExaminer())
        guard preview.isRefused else { return nil }
        return .object([
            ("applied", .bool(false)), ("refused", .string("structure")),
            ("reason", JSON(preview.refusal(language))),
            ("preview", .string(preview.description(language).joined(separator: "\n"))),
            ("zones", .array([])), ("findings", .array(preview.caused.map { $0.json(language) })),
        ])
    }

    private func json(
        _ planned: [Planned], _ results: [JSON], _ isApplied: Bool, refusal: String?,
        isForced: Bool
    ) -> JSON {
        var lines: [String] = []
        for item in planned {
            if planned.count > 1 { lines.append("\(item.plan.origin):") }
            lines += item.preview.description(language)
        }
        let worst = planned.first { item in
            refusal == "structure" ? item.preview.isRefused : item.preview.losesMail
        }
        let wasForced = isForced && refusal == nil && worst != nil
        if wasForced {
            lines.append(
                language.choose(
                    "forced, although mail is lost", "erzwungen, obwohl Mail verloren geht"))
        }
        return .object([
            ("applied", .bool(isApplied)), ("refused", JSON(refusal)),
            ("reason", JSON(refusal == nil ? nil : worst?.preview.refusal(language))),
            ("forced", .bool(wasForced)),
            ("preview", .string(lines.joined(separator: "\n"))),
            ("zones", .array(results)),
            (
                "findings",
                .array(planned.flatMap { $0.preview.caused.map { $0.json(language) } })
            ),
        ])
    }

    /// As many changed records as the answer names one by one.
    private static let namedRecords = 10_000

    private func json(_ plan: ZonePlan, isApplied: Bool) async throws -> JSON {
        let (removed, added) = (plan.change.removed, plan.change.added)
        var version = plan.version + (isApplied ? 1 : 0)
        // A zone that was removed goes on counting where it ended.
        if isApplied, plan.version == 0 {
            version = try await zones.history(of: plan.origin).first?.number ?? version
        }
        return .object([
            ("zone", .string(plan.origin.description)),
            ("version", .integer(version)),
            ("serial", plan.after.serial.map { .integer(Int64($0)) } ?? .null),
            ("removed", JSON(removed.prefix(Self.namedRecords).map(\.text))),
            ("added", JSON(added.prefix(Self.namedRecords).map(\.text))),
            ("removed_records", .integer(Int64(removed.count))),
            ("added_records", .integer(Int64(added.count))),
        ])
    }
}
