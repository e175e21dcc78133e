// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail
import World

extension MXCommand {
    /// `postreiter mx drain HOST`: out of all zones, before it is stopped.
    struct Drain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Take an exchanger out of all zones for maintenance, and say when it is safe.",
            discussion: """
                Lowers the TTL of every MX set that names HOST, waits until caches have forgotten \
                the old one, takes HOST out, and watches who still comes. The server goes on with \
                it, also after a restart; `mx undrain HOST` brings HOST back.
                """)
        @Argument(help: "The exchanger, as MX records name it.") var host: String?
        @Flag(help: "Put it behind the other exchangers instead of taking it out.")
        var raisePreference = false
        @Flag(help: "Also where it is the only exchanger: there its record stays.")
        var force = false
        @Flag(help: "Return only when it is safe to stop.") var wait = false
        @Flag(help: "Show the drains that are under way, or that of HOST.") var status = false
        @OptionGroup var server: ServerOptions
        @OptionGroup var reader: ReaderOption
        @OptionGroup var output: JSONOption

        func validate() throws {
            guard host != nil || status else {
                throw ValidationError("name the exchanger, or say --status")
            }
        }

        func run() async throws {
            guard !status else { return try await show(waiting: wait) }
            let answer = try await server.perform(
                "mx.drain",
                .object(
                    [
                        ("host", JSON(host)), ("raise", .bool(raisePreference)),
                        ("force", .bool(force)),
                    ] + reader.arguments))
            for zone in answer["unreached"]?.array ?? [] {
                Output.error(
                    Live.language.choose(
                        "the zone \(zone.string ?? "") names it too and is not kept here: change it "
                            + "where it is",
                        "auch die Zone \(zone.string ?? "") nennt ihn und liegt nicht hier: dort "
                            + "ändern, wo sie ist"))
            }
            if wait { return try await show(waiting: true) }
            output.json ? Output.json(answer) : Output.line(answer["text"]?.string ?? "")
        }

        private func show(waiting: Bool) async throws {
            var told = ""
            while true {
                let answer = try await server.perform(
                    "mx.drains", .object([("host", JSON(host))] + reader.arguments))
                let drains = answer["drains"]?.array ?? []
                let isSafe = drains.allSatisfy { $0["safe"]?.bool == true }
                if output.json, !waiting || isSafe { return Output.json(answer) }
                if !output.json {
                    let text = Self.text(drains, host)
                    if text != told { Output.line(text) }
                    told = text
                }
                guard waiting, !isSafe, !drains.isEmpty else { return }
                try await Live.surroundings.time.sleep(for: Self.pause)
            }
        }

        /// Between two looks.
        private static let pause = Duration.seconds(5)

        private static func text(_ drains: [JSON], _ host: String?) -> String {
            guard !drains.isEmpty else {
                return Live.language.choose(
                    host.map { "\($0) is not being drained." } ?? "Nothing is being drained.",
                    host.map { "\($0) wird nicht geleert." } ?? "Nichts wird geleert.")
            }
            return drains.map { drain in
                let lines =
                    [drain["text"]?.string ?? ""]
                    + (drain["remarks"]?.array ?? []).compactMap(\.string)
                    + (drain["arrivals_text"]?.array ?? []).compactMap(\.string)
                return lines.joined(separator: "\n  ")
            }.joined(separator: "\n")
        }
    }

    /// `postreiter mx undrain HOST`.
    struct Undrain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring an exchanger back into the zones that it was taken out of.")
        @Argument var host: String
        @OptionGroup var server: ServerOptions
        @OptionGroup var reader: ReaderOption
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform(
                "mx.undrain", .object([("host", .string(host))] + reader.arguments))
            output.json ? Output.json(answer) : Output.line(answer["text"]?.string ?? "")
        }
    }
}
