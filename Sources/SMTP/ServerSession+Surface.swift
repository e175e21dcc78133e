// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Mail
package import World

// MARK: - Limits

extension ServerSession {
    /// In octets without CRLF: RFC 5321's 512, and what extensions add to MAIL (SIZE 26, BODY
    /// 33, AUTH 500, RET and ENVID 128, SMTPUTF8 10, others 80) or RCPT (NOTIFY and ORCPT 528),
    /// rounded up.
    package static let maximumCommandOctets = 2048
    /// Enough for every mechanism in use (RFC 4954 §4).
    ///
    /// An AUTH command may be as long.
    package static let maximumAuthenticationOctets = 12_288
    static let maximumLineOctets = maximumAuthenticationOctets
    /// Errors of a client that does not know the protocol, until it is sent away.
    package static let maximumErrors = 20
    /// Refused senders and recipients since the last accepted message, until 421.
    ///
    /// Then the client is taken for one that guesses addresses; of a mailing list's members
    /// some may have left.
    package static let maximumRefusals = 100
    /// NOOP, RSET, VRFY and the like since the last accepted message, until 421: a client that
    /// keeps a connection for later messages needs a few.
    package static let maximumIdleCommands = 200
    /// What the line of a message must bring on average, behind `contentAllowance`: the slowest
    /// modems did better, and a connection must not be held for nothing.
    package static let minimumContentOctetsPerSecond = 500
    /// RFC 4954 §9 asks for at least three attempts.
    package static let maximumAuthenticationFailures = 5
    /// What is read of a message after its refusal, so that the client gets to see the reply.
    package static let maximumSwallowedOctets = 256 << 20
}

// MARK: - What the driver sets, sees and answers

extension ServerSession {
    /// What the session is to offer and to demand.
    package struct Configuration: Sendable {
        /// The name in greeting and replies (RFC 5321 §4.1.1.1).
        package var hostName: Domain
        package var service: Service
        /// RFC 1870; content beyond it is refused with 552.
        package var maximumMessageOctets: Int
        /// Accepted recipients in a transaction; RFC 5321 §4.5.3.1.8 asks for at least 100.
        package var maximumRecipients = 1000
        /// MAIL commands in a session (MAILMAX, RFC 9422 §4.1), refused ones among them.
        ///
        /// At most six digits.
        package var maximumTransactions = 100_000
        /// Octets between line ends in the message.
        ///
        /// RFC 5321 §4.5.3.1.6 says 998, and many programs do not know it: mail with longer
        /// lines is accepted, as by other servers, up to a bound (554 5.6.0 beyond it).
        package var maximumTextLineOctets = 1 << 20
        /// Whether STARTTLS is offered.
        package var isTLSAvailable = false
        /// Whether mail needs TLS.
        ///
        /// Not for a public exchanger (RFC 3207 §4).
        package var requiresTLS = false
        /// Whether AUTH is offered on encrypted connections only.
        package var requiresTLSForAuthentication = true
        /// Whether mail needs authentication (RFC 6409 §4.3): the rule for submission.
        package var requiresAuthentication: Bool
        /// How far ahead a submission may be held (RFC 4865 §3); 0: FUTURERELEASE is not offered.
        package var maximumHoldSeconds = 0
        /// The least `BY=` in mode `R` (RFC 2852 §2): less than a queue can promise.
        package var minimumDeliverBySeconds = 60
        /// Whether ETRN is offered (RFC 1985).
        package var canStartQueue = false
        /// Keywords, in upper case, that the reply to EHLO leaves out: for peers that stumble
        /// over an extension.
        package var hiddenExtensions: Set<String> = []
        /// Mechanism names in upper case; AUTH is not offered when empty.
        package var saslMechanisms: [String] = []
        /// Words after the host name in the greeting.
        package var greeting = ""
        /// For a whole command, from the reply to the one before: RFC 5321 §4.5.3.2.7 asks for at
        /// least 5 minutes.
        package var commandTimeout = Duration.minutes(5)
        /// Between octets of a message: a client may take 3 minutes (§4.5.3.2.5).
        package var contentTimeout = Duration.minutes(5)
        /// For a whole message, beside the time that its octets deserve.
        ///
        /// RFC 5321 §4.5.3.2.6 lets the other side wait so long for its end.
        package var contentAllowance = Duration.minutes(10)

        package init(
            hostName: Domain, service: Service, maximumMessageOctets: Int = 50 << 20
        ) {
            self.hostName = hostName
            self.service = service
            self.maximumMessageOctets = maximumMessageOctets
            requiresAuthentication = service == .submission
        }
    }

    /// For whom the session is.
    package enum Service: Hashable, Sendable {
        /// Other exchangers, on port 25.
        case exchange
        /// Mail programs, on ports 587 and 465 (RFC 6409, RFC 8314).
        case submission
        /// Programs of this site that hand mail over by LMTP (RFC 2033).
        case local
    }

    /// How long the client may take (RFC 5321 §4.5.3.2), without a clock.
    package struct Patience: Hashable, Sendable {
        /// From the last octets that came.
        package let silence: Duration
        /// From the moment at which `subject` was first waited for: who sends an octet a minute
        /// is not silent, and still has to come to an end.
        package let total: Duration
        /// Changes with each command and each message.
        package let subject: UInt64
    }

    /// Who the client says it is, unverified (RFC 5321 §4.1.1.1).
    package struct Hello: Hashable, Sendable {
        /// Printable ASCII without space and without `( ) < > @ , ; \ "`, at most 255 octets.
        package let name: String
        /// EHLO or LHLO, not HELO.
        package let isExtended: Bool
    }

    /// A mail transaction (RFC 5321 §3.3) as far as it has come, and over what it came.
    package struct Transaction: Hashable, Sendable {
        package let hello: Hello
        package let tls: TLSFacts?
        /// As `authenticationSucceeded` named it.
        package let identity: String?
        package let reversePath: ReversePath
        package let parameters: MailParameters
        /// How many recipients the driver has accepted.
        package internal(set) var recipientCount = 0
        /// By LMTP.
        package let isLocal: Bool

        /// For the Received field (RFC 3848, RFC 6531 §4.3).
        package var protocolKeyword: ProtocolKeyword {
            ProtocolKeyword(
                isExtended: hello.isExtended, isSecured: tls != nil,
                isAuthenticated: identity != nil, isInternational: parameters.isInternational,
                isLocal: isLocal)
        }
    }

    /// What the driver has to do now.
    package enum Step: Sendable {
        /// Write this; flush before waiting.
        case send(Reply)
        /// Flush, shake hands, then call `secured`; if that fails, close the connection.
        /// What had arrived in plain text is dropped already.
        case startTLS
        /// Begin SASL. Answer `authenticationChallenge`, `authenticationSucceeded` or
        /// `authenticationFailed`. Whatever exchange was under way before is over.
        case authenticate(mechanism: String, initialResponse: [UInt8]?)
        /// The response to the last challenge; answer as to `authenticate`.
        case authenticationResponse([UInt8])
        /// A transaction begins, and what was known of an earlier one is void. `answer`.
        case judgeSender(Transaction)
        /// One more recipient for the transaction last begun. `answer`.
        case judgeRecipient(ForwardPath, RecipientParameters)
        /// DATA or the first BDAT: make ready to take the message. `answer`.
        case openDraft(Transaction)
        /// Octets of the message as it was sent, dots undone, CRLF kept. No answer.
        case content(ArraySlice<UInt8>)
        /// The message is complete. Commit and sync, then `answer`: an acceptance is the
        /// instant at which responsibility passes (RFC 5321 §6.1).
        case takeResponsibility
        /// ETRN: try what waits for a domain. `answer` with a reply of RFC 1985 §5.1.
        case startQueue(QueueRequest)
        /// XCLIENT, from a client that is trusted: from now on it is another. `answer`.
        case assumeClient(ClientClaims)
        /// The message will not be complete, or is refused: forget the open draft. No answer.
        case discardDraft
        /// Flush and close, and forget a draft that is still open; the last step.
        case close
    }

    /// The driver's judgement.
    package enum Verdict: Sendable {
        /// With a text of the driver's own, such as `queued as 4F2A`.
        case accept(String? = nil)
        /// With any 4yz or 5yz reply; 421 ends the session.
        case refuse(Reply)
        /// `startQueue` is done, with any reply.
        case say(Reply)
    }

    enum Phase {
        case greeting
        case command
        case authenticationLine
        case content(Content)
        /// The driver has the word.
        case awaiting(Question)
        case committing
        /// As `committing`; then this is the last word.
        case committingLast(Reply)
        case closed
    }

    enum Question {
        case handshake
        case authentication(mechanism: String)
        case sender(Transaction)
        case recipient
        case draft
        /// As `draft`, and the octets of the first chunk follow its command.
        case chunk(Chunk)
        case queue
        case client(ClientClaims)
    }

    /// ETRN's argument (RFC 1985 §5).
    package struct QueueRequest: Hashable, Sendable {
        package let domain: Domain
        /// `@`: whatever is below the domain too.
        package let includesSubdomains: Bool
    }

    /// What a trusted proxy says about the client it stands before (XCLIENT); nil: not said, or
    /// not known to it.
    package struct ClientClaims: Hashable, Sendable {
        package var name: String?
        package var address: IPAddress?
        package var port: UInt16?
        /// Where the client thinks it is connected to.
        package var destinationAddress: IPAddress?
        package var destinationPort: UInt16?
        package var hello: String?
        package var isExtended = true
        /// The name of an account that has proved itself to the proxy.
        package var login: String?

        package init() {}
    }
}
