// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import Mail

/// What every command has that changes a zone, and how it tells what happened.
struct ZoneChangeOptions: ParsableArguments {
    @OptionGroup var server: ServerOptions
    @Flag(help: "Only show what would happen.") var dryRun = false
    @Flag(help: "Do it even if mail is lost by it.") var force = false
    @OptionGroup var output: JSONOption

    /// Has a change made, shows it on standard output, and fails if it was refused.
    func perform(_ command: String, _ arguments: [(String, JSON)]) async throws {
        let answer = try await server.perform(
            command,
            .object(
                arguments + [
                    ("dry-run", .bool(dryRun)), ("force", .bool(force)),
                    ("language", JSON(Live.locale?.rawValue)),
                ]))
        let outcome = ZoneOutcome(answer)
        if output.json { Output.json(answer) } else { outcome.lines.forEach(Output.line) }
        if let reason = outcome.reason { throw CommandFailure.data(reason) }
    }
}

/// What became of a change of zones.
struct ZoneOutcome {
    private let answer: JSON

    init(_ answer: JSON) { self.answer = answer }

    /// Why the change was refused; nil if it was not.
    var reason: String? {
        answer["refused"]?.string.map { answer["reason"]?.string ?? $0 }
    }

    /// The preview, what a template left out, and what the zones are now.
    var lines: [String] {
        let preview = answer["preview"]?.string ?? ""
        return (preview.isEmpty ? [] : [preview]) + noteLines + ending
    }

    /// What a template left out, and why.
    var noteLines: [String] {
        (answer["notes"]?.array ?? []).map { note in
            "\(note["purpose"]?.string ?? ""): \(note["text"]?.string ?? "") "
                + (note["advice"]?.string ?? "")
        }
    }

    /// The records that are new, or that a zone elsewhere needs, without those of the zone itself.
    var publishedRecords: [String] {
        ((answer["zones"]?.array ?? []).flatMap { $0["added"]?.array ?? [] }
            + (answer["records"]?.array ?? []))
            .compactMap(\.string)
            .filter { !$0.contains("\tSOA\t") && !$0.contains("\tNS\t") }
            .map { $0.replacing("\t", with: " ") }
    }

    private var ending: [String] {
        let language = Live.language
        let zones = answer["zones"]?.array ?? []
        guard reason == nil else { return [] }
        guard !zones.isEmpty else {
            return [language.choose("nothing would change", "es ändert sich nichts")]
        }
        guard answer["applied"]?.bool == true else {
            return [
                language.choose("only shown: nothing was changed", "nur gezeigt: nichts geändert")
            ]
        }
        return zones.map { zone in
            let (name, version) = (zone["zone"]?.string ?? "", zone["version"]?.integer ?? 0)
            let serial = zone["serial"]?.integer.map { "\($0)" } ?? "-"
            return language.choose(
                "\(name) is version \(version) now, serial \(serial)",
                "\(name) ist jetzt Version \(version), Seriennummer \(serial)")
        }
    }
}
