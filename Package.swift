// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
//
// The house, floor by floor. A module imports only floors below it; SwiftPM refuses circles.
// `POSTREITER_CORES=1 swift test` builds the ground, the protocols and the simulated world alone:
// they need no package from outside, so an edit is tested in seconds.

import Foundation
import PackageDescription

let coresOnly = ProcessInfo.processInfo.environment["POSTREITER_CORES"] == "1"
/// `make fuzz`: the cores alone, told by the compiler which way each input takes.
let isFuzzing = ProcessInfo.processInfo.environment["FUZZ"] == "1"

let ordinary: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableExperimentalFeature("Lifetimes"),
    // Small generics of the ground floor (comparing names, writing octets) are called for every
    // message: let the optimizer see through module walls.
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
    // The tests run with the dynamic checks of exclusive access; a release pays nothing for them.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]
/// `make bench-verdicts`: a program that measures, beside the others.
let isMeasuring = ProcessInfo.processInfo.environment["BENCHMARK"] == "1"
let settings = ordinary + (isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer"]), .define("FUZZ")] : [])

func names(_ modules: [String]) -> [Target.Dependency] { modules.map { .byName(name: $0) } }

/// A module of the house: its own code, the modules it stands on, and packages from outside.
func module(
    _ name: String, on modules: [String] = [], _ products: [Target.Dependency] = []
) -> Target {
    .target(name: name, dependencies: names(modules) + products, swiftSettings: settings)
}

func tests(
    _ name: String, on modules: [String], resources: [Resource] = [],
    _ products: [Target.Dependency] = []
) -> Target {
    .testTarget(
        name: name, dependencies: names(modules) + products, resources: resources,
        swiftSettings: settings)
}

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOSSL", package: "swift-nio-ssl"),
    .product(name: "NIOTLS", package: "swift-nio"),
]
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let grdb: [Target.Dependency] = [
    .product(name: "GRDB", package: "GRDB.swift"),
    .product(name: "GRDBSQLite", package: "GRDB.swift"),
]
let collections: Target.Dependency = .product(name: "Collections", package: "swift-collections")

// Floor 0, the ground; floor 1, the protocols: octets in, steps out, nothing from outside.
let cores: [Target] = [
    module("Bytes"),
    module("World", on: ["Bytes"]),
    module("Mail", on: ["Bytes", "World"]),
    module("DNS", on: ["Bytes", "World"]),
    module("MIME", on: ["Bytes", "Mail", "World"]),
    module("SMTP", on: ["Bytes", "Mail", "World"]),
    module("POP3", on: ["Bytes", "Mail", "World"]),
    module("IMAP", on: ["Bytes", "World", "MIME"]),
    module("MailFolders", on: ["Bytes", "World", "IMAP"]),
    module("IMAPClient", on: ["Bytes", "World"]),
    module("Sieve", on: ["Bytes", "Mail", "World", "MIME"]),
    module("ManageSieve", on: ["Bytes", "World"]),
    module("Summary", on: ["Bytes", "Mail", "World", "MIME", "IMAP"]),
    module("Routing", on: ["Bytes", "Mail", "World", "DNS"]),
    module("SPF", on: ["Bytes", "Mail", "World", "DNS"]),
    module("DKIM", on: ["Bytes", "Mail", "DNS"]),
    module("ARC", on: ["Bytes", "DNS", "DKIM"]),
    module("KeyLife", on: ["Bytes", "World", "Mail", "DNS", "DKIM"]),
    module("Forwarding", on: ["Bytes", "Mail", "World"]),
    module("DMARC", on: ["Bytes", "Mail", "World", "DNS", "MIME", "SPF", "DKIM"]),
    module(
        "MessageAuthentication",
        on: ["Bytes", "Mail", "World", "DNS", "SPF", "DKIM", "DMARC", "ARC"]),
    module("TransportSecurity", on: ["Bytes", "Mail", "World"]),
    module("Milter", on: ["Bytes"]),
    module("HTTP", on: ["Bytes", "Mail", "World", "DNS"]),
    module("Autoconfiguration", on: ["Bytes", "Mail"]),
    module("Defence", on: ["Bytes", "World", "DNS"]),
    module("Feedback", on: ["Bytes", "Mail", "World", "DNS", "MIME"]),
    module(
        "ZoneCheck",
        on: ["Bytes", "Mail", "World", "DNS", "SPF", "DKIM", "DMARC", "TransportSecurity"]),
    module(
        "Maintenance", on: ["Bytes", "Mail", "World", "DNS", "TransportSecurity", "ZoneCheck"]),
    module(
        "Probe",
        on: [
            "Bytes", "Mail", "World", "DNS", "SMTP", "Routing", "TransportSecurity", "ZoneCheck",
        ]),
    module("DNSSEC", on: ["Bytes", "World", "DNS"]),
    module("ZoneTransfer", on: ["Bytes", "World", "DNS"]),
    module("SimulatedWorld", on: ["Bytes", "World", "DNS", "DNSSEC", "ZoneTransfer", "DKIM"]),
    tests("BytesTests", on: ["Bytes"]),
    tests("WorldTests", on: ["Bytes", "World"]),
    tests("MailTests", on: ["Bytes", "Mail"]),
    tests("DNSTests", on: ["Bytes", "World", "DNS", "SimulatedWorld"]),
    tests("MIMETests", on: ["Bytes", "Mail", "World", "MIME"]),
    tests("SMTPTests", on: ["Bytes", "Mail", "World", "SMTP"]),
    tests("POP3Tests", on: ["Bytes", "Mail", "World", "POP3"]),
    tests("IMAPTests", on: ["Bytes", "World", "IMAP"]),
    tests("IMAPClientTests", on: ["Bytes", "World", "IMAPClient"]),
    tests("MailFoldersTests", on: ["Bytes", "World", "IMAP", "MailFolders"]),
    tests("SieveTests", on: ["Bytes", "Mail", "World", "Sieve"]),
    tests("ManageSieveTests", on: ["Bytes", "World", "ManageSieve"]),
    tests("SummaryTests", on: ["Bytes", "Mail", "MIME", "IMAP", "Summary", "Properties"]),
    tests(
        "ZoneTransferTests", on: ["Bytes", "World", "DNS", "ZoneTransfer", "SimulatedWorld"]),
    tests(
        "DNSSECTests", on: ["Bytes", "World", "DNS", "DNSSEC", "ZoneCheck", "SimulatedWorld"]),
    tests("ZoneCheckTests", on: ["Bytes", "Mail", "World", "DNS", "ZoneCheck"]),
    tests("KeyLifeTests", on: ["Bytes", "World", "Mail", "DNS", "DKIM", "KeyLife"]),
    tests("ForwardingTests", on: ["Bytes", "Mail", "World", "Forwarding"]),
    tests("DMARCTests", on: ["Bytes", "Mail", "World", "DNS", "SPF", "DKIM", "DMARC"]),
    tests(
        "MessageAuthenticationTests",
        on: [
            "Bytes", "Mail", "World", "DNS", "SPF", "DKIM", "DMARC", "ARC",
            "MessageAuthentication", "SimulatedWorld",
        ]),
    tests("SPFTests", on: ["Bytes", "World", "DNS", "SPF", "SimulatedWorld"]),
    tests("TransportSecurityTests", on: ["Bytes", "World", "TransportSecurity"]),
    tests(
        "FeedbackTests",
        on: ["Bytes", "Mail", "World", "MIME", "Feedback", "SimulatedWorld"]),
    tests(
        "MaintenanceTests",
        on: ["Bytes", "Mail", "World", "DNS", "TransportSecurity", "ZoneCheck", "Maintenance"]),
    tests(
        "ProbeTests",
        on: [
            "Bytes", "Mail", "World", "DNS", "SMTP", "Routing", "TransportSecurity", "ZoneCheck",
            "Probe", "SimulatedWorld",
        ]),
    tests("RoutingTests", on: ["Bytes", "Mail", "World", "DNS", "Routing"]),
    tests("MilterTests", on: ["Bytes", "Milter"]),
    tests("HTTPTests", on: ["Bytes", "Mail", "World", "DNS", "HTTP"]),
    tests("AutoconfigurationTests", on: ["Bytes", "Mail", "Autoconfiguration"]),
    tests("DefenceTests", on: ["Bytes", "World", "DNS", "SimulatedWorld", "Defence"]),
    tests("SimulatedWorldTests", on: ["Bytes", "World", "DNS", "SimulatedWorld"]),
]

// What must hold whatever comes in, for the tests and for the fuzzers.
let fuzzers = [
    "ServerSession", "ClientSession", "Addresses", "MIMEMessage", "DNSMessage", "MasterFile",
    "ZoneTransfer", "Report", "SenderPolicy", "MailSignature", "FilterSession", "DomainPolicy",
    "FailureReport", "MailboxSession", "MessageSummary", "SieveScript",
    "ScriptSession", "ForeignServer", "MailboxFile", "MaildirFolder",
]
/// Git keeps no empty folders.
func isThere(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(path)")
}
let fuzzing: [Target] =
    [
        .target(
            name: "Properties",
            dependencies: names([
                "Bytes", "Mail", "World", "DNS", "MIME", "SMTP", "ZoneTransfer", "SimulatedWorld",
                "Feedback", "SPF", "DKIM", "ARC", "DMARC", "Milter", "IMAP",
                "Summary", "Sieve", "ManageSieve", "IMAPClient", "MailFolders",
            ]),
            path: "Fuzzers/Properties", swiftSettings: settings),
        tests("FuzzerTests", on: ["Properties"]),
    ]
    + (isFuzzing ? fuzzers : []).map { name in
        .executableTarget(
            name: "Fuzz\(name)", dependencies: names(["Properties"]), path: "Fuzzers/\(name)",
            exclude: ["Corpus", "Found"].filter { isThere("Fuzzers/\(name)/\($0)") },
            swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [
                .unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])
            ])
    }

// What stands on the cores alone is measured without the rest.
let measuringCores: [Target] =
    isMeasuring
    ? [
        .executableTarget(
            name: "bench-summary", dependencies: names(["MIME", "Summary"]),
            path: "Benchmarks/Summary", swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])])
    ] : []

let measuring: [Target] =
    isMeasuring
    ? [
        .executableTarget(
            name: "bench-verdicts",
            dependencies: names([
                "Bytes", "World", "DNS", "SPF", "DKIM", "DMARC", "LiveWorld",
            ]),
            path: "Benchmarks/Verdicts", swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])])
    ] : []

let house: [Target] = [
    // Floor 1, with cryptography.
    module("SASL", on: ["Bytes", "Mail", "World"], [crypto, cryptoExtras]),
    .systemLibrary(name: "CZlib"),
    module("Compression", on: ["CZlib"]),
    // Floor 3, durable.
    module("Storage", on: ["Bytes", "World"], grdb + [crypto, log, metrics]),
    module("Journal", on: ["Bytes", "Mail", "World", "Storage"]),
    module("MessageStore", on: ["Bytes", "Mail", "World", "IMAP", "Summary", "Storage"]),
    module(
        "Directory", on: ["Bytes", "Mail", "World", "SASL", "Forwarding", "Storage"],
        [crypto, cryptoExtras, metrics]),
    module(
        "Spool", on: ["Bytes", "Mail", "World", "Storage", "Journal", "MessageStore"],
        [collections]),
    module(
        "ZoneStore",
        on: [
            "Bytes", "Mail", "World", "DNS", "DNSSEC", "TransportSecurity", "ZoneCheck",
            "Maintenance", "Storage", "ZoneTransfer",
        ], [crypto]),
    module(
        "KeyRing", on: ["Bytes", "World", "Mail", "DNS", "DKIM", "ARC", "KeyLife", "Storage"]),
    module(
        "DefenceStore", on: ["Bytes", "World", "Storage", "Journal", "Defence"]),
    module(
        "ScriptStore",
        on: [
            "Bytes", "Mail", "World", "Storage", "Journal", "MessageStore", "Sieve", "Defence",
            "DefenceStore",
        ], [crypto]),
    module(
        "Tenancy",
        on: ["Bytes", "Mail", "World", "SASL", "IMAP", "Storage", "MessageStore", "Directory"],
        [log]),
    module(
        "ReportStore", on: ["Bytes", "World", "Feedback", "Storage"]),
    module(
        "SearchIndex",
        on: ["Bytes", "World", "IMAP", "Summary", "Storage", "MessageStore"]),
    // Floor 4, exchange.
    module(
        "Filtering",
        on: [
            "Bytes", "Mail", "World", "DNS", "MIME", "SMTP", "Milter", "HTTP", "Journal", "Defence",
            "DefenceStore",
        ], [log, metrics]),
    module(
        "Reporting",
        on: [
            "Bytes", "Mail", "World", "DNS", "MIME", "HTTP", "DKIM", "DMARC", "Feedback",
            "TransportSecurity",
            "Storage", "Journal", "MessageStore", "Directory", "Spool", "ReportStore",
        ], [log]),
    module(
        "Moving",
        on: ["Bytes", "World", "IMAP", "MailFolders", "IMAPClient", "Storage", "Archive"],
        [crypto]),
    module(
        "OAuth", on: ["Bytes", "Mail", "World", "DNS", "SASL", "HTTP", "Directory"],
        [crypto]),
    module("Metering", on: ["Bytes", "World", "DNS"], [metrics]),
    module(
        "Reception",
        on: [
            "Bytes", "Mail", "World", "DNS", "MIME", "SASL", "SMTP", "Storage", "Journal",
            "Directory", "Forwarding", "Spool", "Maintenance", "Defence", "DefenceStore",
            "Filtering", "DKIM", "ARC", "MessageAuthentication", "KeyRing", "Tenancy",
            "ScriptStore", "Sieve",
        ], [log, metrics]),
    module(
        "Delivery",
        on: [
            "Bytes", "Mail", "World", "DNS", "MIME", "SASL", "SMTP", "Routing", "Summary",
            "Storage", "Journal", "MessageStore", "Directory", "Spool", "KeyRing", "Sieve",
            "ScriptStore", "Tenancy",
        ], [log, metrics, collections]),
    module(
        "Access",
        on: [
            "Bytes", "Mail", "World", "MIME", "SASL", "POP3", "IMAP", "Summary", "Storage",
            "Journal",
            "MessageStore", "SearchIndex", "Directory", "Spool", "Tenancy", "ManageSieve", "Sieve",
            "ScriptStore", "Compression",
        ], [log]),
    module(
        "NameService",
        on: [
            "Bytes", "Mail", "World", "DNS", "DNSSEC", "TransportSecurity", "ZoneCheck",
            "Maintenance", "Storage", "ZoneStore", "ZoneTransfer", "DKIM", "KeyLife", "KeyRing",
            "HTTP", "Autoconfiguration",
        ], [log]),
    // Floor 5, roof.
    .systemLibrary(name: "CUnbound"),
    .systemLibrary(name: "CSockets"),
    .systemLibrary(name: "COpenSSL"),
    module("Spawning", on: ["CSockets"]),
    module(
        "LiveWorld",
        on: [
            "Bytes", "World", "DNS", "DNSSEC", "DKIM", "TransportSecurity", "ZoneCheck", "CUnbound",
            "CSockets", "COpenSSL", "Spawning",
        ],
        nio + [
            crypto, cryptoExtras, x509, asn1, log,
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
        ]),
    module(
        "Settings", on: ["Bytes", "Mail", "Milter", "Defence", "HTTP"],
        [
            .product(name: "Yams", package: "Yams"),
            .product(name: "Configuration", package: "swift-configuration"),
        ]),
    module("Archive", on: ["Bytes", "World", "Storage", "MessageStore"], [crypto]),
    module(
        "Control",
        on: [
            "Bytes", "Mail", "World", "DNS", "SASL", "IMAP", "Routing", "Storage", "Journal",
            "MessageStore", "Directory", "Spool", "Delivery", "ZoneCheck", "ZoneStore", "DNSSEC",
            "NameService", "TransportSecurity", "Maintenance", "ZoneTransfer", "Defence",
            "DefenceStore", "DKIM", "KeyLife",
            "Feedback", "ReportStore", "Reporting", "Sieve", "ScriptStore", "Tenancy",
            "Autoconfiguration",
        ],
        [
            log, crypto, nio[0], nio[1], .product(name: "Hummingbird", package: "hummingbird"),
            .product(name: "NIOHTTP1", package: "swift-nio"),
            .product(name: "AsyncHTTPClient", package: "async-http-client"),
        ]),
    module(
        "Server",
        on: [
            "Bytes", "Mail", "World", "DNS", "SASL", "Routing", "Storage", "Journal",
            "MessageStore", "Directory", "Spool", "Reception", "Delivery", "Access",
            "NameService", "Settings", "SMTP", "POP3", "Metering", "ZoneCheck", "ZoneStore",
            "DNSSEC", "TransportSecurity", "Maintenance", "ZoneTransfer", "Milter", "Defence",
            "DefenceStore", "Filtering", "DKIM", "MessageAuthentication", "KeyLife", "KeyRing",
            "Feedback", "ReportStore", "Reporting", "DMARC", "SPF", "ScriptStore", "Tenancy",
            "SearchIndex", "Autoconfiguration",
        ],
        [log, metrics]),
    .executableTarget(
        name: "postreiter",
        dependencies: names([
            "Bytes", "Mail", "World", "DNS", "MIME", "SASL", "SMTP", "POP3", "Routing", "Storage",
            "Journal", "MessageStore", "Directory", "Spool", "Reception", "Delivery", "Access",
            "NameService", "Archive", "Control", "Server", "Settings", "LiveWorld",
            "SimulatedWorld", "Metering", "ZoneCheck", "Probe", "ZoneStore", "DNSSEC",
            "TransportSecurity", "Maintenance", "ZoneTransfer", "SPF",
            "DKIM", "ARC", "DMARC", "Feedback", "Sieve", "SearchIndex", "IMAP", "MailFolders",
            "IMAPClient",
            "Moving", "OAuth",
        ]) + [
            log, metrics, x509,
            .product(name: "ArgumentParser", package: "swift-argument-parser"),
            .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        ],
        swiftSettings: settings,
        // A release brings the Swift runtime along (`--static-swift-stdlib`); the toolchain's own
        // linker does so without remarks on the C library's old functions in it.
        linkerSettings: [.unsafeFlags(["-use-ld=lld"], .when(configuration: .release))]),
    tests(
        "NameServiceTests",
        on: [
            "Bytes", "World", "DNS", "NameService", "SimulatedWorld",
            "DNSSEC", "Mail", "Storage", "ZoneCheck", "ZoneStore", "Maintenance",
            "TransportSecurity", "ZoneTransfer", "DKIM", "KeyLife", "KeyRing",
            "Autoconfiguration",
        ], [log]),
    tests(
        "MeteringTests", on: ["Bytes", "World", "DNS", "Metering", "SimulatedWorld"], [metrics]),
    tests(
        "ReportingTests",
        on: [
            "Bytes", "Mail", "World", "DNS", "MIME", "Feedback", "Storage", "Journal",
            "MessageStore", "Directory", "Spool", "ReportStore", "Reporting", "SimulatedWorld",
            "LiveWorld", "DKIM", "KeyRing",
        ], [log]),
    tests("SettingsTests", on: ["Bytes", "Mail", "HTTP", "Settings"]),
    tests(
        "OAuthTests",
        on: [
            "Bytes", "Mail", "World", "DNS", "SASL", "HTTP", "Directory", "OAuth", "LiveWorld",
            "SimulatedWorld",
        ]),
    tests("SASLTests", on: ["Bytes", "Mail", "World", "SASL"]),
    tests(
        "ZoneStoreTests",
        on: [
            "Bytes", "Mail", "World", "DNS", "ZoneCheck", "Storage", "ZoneStore", "SimulatedWorld",
        ]),
    tests(
        "DirectoryTests",
        on: ["Bytes", "Mail", "World", "SASL", "Storage", "Directory", "SimulatedWorld"]),
    tests(
        "DefenceStoreTests",
        on: ["Bytes", "World", "Storage", "Journal", "Defence", "DefenceStore", "SimulatedWorld"]),
    tests(
        "FilteringTests",
        on: [
            "Bytes", "Mail", "World", "DNS", "SMTP", "Milter", "Storage", "Journal", "Defence",
            "DefenceStore", "Filtering", "SimulatedWorld",
        ], [log]),
    tests(
        "MovingTests",
        on: [
            "Bytes", "World", "IMAP", "MailFolders", "Archive", "Moving", "SimulatedWorld",
        ], [crypto]),
    tests("ArchiveTests", on: ["Bytes", "World", "Storage", "MessageStore", "Archive"]),
    tests(
        "SearchIndexTests",
        on: [
            "Bytes", "World", "IMAP", "Summary", "Storage", "MessageStore", "SearchIndex",
            "SimulatedWorld",
        ]),
    tests("StorageTests", on: ["Bytes", "World", "Storage", "SimulatedWorld"]),
    tests(
        "SpoolTests",
        on: [
            "Bytes", "Mail", "World", "Storage", "Journal", "MessageStore", "Directory", "Spool",
            "SASL", "SimulatedWorld",
        ]),
    tests(
        "AccessTests",
        on: [
            "Bytes", "Mail", "World", "SASL", "IMAP", "Storage", "Journal", "MessageStore",
            "SearchIndex",
            "Directory", "Spool", "Access", "SimulatedWorld", "Tenancy", "ScriptStore", "Sieve",
            "Compression",
        ], [log]),
    tests("CompressionTests", on: ["Compression"]),
    tests(
        "KeyRingTests",
        on: [
            "Bytes", "World", "Mail", "DNS", "DKIM", "KeyLife", "Storage", "KeyRing",
            "SimulatedWorld",
        ]),
    tests("DKIMTests", on: ["Bytes", "World", "DNS", "DKIM", "ARC", "LiveWorld"], [crypto]),
    tests(
        "LiveWorldTests",
        on: [
            "Bytes", "World", "DNS", "DNSSEC", "TransportSecurity", "ZoneCheck", "LiveWorld",
            "SimulatedWorld",
        ], [crypto]),
    tests(
        "ExchangeTests",
        on: [
            "Bytes", "Mail", "World", "DNS", "MIME", "SASL", "SMTP", "POP3", "Routing", "Storage",
            "Journal", "MessageStore", "Directory", "Spool", "Reception", "Delivery", "Access",
            "NameService", "SimulatedWorld", "DKIM",
            "MessageAuthentication", "SPF", "Defence", "DefenceStore", "Filtering", "Milter",
            "ScriptStore", "Tenancy", "IMAP",
        ]),
    tests(
        "SimulationTests",
        on: [
            "Bytes", "Mail", "World", "DNS", "SASL", "SMTP", "Routing", "Storage", "Journal",
            "MessageStore", "Directory", "Spool", "Reception", "Delivery", "Access",
            "NameService", "Settings", "Server", "SimulatedWorld",
            "TransportSecurity", "ZoneCheck", "Maintenance", "ZoneStore", "DKIM", "KeyLife",
            "KeyRing",
        ], [log]),
    tests("ProgramTests", on: ["Bytes", "DNS", "SASL", "Spawning"]),
    tests("TidyTests", on: []),
]

let package = Package(
    name: "postreiter",
    platforms: [.macOS(.v26)],
    dependencies: coresOnly || isFuzzing
        ? []
        : [
            .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
            .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
            .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
            .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
            .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
            .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
            .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
            .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
            .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
            .package(
                url: "https://github.com/apple/swift-configuration", from: "1.4.0",
                traits: [.defaults, "YAML"]),
            .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
            .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
            .package(
                url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
            .package(
                url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0"),
            .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        ],
    targets: cores + fuzzing + measuringCores
        + (coresOnly || isFuzzing ? [] : house + measuring)
)
