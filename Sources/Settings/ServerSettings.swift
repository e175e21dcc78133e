// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Mail

/// What the machine needs to know before the store is open (DESIGN: domains and accounts are data).
package struct ServerSettings: Sendable, Equatable {
    /// The name of this host, as its MX records and certificate say it.
    package var hostName: Domain
    /// The folder of the database, the large bodies, the zones and the control socket.
    package var dataFolder: String
    /// The language of notifications when the sender's is not known.
    package var language: Language
    package var listen: Listen
    /// What TLS shows: the first to everybody, the others to who asks for one of their names.
    package var certificates: [CertificateFiles]
    /// Name servers to ask; empty for the system's own validating resolver.
    package var resolver: [SocketAddress]
    /// Further names and addresses by which other hosts know this one (a public address behind a
    /// translating router), so that routing recognises itself in an MX set (RFC 5321 §5.1).
    package var alsoKnownAs: [Domain]
    package var publicAddresses: [IPAddress]
    package var limits: Limits
    package var trust = Trust()
    /// Whether other exchangers are asked for a certificate, to be named in Received.
    package var asksForClientCertificate = false
    /// Keywords, in upper case, that replies to EHLO leave out.
    package var hiddenExtensions: Set<String> = []
    package var sending: Sending
    package var reports = Reports()
    package var nameServer = NameServerSettings()
    package var defence = DefenceSettings()
    package var authentication = AuthenticationSettings()
    /// Whether ManageSieve offers SCRAM-SHA-1, for which keys of their own are kept.
    package var offersSCRAMSHA1 = true
    /// Nil: nobody logs in with a token.
    package var tokens: TokenSettings?
    package var signing = Signing()
    package var mailboxes = Mailboxes()
    /// Whose people may share mailboxes with each other.
    package var sharing = SharingDomains()
    /// What addresses without a domain belong to, in messages of programs of this machine.
    package var localDomain: Domain
    package var logLevel: String
    /// How long the journal keeps what happened to a message.
    package var journalDays = 30
    /// Whether texts of messages are indexed, so that searches need not read the messages.
    package var indexesTexts = true
    /// `text` or `json`.
    package var logFormat = "text"
    /// Who the server becomes once it has taken its ports; nil: it stays who it is.
    package var user: String?
    /// Nil: the user's own group.
    package var group: String?

    /// What is reported to other domains, and where theirs are expected.
    package struct Reports: Sendable, Equatable {
        /// Whether domains that ask for reports on mail and TLS get them.
        package var isSending = true
        /// Whether they also get reports on single messages that failed (RFC 9991).
        package var sendsFailures = false
        /// Who reports, for people; nil: the host's name.
        package var organization: String?
        /// From whom; nil: the host's postmaster.
        package var sender: Address?
        /// Local parts or addresses whose mail is looked at for reports; nil: the usual ones.
        package var readsAt: [String]?

        package init() {}
    }

    /// What the name server tells and grants.
    package struct NameServerSettings: Sendable, Equatable {
        /// What it calls itself to those who ask (RFC 5001, RFC 4892); empty: it does not say.
        package var identity = ""
        /// Responses of one kind by datagram to one network; nil: any number.
        package var responsesPerSecond: Int? = 200
        /// A file with the secrets of DNS cookies (RFC 9018 §5); nil: made at each start.
        package var cookieSecretsFile: String?

        package init() {}
    }

    /// Where to listen, by service; an empty list turns a service off.
    package struct Listen: Sendable, Equatable {
        /// SMTP from other exchangers (RFC 5321).
        package var smtp: [SocketAddress] = []
        /// Submission with STARTTLS (RFC 6409).
        package var submission: [SocketAddress] = []
        /// Submission within TLS (RFC 8314).
        package var submissions: [SocketAddress] = []
        /// Programs of this site that hand mail over by LMTP (RFC 2033).
        package var lmtp: [SocketAddress] = []
        package var imap: [SocketAddress] = []
        package var imaps: [SocketAddress] = []
        package var pop3: [SocketAddress] = []
        package var pop3s: [SocketAddress] = []
        /// Scripts of accounts, with STARTTLS (RFC 5804).
        package var managesieve: [SocketAddress] = []
        /// The name server, UDP and TCP.
        package var dns: [SocketAddress] = []
        /// What the server counts, for Prometheus, and whether it is well.
        package var metrics: [SocketAddress] = []
        /// MTA-STS policies (RFC 8461 §3.3) and how mail programs are set up, by HTTPS.
        package var https: [SocketAddress] = []
        /// The latter for programs that ask without TLS.
        package var http: [SocketAddress] = []

        package init() {}

        /// Every address with its service.
        package var all: [(service: Service, address: SocketAddress)] {
            smtp.map { (.smtp, $0) } + submission.map { (.submission, $0) }
                + submissions.map { (.submissions, $0) } + lmtp.map { (.lmtp, $0) }
                + imap.map { (.imap, $0) } + imaps.map { (.imaps, $0) }
                + pop3.map { (.pop3, $0) }
                + pop3s.map { (.pop3s, $0) } + managesieve.map { (.managesieve, $0) }
                + dns.map { (.dns, $0) }
                + metrics.map { (.metrics, $0) } + https.map { (.https, $0) }
                + http.map { (.http, $0) }
        }
    }

    /// What is served, by the names of the keys under `listen`.
    package enum Service: String, Sendable {
        case smtp, submission, submissions, lmtp, imap, imaps, pop3, pop3s, managesieve, dns
        case metrics, https, http
    }

    /// A certificate chain and its key: PEM files.
    package struct CertificateFiles: Sendable, Equatable {
        package var chain: String
        package var privateKey: String

        package init(chain: String, privateKey: String) {
            self.chain = chain
            self.privateKey = privateKey
        }
    }

    /// Bounds on what others may ask of this host.
    package struct Limits: Sendable, Equatable {
        package var messageOctets = 52_428_800
        package var recipients = 1_000
        /// Of one connection (MAIL commands, RFC 9422).
        package var transactions = 100_000
        /// At a time, to all services together: mail programs keep several each, and wait.
        package var connections = 20_000
        /// Of these, from one network (a /24, or a /64 of IPv6); 0: no bound.
        package var connectionsPerNetwork = 200
        /// New ones within a minute from one network; 0: no bound.
        package var connectionsPerNetworkAndMinute = 1_200
        /// Messages that one IMAP command treats (RFC 9738).
        package var messagesPerCommand = 5_000_000
        /// How far ahead a submission may be held (RFC 4865); 0: not at all.
        package var holdHours = 720
        /// Networks without these two bounds.
        package var exemptNetworks = ServerSettings.thisMachine

        package init() {}
    }

    /// Where programs of this machine come from.
    package static let thisMachine = [
        IPNetwork(of: .v4(IPv4Address(127, 0, 0, 0)), prefixLength: 8),
        IPNetwork(of: .v6(IPv6Address(high: 0, low: 1)), prefixLength: 128),
    ]

    /// How it is judged who sent a message that a stranger brings.
    package struct AuthenticationSettings: Sendable, Equatable {
        /// In whose name results are written (RFC 8601 §2.5); nil: the host's.
        package var id: String?
        /// Whether messages are rejected and put aside as their authors' domains ask (RFC 9989).
        package var isEnforced = true
        /// Whether a sender's domain must be there.
        package var requiresSenderDomain = true
        /// Domains whose ARC seals are believed, in lower case.
        package var trustedSealers: Set<String> = []
        /// Domains of mailing lists and forwarders, in lower case.
        package var forwarders: Set<String> = []

        package init() {}
    }

    /// Whose word counts, by network.
    package struct Trust: Sendable, Equatable {
        /// Programs of this site: what the DNS says of their senders refuses nothing.
        package var networks = ServerSettings.thisMachine
        /// Proxies whose connections begin with a PROXY header.
        package var proxyProtocol: [IPNetwork] = []
        /// Proxies that may say by XCLIENT for whom they stand.
        package var xclient: [IPNetwork] = []
        /// Clients that may ask for a higher priority without a password (RFC 6710).
        package var priority: [IPNetwork] = []

        package init() {}
    }

    /// How mail is signed (DKIM).
    package struct Signing: Sendable, Equatable {
        /// Keys are made for every domain without being asked for.
        package var isAutomatic = true
        /// After how long a key is replaced; nil: only when somebody asks for it.
        package var rotationDays: Int? = 180
        /// How long a new record must have been seen before its key signs.
        package var confirmationMinutes = 10

        package init() {}
    }

    /// What bounds and sorts mailboxes, where nothing else is set for them.
    package struct Mailboxes: Sendable, Equatable {
        /// Octets that an account may keep; nil: any number.
        package var quotaOctets: Int64?
        /// Messages that an account may keep; nil: any number.
        package var quotaMessages: Int64?
        /// How long what was removed can be brought back; 0: not at all.
        package var undeleteDays = 7
        package var retention: [Retention] = []
        package var subaddressFolders = SubaddressFolders.no

        package init() {}
    }

    /// How mail leaves.
    package struct Sending: Sendable, Equatable {
        /// The port of other exchangers: 25, but for trials on one machine.
        package var port: UInt16 = 25
        /// The addresses to come from, at most one of each family.
        package var source: [IPAddress] = []
        /// Pauses between attempts, the last one repeated; empty: as usual.
        package var retryMinutes: [Int] = []
        /// How long a message may wait that says nothing itself.
        package var lifetimeHours = 120
        /// How long a notification may wait, no longer than a message.
        package var notificationLifetimeHours = 120
        /// The age at which a sender is told that his message waits; nil: never.
        package var delayNoticeHours: Int? = 4
        /// How often the spool is asked for what others (nodes, operators) have made due.
        package var pollSeconds = 30
        /// Whether the postmaster is told of a failed message that has no sender to be told.
        package var tellsPostmaster = false
        /// Whether what an alias sends on gets a reverse-path of ours (SRS).
        package var rewritesSenders = true

        package init() {}
    }

    package init(hostName: Domain, dataFolder: String) {
        self.hostName = hostName
        localDomain = hostName
        self.dataFolder = dataFolder
        language = .english
        listen = Listen()
        certificates = [
            CertificateFiles(
                chain: dataFolder + "/certificate.pem", privateKey: dataFolder + "/private-key.pem")
        ]
        resolver = []
        alsoKnownAs = []
        publicAddresses = []
        limits = Limits()
        sending = Sending()
        logLevel = "info"
    }
}

extension ServerSettings {
    /// Where the running server takes commands.
    package var controlSocket: String { dataFolder + "/control.sock" }
    /// With what passwords in the database are sealed.
    package var secretKeyFile: String { dataFolder + "/secret.key" }
    /// Where programs of this machine leave messages.
    package var maildropFolder: String { dataFolder + "/maildrop" }
    /// Master files of the zones that the name server answers for, `NAME.zone`.
    package var zonesFolder: String { dataFolder + "/zones" }
}

extension ServerSettings {
    /// These settings with those of `new` that can change while the server runs.
    ///
    /// They are the keys whose `SettingKey.isLive` is set.
    package func adopting(_ new: Self) -> Self {
        var settings = self
        settings.listen = new.listen
        settings.certificates = new.certificates
        settings.resolver = new.resolver
        settings.limits = new.limits
        settings.trust = new.trust
        settings.defence = new.defence
        settings.hiddenExtensions = new.hiddenExtensions
        settings.authentication = new.authentication
        settings.sending.retryMinutes = new.sending.retryMinutes
        settings.sending.lifetimeHours = new.sending.lifetimeHours
        settings.sending.notificationLifetimeHours = new.sending.notificationLifetimeHours
        settings.sending.delayNoticeHours = new.sending.delayNoticeHours
        settings.offersSCRAMSHA1 = new.offersSCRAMSHA1
        settings.mailboxes = new.mailboxes
        settings.logLevel = new.logLevel
        settings.logFormat = new.logFormat
        return settings
    }
}

/// A setting that cannot be used: where it stands, what is wrong and what to do.
package struct SettingsError: Error, Equatable, CustomStringConvertible {
    package let description: String
}
