// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("The house: floors and modules")
struct FloorTests {
    /// From the ground up; a module stands on floors below its own.
    private static let floors: [[String]] = [
        ["Bytes", "Mail", "World", "CZlib"],
        [
            "DNS", "MIME", "SASL", "SMTP", "POP3", "IMAP", "IMAPClient", "ManageSieve",
            "Milter", "Autoconfiguration", "Compression",
        ],
        [
            "Routing", "SPF", "DKIM", "ARC", "DMARC", "MessageAuthentication", "TransportSecurity",
            "Forwarding",
            "Summary", "Sieve", "MailFolders",
            "ZoneCheck",
            "ZoneTransfer",
            "Maintenance",
            "DNSSEC", "KeyLife", "Defence", "Feedback", "HTTP",
        ],
        [
            "Storage", "Journal", "MessageStore", "Directory", "Spool", "ZoneStore", "KeyRing",
            "DefenceStore", "ReportStore", "ScriptStore", "SearchIndex",
            "Tenancy",
        ],
        [
            "Reception", "Delivery", "Access", "NameService", "Archive", "Control", "Metering",
            "Probe", "Filtering", "Reporting", "Moving", "OAuth",
        ],
        [
            "CUnbound", "CSockets", "COpenSSL", "Spawning", "LiveWorld", "SimulatedWorld",
            "Settings", "Server", "postreiter",
        ],
    ]

    /// Neighbours of the same floor that a module may stand on all the same.
    private static let neighbours: [String: Set<String>] = [
        "Mail": ["Bytes", "World"],
        "IMAP": ["MIME"],
        "World": ["Bytes"],
        "Journal": ["Storage"],
        "MessageStore": ["Storage"],
        "Directory": ["Storage"],
        "Spool": ["Storage", "Journal", "MessageStore"],
        "ZoneStore": ["Storage"],
        "DefenceStore": ["Storage", "Journal"],
        "ReportStore": ["Storage"],
        "SearchIndex": ["Storage", "MessageStore"],
        "ScriptStore": ["Storage", "Journal", "MessageStore", "DefenceStore"],
        "Tenancy": ["Storage", "MessageStore", "Directory"],
        "Reception": ["Filtering"],
        "Moving": ["Archive"],
        "KeyRing": ["Storage"],
        "Control": ["Delivery", "NameService", "Reporting"],
        "ZoneCheck": ["SPF", "DKIM", "DMARC", "TransportSecurity"],
        "DMARC": ["SPF", "DKIM"],
        "ARC": ["DKIM"],
        "KeyLife": ["DKIM"],
        "MessageAuthentication": ["SPF", "DKIM", "DMARC", "ARC"],
        "Maintenance": ["TransportSecurity", "ZoneCheck"],
        "LiveWorld": ["CUnbound", "CSockets", "COpenSSL", "Spawning"],
        "Spawning": ["CSockets"],
        "Server": ["Settings"],
        "postreiter": ["LiveWorld", "SimulatedWorld", "Settings", "Server"],
    ]

    /// What comes with the language and the system, and is allowed everywhere.
    private static let system: Set<String> = [
        "Swift", "Synchronization", "Glibc", "Musl", "Darwin",
    ]

    /// What a module may take from outside: few, and none in the cores.
    private static let packages: [String: Set<String>] = [
        "SASL": ["Crypto", "CryptoExtras"],
        "Storage": ["Crypto", "GRDB", "GRDBSQLite", "Foundation", "Logging", "CoreMetrics"],
        "Directory": ["Crypto", "CryptoExtras", "CoreMetrics"],
        "ZoneStore": ["Crypto"],
        "ScriptStore": ["Crypto"],
        "Tenancy": ["Logging"],
        "Spool": ["DequeModule"],
        "Archive": ["Crypto"],
        "Moving": ["Crypto"],
        "Reception": ["Logging", "Metrics", "CoreMetrics"],
        "Delivery": ["DequeModule", "Logging", "Metrics", "CoreMetrics"],
        "Access": ["Logging"],
        "Filtering": ["Logging", "CoreMetrics"],
        "NameService": ["Logging"],
        "Reporting": ["Logging"],
        "OAuth": ["Crypto"],
        "Metering": ["CoreMetrics"],
        "Control": [
            "AsyncHTTPClient", "Crypto", "Foundation", "Hummingbird", "Logging", "NIOCore",
            "NIOHTTP1", "NIOPosix",
        ],
        "LiveWorld": [
            "AsyncHTTPClient", "Crypto", "CryptoExtras", "Foundation", "Logging", "NIOCore",
            "NIOHTTP1", "NIOPosix", "NIOSSL", "NIOTLS", "NIOConcurrencyHelpers", "SwiftASN1",
            "X509",
        ],
        "Settings": ["Configuration", "Yams"],
        "Server": ["Logging", "Metrics", "CoreMetrics"],
        "postreiter": [
            "ArgumentParser", "CoreMetrics", "Foundation", "Logging", "ServiceLifecycle", "X509",
        ],
    ]

    private static func floor(of module: String) -> Int? {
        floors.firstIndex { $0.contains(module) }
    }

    private static func imports(of file: SourceFile) -> [(line: Int, module: String)] {
        file.lines.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard let at = words.firstIndex(of: "import"), at <= 2, at + 1 < words.count,
                words[..<at].allSatisfy({
                    ["package", "public", "internal", "private", "fileprivate"].contains($0)
                        || $0.hasPrefix("@")
                })
            else { return nil }
            return (index + 1, String(words[at + 1]))
        }
    }

    @Test("Every module has a floor")
    func everyModuleHasAFloor() throws {
        let modules = Set(try Repository.paths(in: "Sources").map { $0.split(separator: "/")[1] })
        #expect(modules.count > 20)
        for module in modules.sorted() {
            #expect(Self.floor(of: String(module)) != nil, "\(module) stands on no floor")
        }
    }

    @Test("A module imports only floors below it, and only the packages it is allowed")
    func importsPointDownwards() throws {
        var seen = 0
        for file in try Repository.swiftFiles(in: "Sources") {
            guard let own = Self.floor(of: file.module) else { continue }
            for (line, module) in Self.imports(of: file) {
                seen += 1
                if let other = Self.floor(of: module) {
                    let isNeighbour = Self.neighbours[file.module]?.contains(module) ?? false
                    #expect(
                        other < own || isNeighbour,
                        "\(file.path):\(line): \(file.module) must not stand on \(module)")
                } else if !Self.system.contains(module) {
                    #expect(
                        Self.packages[file.module]?.contains(module) ?? false,
                        "\(file.path):\(line): \(module) is not allowed in \(file.module)")
                }
            }
        }
        #expect(seen > 500)
    }
}
