// SPDX-License-Identifier: Apache-2.0

import Bytes
import Configuration
import Mail
import Yams

/// The configuration file (YAML), with environment variables laid over it.
package struct SettingsFile {
    private let name: String
    private let reader: ConfigReader
    /// Where each key of the file stands.
    private let marks: [String: Mark]

    /// A file longer than this is no configuration of ours.
    package static let maximumOctets = 1_048_576

    /// Reads a file's text; `name` is for messages, `environment` may override any key.
    package init(
        _ text: String, name: String, environment: [String: String] = [:]
    ) throws(SettingsError) {
        self.name = name
        let (values, marks) = try Self.flatten(text, name)
        self.marks = marks
        try Self.refuseUnknown(environment)
        reader = ConfigReader(providers: [
            EnvironmentVariablesProvider(environmentVariables: environment)
                .prefixKeys(with: "postreiter"),
            InMemoryProvider(name: name, values: values),
        ])
    }

    private static func flatten(
        _ text: String, _ name: String
    ) throws(SettingsError) -> ([AbsoluteConfigKey: ConfigValue], [String: Mark]) {
        guard text.utf8.count <= maximumOctets else {
            throw SettingsError(description: "\(name): longer than 1 MiB, no configuration file")
        }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw SettingsError(description: "\(name):\(error)")
        }
        var values: [AbsoluteConfigKey: ConfigValue] = [:]
        var marks: [String: Mark] = [:]
        if let root, root.null == nil {
            try walk(root, path: [], name, &values, &marks)
        }
        return (values, marks)
    }

    private static func walk(
        _ node: Node, path: [String], _ name: String,
        _ values: inout [AbsoluteConfigKey: ConfigValue], _ marks: inout [String: Mark]
    ) throws(SettingsError) {
        guard let mapping = node.mapping else {
            throw SettingsError(
                description: place(name, node.mark) + "expected `key: value` lines")
        }
        for (keyNode, value) in mapping {
            let path = path + [keyNode.string ?? ""]
            let key = path.joined(separator: ".")
            if SettingKey.all.contains(where: { $0.name.hasPrefix(key + ".") }) {
                if value.null == nil { try walk(value, path: path, name, &values, &marks) }
                continue
            }
            guard let known = SettingKey.all.first(where: { $0.name == key }) else {
                throw SettingsError(
                    description: place(name, keyNode.mark)
                        + "unknown key `\(key)`; did you mean `\(SettingKey.nearest(to: key))`?")
            }
            marks[key] = keyNode.mark
            let items = value.sequence.map { Array($0) } ?? [value]
            let texts = items.compactMap { $0.scalar?.string }
            guard texts.count == items.count, known.takesList || value.scalar != nil else {
                throw SettingsError(
                    description: place(name, value.mark)
                        + "`\(key)` takes \(known.takesList ? "a list of values" : "one value")")
            }
            values[AbsoluteConfigKey(path)] =
                known.takesList
                ? ConfigValue(.stringArray(texts), isSecret: false)
                : ConfigValue(.string(texts[0]), isSecret: false)
        }
    }

    private static func refuseUnknown(_ environment: [String: String]) throws(SettingsError) {
        let known = Set(SettingKey.all.map(\.environmentVariable))
        for variable in environment.keys.sorted()
        where variable.hasPrefix("POSTREITER_") && !known.contains(variable) {
            let guess = SettingKey.nearest(
                to: String(variable.dropFirst("POSTREITER_".count)).asciiLowercased)
            let meant = SettingKey.all.first { $0.name == guess }?.environmentVariable ?? guess
            throw SettingsError(
                description: "environment: unknown variable \(variable); did you mean \(meant)?")
        }
    }

    private static func place(_ name: String, _ mark: Mark?) -> String {
        mark.map { "\(name):\($0.line):\($0.column): " } ?? "\(name): "
    }

    // MARK: Values

    func text(_ key: String) -> String? { reader.string(forKey: ConfigKey(key)) }

    func texts(_ key: String) -> [String]? { reader.stringArray(forKey: ConfigKey(key)) }

    func wrong(_ key: String, _ value: String, _ expected: String) -> SettingsError {
        SettingsError(
            description: Self.place(name, marks[key])
                + "`\(key)` is `\(value)`; expected \(expected)")
    }

    func number(
        _ key: String, in range: ClosedRange<Int>, default fallback: Int,
        orElse word: String? = nil
    ) throws(SettingsError) -> Int {
        guard let text = text(key) else { return fallback }
        guard let number = Int(text), range.contains(number) else {
            throw wrong(
                key, text,
                "a number from \(range.lowerBound) to \(range.upperBound)"
                    + (word.map { ", or \($0)" } ?? ""))
        }
        return number
    }

    /// `usual` where nothing is said.
    func flag(_ key: String, default usual: Bool = false) throws(SettingsError) -> Bool {
        guard let text = text(key) else { return usual }
        guard let flag = ["true": true, "yes": true, "false": false, "no": false][text] else {
            throw wrong(key, text, "true or false")
        }
        return flag
    }

    func list<Value>(
        _ key: String, _ expected: String, _ read: (String) -> Value?
    ) throws(SettingsError) -> [Value] {
        var values: [Value] = []
        for text in texts(key) ?? [] {
            guard let value = read(text) else { throw wrong(key, text, expected) }
            values.append(value)
        }
        return values
    }

    private func sockets(
        _ key: String, port: UInt16?
    ) throws(SettingsError) -> [SocketAddress] {
        try list(key, "an address and port such as 192.0.2.1:25 or [2001:db8::1]:25") {
            SocketAddress($0, defaultPort: port)
        }
    }

    private func networks(_ key: String) throws(SettingsError) -> [IPNetwork] {
        try list(key, "an address or a network such as 192.0.2.0/24") { IPNetwork($0) }
    }

    /// What is set, by key, as text: to tell what a changed file has changed.
    package var values: [String: String] {
        var values: [String: String] = [:]
        for key in SettingKey.all {
            values[key.name] =
                key.takesList ? texts(key.name)?.joined(separator: ", ") : text(key.name)
        }
        return values
    }

    /// Everything, checked.
    package func settings() throws(SettingsError) -> ServerSettings {
        guard let host = text("host-name") else {
            throw SettingsError(
                description: "\(name): `host-name` is missing; write the name that MX records use,"
                    + " such as `host-name: mx1.example.org`")
        }
        guard let hostName = try? Domain(host) else {
            throw wrong("host-name", host, "a host name such as mx1.example.org")
        }
        let folder = text("data-folder") ?? "/var/lib/postreiter"
        var settings = ServerSettings(hostName: hostName, dataFolder: folder)
        if let code = text("language") {
            guard let language = Language(rawValue: code) else {
                throw wrong("language", code, "en or de")
            }
            settings.language = language
        }
        settings.listen.smtp = try sockets("listen.smtp", port: 25)
        settings.listen.submission = try sockets("listen.submission", port: 587)
        settings.listen.submissions = try sockets("listen.submissions", port: 465)
        settings.listen.lmtp = try sockets("listen.lmtp", port: 24)
        settings.listen.imap = try sockets("listen.imap", port: 143)
        settings.listen.imaps = try sockets("listen.imaps", port: 993)
        settings.listen.pop3 = try sockets("listen.pop3", port: 110)
        settings.listen.pop3s = try sockets("listen.pop3s", port: 995)
        settings.listen.managesieve = try sockets("listen.managesieve", port: 4190)
        settings.listen.dns = try sockets("listen.dns", port: 53)
        settings.listen.metrics = try sockets("listen.metrics", port: 9125)
        settings.listen.https = try sockets("listen.https", port: 443)
        settings.listen.http = try sockets("listen.http", port: 80)
        // Shorter than a message may wait, and the trace of what still waits would be gone.
        settings.journalDays = try number(
            "journal.days", in: 7...3_650, default: settings.journalDays)
        settings.indexesTexts = try flag("search.index", default: settings.indexesTexts)
        try readCertificates(&settings)
        settings.asksForClientCertificate = try flag("tls.ask-client-certificate")
        settings.resolver = try sockets("resolver", port: 53)
        settings.alsoKnownAs = try list("also-known-as", "a host name") { try? Domain($0) }
        if let domain = text("local-domain") {
            guard let localDomain = try? Domain(domain) else {
                throw wrong("local-domain", domain, "a domain such as example.org")
            }
            settings.localDomain = localDomain
        }
        settings.publicAddresses = try list("public-addresses", "an IP address") { IPAddress($0) }
        let limits = settings.limits
        settings.limits.messageOctets = try number(
            "limits.message-octets", in: 65_536...2_147_483_647, default: limits.messageOctets)
        settings.limits.transactions = try number(
            "limits.transactions", in: 1...999_999, default: limits.transactions)
        settings.limits.recipients = try number(
            "limits.recipients", in: 100...100_000, default: limits.recipients)
        settings.limits.connections = try number(
            "limits.connections", in: 1...1_000_000, default: limits.connections)
        settings.limits.connectionsPerNetwork = try number(
            "limits.connections-per-network", in: 0...1_000_000,
            default: limits.connectionsPerNetwork)
        settings.limits.connectionsPerNetworkAndMinute = try number(
            "limits.connections-per-network-and-minute", in: 0...10_000_000,
            default: limits.connectionsPerNetworkAndMinute)
        if texts("limits.exempt-networks") != nil {
            settings.limits.exemptNetworks = try networks("limits.exempt-networks")
        }
        settings.limits.messagesPerCommand = try number(
            "limits.messages-per-command", in: 1_000...10_000_000,
            default: limits.messagesPerCommand)
        settings.limits.holdHours = try number(
            "limits.hold-hours", in: 0...8_760, default: limits.holdHours)
        settings.trust.proxyProtocol = try networks("trust.proxy-protocol")
        settings.trust.xclient = try networks("trust.xclient")
        settings.trust.priority = try networks("trust.priority")
        if texts("trust.networks") != nil {
            settings.trust.networks = try networks("trust.networks")
        }
        try readAuthentication(&settings.authentication)
        settings.offersSCRAMSHA1 = try flag("managesieve.scram-sha-1", default: true)
        settings.tokens = try tokenSettings()
        settings.hiddenExtensions = Set(
            try list("smtp.hidden-extensions", "a keyword such as CHUNKING") { word in
                word.utf8.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") }
                    ? word.uppercased() : nil
            })
        settings.sending.port = UInt16(try number("sending.port", in: 1...65_535, default: 25))
        settings.sending.source = try list("sending.source", "an IP address") { IPAddress($0) }
        settings.sending.retryMinutes = try list(
            "sending.retry-minutes", "minutes, from 1 to 10080"
        ) { text in Int(text).flatMap { (1...10_080).contains($0) ? $0 : nil } }
        try readLifetimes(&settings)
        settings.sending.tellsPostmaster = try flag("sending.tell-postmaster")
        settings.sending.rewritesSenders = try flag("sending.rewrite-senders", default: true)
        try readReports(&settings.reports)
        try readNameServer(&settings.nameServer)
        try readDefence(&settings.defence)
        try readSigning(&settings.signing)
        try readMailboxes(&settings.mailboxes)
        try readSharing(&settings.sharing)
        settings.user = text("user")
        settings.group = text("group")
        settings.logLevel = try logLevel()
        settings.logFormat = text("log.format") ?? settings.logFormat
        guard ["text", "json"].contains(settings.logFormat) else {
            throw wrong("log.format", settings.logFormat, "text or json")
        }
        return settings
    }

    private func readAuthentication(
        _ settings: inout ServerSettings.AuthenticationSettings
    ) throws(SettingsError) {
        settings.id = try list("authentication.id", "a name without blanks") { text in
            text.utf8.allSatisfy { (0x21...0x7E).contains($0) } ? text : nil
        }.first
        settings.isEnforced = try flag("authentication.enforce", default: true)
        settings.requiresSenderDomain = try flag("authentication.sender-domains", default: true)
        settings.trustedSealers = Set(try domains("authentication.trusted-sealers"))
        settings.forwarders = Set(try domains("authentication.forwarders"))
    }

    private func domains(_ name: String) throws(SettingsError) -> [String] {
        try list(name, "a domain such as example.org") { (try? Domain($0))?.name }
    }

    private func readReports(_ settings: inout ServerSettings.Reports) throws(SettingsError) {
        if text("reports.send") != nil { settings.isSending = try flag("reports.send") }
        settings.sendsFailures = try flag("reports.failures")
        settings.organization = text("reports.organization")
        if let sender = text("reports.from") {
            guard let address = try? Address(sender) else {
                throw wrong("reports.from", sender, "an address such as reports@example.org")
            }
            settings.sender = address
        }
        if texts("reports.read-at") != nil {
            let names = try list("reports.read-at", "a local part, an address, or `none`") {
                $0.utf8.contains(0x20) ? nil : $0
            }
            settings.readsAt = names == ["none"] ? [] : names
        }
    }

    private func readNameServer(
        _ settings: inout ServerSettings.NameServerSettings
    ) throws(SettingsError) {
        settings.identity = text("name-server.identity") ?? ""
        // RFC 4892 §2: it is answered as one character-string.
        guard settings.identity.utf8.count <= 255 else {
            throw wrong("name-server.identity", settings.identity, "at most 255 octets")
        }
        let rate = try number("name-server.responses-per-second", in: 0...1_000_000, default: 200)
        settings.responsesPerSecond = rate == 0 ? nil : rate
        settings.cookieSecretsFile = text("name-server.cookie-secrets")
    }

    private func readSigning(
        _ settings: inout ServerSettings.Signing
    ) throws(SettingsError) {
        settings.isAutomatic = try flag("dkim.automatic", default: true)
        let days = try number("dkim.rotation-days", in: 0...3650, default: 180)
        settings.rotationDays = days == 0 ? nil : days
        settings.confirmationMinutes = try number(
            "dkim.confirmation-minutes", in: 0...10_080, default: 10)
    }

    private func readMailboxes(
        _ settings: inout ServerSettings.Mailboxes
    ) throws(SettingsError) {
        if let text = text("mailbox.quota-storage") {
            guard let bound = Bound(octets: text) else {
                throw wrong("mailbox.quota-storage", text, "a size such as 500M or 2G, or `none`")
            }
            settings.quotaOctets = bound.value
        }
        if let text = text("mailbox.quota-messages") {
            guard let bound = Bound(count: text) else {
                throw wrong("mailbox.quota-messages", text, "a number, or `none`")
            }
            settings.quotaMessages = bound.value
        }
        settings.undeleteDays = try number(
            "mailbox.undelete-days", in: 0...365, default: settings.undeleteDays)
        settings.retention = try list(
            "mailbox.retention", "days and a mailbox, such as `30 Trash` or `14 \\Junk`"
        ) { Retention($0) }
        if let text = text("mailbox.subaddress-folders") {
            guard let folders = SubaddressFolders(rawValue: text) else {
                throw wrong("mailbox.subaddress-folders", text, "no, existing or create")
            }
            settings.subaddressFolders = folders
        }
    }

    private func readSharing(_ settings: inout SharingDomains) throws(SettingsError) {
        let items = texts("sharing.domains") ?? []
        guard let domains = SharingDomains(items) else {
            throw wrong(
                "sharing.domains", items.joined(separator: ", "),
                "items such as `example.org example.net`, two domains or more, or `*` for all")
        }
        settings = domains
    }

    /// RFC 5321 §4.5.4.1 asks for 4 to 5 days; less or more is for those who know their mail.
    private func readLifetimes(_ settings: inout ServerSettings) throws(SettingsError) {
        let lifetime = try number(
            "sending.lifetime-hours", in: 1...720, default: settings.sending.lifetimeHours)
        // The trace of what still waits must not be gone.
        guard lifetime <= (settings.journalDays - 1) * 24 else {
            throw wrong(
                "sending.lifetime-hours", "\(lifetime)",
                "less than `journal.days`, which is \(settings.journalDays)")
        }
        settings.sending.lifetimeHours = lifetime
        settings.sending.notificationLifetimeHours = try number(
            "sending.notification-lifetime-hours", in: 1...lifetime, default: lifetime)
        if text("sending.delay-notice-hours") == "none" {
            settings.sending.delayNoticeHours = nil
        } else {
            settings.sending.delayNoticeHours = try number(
                "sending.delay-notice-hours", in: 1...720, default: 4, orElse: "`none`")
        }
    }

    private func readCertificates(_ settings: inout ServerSettings) throws(SettingsError) {
        let chains = texts("tls.certificate") ?? settings.certificates.map(\.chain)
        let keys = texts("tls.private-key") ?? settings.certificates.map(\.privateKey)
        guard chains.count == keys.count, !chains.isEmpty else {
            throw wrong(
                "tls.private-key", keys.joined(separator: ", "),
                "one key for each of the \(chains.count) files of `tls.certificate`")
        }
        settings.certificates = zip(chains, keys).map { .init(chain: $0, privateKey: $1) }
    }

    private func logLevel() throws(SettingsError) -> String {
        let level = text("log.level") ?? "info"
        guard ["trace", "debug", "info", "notice", "warning", "error"].contains(level) else {
            throw wrong("log.level", level, "trace, debug, info, notice, warning or error")
        }
        return level
    }
}
