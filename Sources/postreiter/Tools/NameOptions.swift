// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DNS
import LiveWorld
import World

/// Who is asked about names: a fixture, zone files, a given server, or the system's way.
struct NameOptions: ParsableArguments {
    @Option(help: "A DNS fixture (JSON): nothing else is asked.")
    var dns: String?
    @Option(help: "A zone file with absolute names (repeatable): nothing else is asked.")
    var zone: [String] = []
    @Option(help: "A name server to ask, ADDRESS or ADDRESS:PORT.")
    var resolver: String?

    private var given: Int { [dns != nil, !zone.isEmpty, resolver != nil].count { $0 } }

    /// Whether one of them was chosen.
    var isGiven: Bool { given > 0 }

    func validate() throws {
        guard given <= 1 else {
            throw ValidationError("--dns, --zone and --resolver exclude each other")
        }
    }

    /// The resolver that was chosen.
    func makeResolver(_ surroundings: Surroundings) throws -> any Resolver {
        if let dns {
            do {
                return try Fixture(parsing: try Files.read(dns))
            } catch let fault as Fixture.Fault {
                throw CommandFailure.data("\(dns): \(fault)")
            }
        }
        if !zone.isEmpty { return ZoneResolver(records: try zone.flatMap(Self.records)) }
        if let resolver {
            guard let server = SocketAddress(resolver, defaultPort: 53) else {
                throw CommandFailure.usage("`\(resolver)` is no address or address:port")
            }
            return StubResolver(servers: [server], world: surroundings)
        }
        return try UnboundResolver()
    }

    private static func records(of path: String) throws -> [ResourceRecord] {
        let file = MasterFile.parse(
            try Files.read(path), origin: .root, include: ZoneFiles.include(beside: path))
        if let fault = file.faults.first { throw CommandFailure.data("\(path):\(fault)") }
        return file.records
    }
}
