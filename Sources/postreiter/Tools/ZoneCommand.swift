// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DNS

/// The commands `postreiter zone …`.
struct ZoneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "zone", abstract: "Zones and zone files (RFC 1035 §5).",
        subcommands: [
            Check.self, Parse.self, List.self, Show.self, Create.self, Import.self, Export.self,
            Exchangers.self, NullMX.self, Record.self, Edit.self, Template.self, History.self,
            Diff.self, Rollback.self, Remove.self, Serial.self, Security.self, Health.self,
            Failover.self, Key.self, Transfer.self, Notify.self, Secondary.self, Update.self,
            Push.self, Catalog.self,
        ])

    /// Syntax only: a JSON object for each record, in the order of the file.
    struct Parse: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a zone file and print its records, one JSON object a line.")
        @Argument var file: String
        @Option(help: "The name that relative names are relative to.") var origin: String
        @OptionGroup var output: JSONOption

        func run() async throws {
            let name = try ZoneCommand.name(origin)
            let zone = MasterFile.parse(
                try Files.read(file), origin: name,
                include: ZoneFiles.include(beside: file))
            guard zone.faults.isEmpty else {
                for fault in zone.faults { Output.error("\(file):\(fault)") }
                throw ExitCode(1)
            }
            var text: [UInt8] = []
            for entry in zone.entries {
                entry.json.write(to: &text)
                text.append(.lineFeed)
                guard text.count > 1 << 16 else { continue }
                Output.octets(text)
                text.removeAll(keepingCapacity: true)
            }
            Output.octets(text)
        }
    }
}
