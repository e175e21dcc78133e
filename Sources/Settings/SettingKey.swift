// SPDX-License-Identifier: Apache-2.0

/// A key of the configuration file; the same text makes the manual.
package struct SettingKey: Sendable {
    /// With dots between the levels: `listen.smtp`.
    package let name: String
    /// What it is, in a sentence.
    package let summary: String
    let takesList: Bool

    /// Whether a reload applies it; the others need a restart.
    package var isLive: Bool {
        name.hasPrefix("listen.") || name.hasPrefix("tls.") || name.hasPrefix("limits.")
            || name.hasPrefix("log.") || name.hasPrefix("trust.") || name.hasPrefix("smtp.")
            || name.hasPrefix("mailbox.") || name.hasPrefix("sharing.")
            || name.hasPrefix("defence.") || name.hasPrefix("managesieve.")
            || name.hasPrefix("authentication.")
            || name == "resolver" || Self.liveSending.contains(name)
    }

    private static let liveSending: Set<String> = [
        "sending.retry-minutes", "sending.lifetime-hours", "sending.notification-lifetime-hours",
        "sending.delay-notice-hours",
    ]

    /// `POSTREITER_LISTEN_SMTP` for `listen.smtp`.
    package var environmentVariable: String {
        "POSTREITER_"
            + String(name.uppercased().map { $0 == "." || $0 == "-" ? "_" : $0 })
    }

    private init(_ name: String, list: Bool = false, _ summary: String) {
        self.name = name
        self.summary = summary
        takesList = list
    }

    /// Every key there is, in the order of the manual.
    package static let all: [SettingKey] = [
        .init("host-name", "The name of this host, as MX records and its certificate say it."),
        .init("data-folder", "Where the store lives; default /var/lib/postreiter."),
        .init("language", "en or de: the language of notifications to unknown senders."),
        .init("listen.smtp", list: true, "Addresses for mail from other exchangers (port 25)."),
        .init("listen.submission", list: true, "Submission with STARTTLS (port 587)."),
        .init("listen.submissions", list: true, "Submission within TLS (port 465)."),
        .init("listen.lmtp", list: true, "LMTP from programs of this site (port 24)."),
        .init("listen.imap", list: true, "IMAP with STARTTLS (port 143)."),
        .init("listen.imaps", list: true, "IMAP within TLS (port 993)."),
        .init("listen.pop3", list: true, "POP3 with STLS (port 110)."),
        .init("listen.pop3s", list: true, "POP3 within TLS (port 995)."),
        .init("listen.managesieve", list: true, "ManageSieve with STARTTLS (port 4190)."),
        .init("listen.dns", list: true, "The name server for the zones in DATA/zones (port 53)."),
        .init(
            "listen.metrics", list: true, "Metrics for Prometheus and a health check (port 9125)."),
        .init(
            "listen.https", list: true,
            "MTA-STS policies, and how mail programs are set up (port 443)."),
        .init("listen.http", list: true, "The latter for programs without TLS (port 80)."),
        .init("tls.certificate", list: true, "PEM file with the chain; more are chosen by SNI."),
        .init("tls.private-key", list: true, "PEM file with its private key; as many."),
        .init("tls.ask-client-certificate", "yes or no: ask on port 25; default no."),
        .init("resolver", list: true, "Name servers to ask instead of the built-in resolver."),
        .init("also-known-as", list: true, "Further names by which MX records mean this host."),
        .init("local-domain", "For addresses without one, from programs here; default: host-name."),
        .init("public-addresses", list: true, "Further addresses that lead to this host."),
        .init("limits.message-octets", "Largest message accepted; default 52428800 (50 MiB)."),
        .init("limits.recipients", "Recipients of one message; default 1000, at least 100."),
        .init("limits.transactions", "Messages in one connection (MAIL); default 100000."),
        .init("limits.connections", "Connections at a time, to all services; default 20000."),
        .init(
            "limits.connections-per-network",
            "Of these, from one /24 or IPv6 /64; default 200, 0: any number."),
        .init(
            "limits.connections-per-network-and-minute",
            "New ones from one network in a minute; default 1200, 0: any number."),
        .init(
            "limits.exempt-networks", list: true,
            "Networks without these two limits; default 127.0.0.0/8 and ::1."),
        .init(
            "limits.messages-per-command",
            "Messages that one IMAP command treats (MESSAGELIMIT); default 5000000."),
        .init(
            "limits.hold-hours",
            "How far ahead a submission may be held (FUTURERELEASE); default 720, 0: not at all."),
        .init(
            "trust.proxy-protocol", list: true,
            "Networks of proxies whose connections begin with a PROXY header."),
        .init(
            "trust.xclient", list: true, "Networks of proxies that may name clients by XCLIENT."),
        .init(
            "trust.priority", list: true,
            "Networks that may raise priorities (MT-PRIORITY) without a password."),
        .init(
            "trust.networks", list: true,
            "Networks of this site, whose mail is not refused for what the DNS says of its "
                + "sender; default 127.0.0.0/8 and ::1."),
        .init("authentication.id", "In whose name results are written; default: host-name."),
        .init(
            "authentication.enforce",
            "yes or no: reject and put aside what DMARC policies say; default yes."),
        .init(
            "authentication.sender-domains",
            "yes or no: a sender's domain must be there; default yes."),
        .init(
            "authentication.trusted-sealers", list: true,
            "Domains whose ARC seals are believed where DMARC fails."),
        .init(
            "authentication.forwarders", list: true,
            "Domains of mailing lists and forwarders, whose mail is taken where DMARC fails."),
        .init(
            "oauth.introspection-url",
            "Whom to ask about access tokens (RFC 7662); mail programs may log in with them then."),
        .init("oauth.client-id", "As whom this host asks there."),
        .init("oauth.client-secret-file", "A file with the secret of that client, on one line."),
        .init(
            "oauth.claim",
            "Which member of the answer is the account's address; default username."),
        .init("oauth.scope", list: true, "Scopes that a token must have; default: any."),
        .init("oauth.audience", "For whom a token must have been issued; default: anybody."),
        .init(
            "oauth.program", list: true,
            "Instead: a program with its arguments that reads a token and prints the address."),
        .init(
            "oauth.configuration-url",
            "Where mail programs learn who issues tokens (OpenID Connect Discovery)."),
        .init(
            "smtp.hidden-extensions", list: true,
            "Extensions that replies to EHLO leave out, such as CHUNKING."),
        .init("sending.port", "Port of other exchangers; 25, but for trials on one machine."),
        .init("sending.source", list: true, "Addresses to send from, one of each family."),
        .init(
            "sending.retry-minutes", list: true,
            "Pauses between attempts, the last one repeated; default 1, 5, 15, 30, 60, 120, 240."),
        .init("sending.lifetime-hours", "How long a message may wait; default 120 (5 days)."),
        .init(
            "sending.notification-lifetime-hours",
            "How long a notification may wait; default as long as a message."),
        .init(
            "sending.delay-notice-hours",
            "After how long a sender hears that his message waits; default 4, none: never."),
        .init(
            "sending.rewrite-senders",
            "no: what an alias sends on keeps its reverse-path, which SPF does not like."),
        .init("sending.tell-postmaster", "true: the postmaster hears of notifications that fail."),
        .init("dkim.automatic", "false: keys that sign mail are made by command only."),
        .init(
            "dkim.rotation-days",
            "After how long such a key is replaced; default 180, 0: by command only."),
        .init(
            "dkim.confirmation-minutes",
            "How long a new key must have been seen in the DNS before it signs; default 10."),
        .init("reports.send", "yes or no: to domains that ask, on mail and TLS; default yes."),
        .init("reports.failures", "yes or no: also on single messages that fail; default no."),
        .init("reports.organization", "Who reports, for people; default: host-name."),
        .init("reports.from", "From whom reports come; default postmaster at host-name."),
        .init(
            "reports.read-at", list: true,
            "Mailboxes here that get reports; default postmaster, dmarc, tlsrpt, abuse; or none."),
        .init(
            "name-server.identity",
            "What the name server calls itself to those who ask (NSID, id.server)."),
        .init(
            "name-server.responses-per-second",
            "Of one kind, by datagram, to one network; default 200, 0: any number."),
        .init(
            "name-server.cookie-secrets",
            "File with the secret of DNS cookies, for servers that share an address."),
        .init(
            "defence.lists", list: true,
            "Lists asked by DNS (RFC 5782): ZONE [of=domain] [action=score|reject|note|bypass]"
                + " [weight=4] [codes=127.0.0.2-127.0.0.11]; default none."),
        .init(
            "defence.weights", list: true,
            "What a test weighs, where it is not as usual: `spf=fail 2.5`."),
        .init("defence.mark", "From this score on a message is marked; default 5, none: never."),
        .init("defence.junk", "From this score on it is filed as junk; default 8, none: never."),
        .init("defence.postpone", "From this score on it is put off; default none."),
        .init("defence.reject", "From this score on it is refused; default 20, none: never."),
        .init("defence.greylist", "true: strangers are asked to come again; default false."),
        .init("defence.greylist-minutes", "After how many minutes; default 5."),
        .init(
            "defence.rates", list: true,
            "Recipients in a time: SUBJECT COUNT/minute|hour|day of account, account-domain,"
                + " network, sender, sender-domain, recipient;"
                + " default account 2000/hour, account 10000/day."),
        .init(
            "defence.errors", "Errors until a connection is closed; default 20, 0: any number."),
        .init(
            "defence.bans", "false: nobody is banned unasked for doing wrong again and again."),
        .init(
            "defence.filters", list: true,
            "Milters: inet:ADDRESS:PORT or unix:/PATH [fail=accept|tempfail] [timeout=60]."),
        .init(
            "defence.rspamd",
            "ADDRESS:PORT of rspamd [action=follow|score] [fail=accept|tempfail]; default none."),
        .init(
            "defence.scanned-octets",
            "Larger messages are not shown to rspamd; default 2097152 (2 MiB)."),
        .init(
            "mailbox.quota-storage",
            "What an account may keep, such as 2G; default none. `account quota` sets another."),
        .init("mailbox.quota-messages", "How many messages an account may keep; default none."),
        .init(
            "mailbox.undelete-days",
            "How long removed messages and mailboxes can be brought back; default 7, 0: never."),
        .init(
            "mailbox.retention", list: true,
            "After how many days messages go: `30 Trash`, `14 \\Junk` (by use); default never."),
        .init(
            "mailbox.subaddress-folders",
            "user+folder@ leads into folder: no, existing or create; default no."),
        .init(
            "managesieve.scram-sha-1",
            "yes or no: ManageSieve offers SCRAM-SHA-1 (RFC 5804 §2.1), and keys for it are kept;"
                + " default yes."),
        .init(
            "sharing.domains", list: true,
            "Domains whose people may share mailboxes with each other, parted by spaces; *: all;"
                + " default: every domain for itself."),
        .init("user", "Who the server becomes once it has taken its ports; default: nobody else."),
        .init("group", "With which group; default: the user's own."),
        .init("search.index", "yes or no: texts are indexed for SEARCH; default yes."),
        .init("journal.days", "How long the trace of a message is kept; default 30, 7 to 3650."),
        .init("log.format", "text or json: one line for each event; default text."),
        .init("log.level", "trace, debug, info, notice, warning or error; default info."),
    ]

    /// The known key that `name` was probably meant to be.
    static func nearest(to name: String) -> String {
        let distances = all.map { ($0.name, editDistance(name, $0.name)) }
        return distances.min { $0.1 < $1.1 }?.0 ?? name
    }

    /// How many letters must be inserted, removed or replaced between the two.
    private static func editDistance(_ left: String, _ right: String) -> Int {
        let right = Array(right.utf8)
        var row = Array(0...right.count)
        for (i, a) in left.utf8.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(diagonal + (a == b ? 0 : 1), above + 1, row[j] + 1)
                diagonal = above
            }
        }
        return row[right.count]
    }
}
