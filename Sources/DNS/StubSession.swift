// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// One question to one or more servers until there is an answer: which to ask, how long to wait,
/// which reply to believe (RFC 1034 §5.3.3 as a stub, RFC 5452, RFC 7766).
///
/// A value without I/O: `next` says what to do, `received` and `failed` what came of it.
package struct StubSession: Sendable {
    /// What the driver does next.
    package enum Step: Sendable {
        /// Send `query` to `server` and wait for replies until `deadline`.
        case ask(server: SocketAddress, query: [UInt8], isStream: Bool, deadline: Instant)
        case finished(Answer)
    }

    /// How to ask.
    package struct Policy: Sendable {
        /// For the whole question, with every retry and alias.
        package var total: Duration = .seconds(2)
        /// No single attempt waits less, unless the end of all is nearer.
        package var shortestAttempt: Duration = .milliseconds(300)
        /// Whether the way to the servers can be trusted, so that AD counts (RFC 4035 §4.9.3).
        package var trustsAuthenticData = false
        /// Whether servers are asked for what they say of their own zones: without recursion, and
        /// nothing else counts (RFC 1034 §4.3.1).
        package var asksAuthorities = false

        package init() {}
    }

    /// More tries in one question would only add load to a server in trouble.
    private static let maximumAttempts = 12

    private let asked: Name
    private let type: RecordType
    private let servers: [SocketAddress]
    private let policy: Policy
    private let end: Instant

    private var current: Name
    private var aliases: [Name] = []
    private var isSecure = true
    private var ttl = UInt32.max
    private var attempts = 0
    private var server = 0
    private var isStream = false
    private var usesEDNS = true
    private var id: UInt16 = 0
    private var failure = Answer.Failure.timeout
    private var answer: Answer?
    /// Servers that said why they cannot answer are not asked again for the same name.
    private var dismissed: Set<Int> = []

    package init(
        name: Name, type: RecordType, servers: [SocketAddress], policy: Policy, now: Instant
    ) {
        precondition(!servers.isEmpty, "a stub resolver has at least one server")
        asked = name
        current = name
        self.type = type
        self.servers = servers
        self.policy = policy
        end = now + policy.total
    }

    /// What to do now; `chance` makes the message's id (RFC 5452 §4.3).
    package mutating func next(now: Instant, chance: UInt64) -> Step {
        if let answer { return .finished(answer) }
        guard now < end, attempts < Self.maximumAttempts, dismissed.count < servers.count else {
            return .finished(Answer(.failure(failure), aliases: aliases))
        }
        while dismissed.contains(server) { server = (server + 1) % servers.count }
        attempts += 1
        id = UInt16(truncatingIfNeeded: chance)
        // Half of what is left, so that a lost datagram leaves time to ask again.
        let half = Duration.nanoseconds((end - now).nanoseconds / 2)
        let wait = isStream ? end - now : max(half, policy.shortestAttempt)
        return .ask(
            server: servers[server], query: query(), isStream: isStream,
            deadline: min(end, now + wait))
    }

    private func query() -> [UInt8] {
        var header = Header(id: id)
        header.isRecursionDesired = !policy.asksAuthorities
        header.isAuthenticData = policy.trustsAuthenticData
        var writer = MessageWriter()
        writer.begin(header, limit: Message.maximumOctets)
        _ = writer.write(Question(name: current, type: type))
        // RFC 6840 §5.7: AD in a query asks for AD in the answer, without DO.
        if usesEDNS { _ = writer.write(ExtendedDNS()) }
        return writer.octets
    }

    /// Takes what arrived; false when it is no reply to what was asked, so that waiting goes on.
    ///
    /// A reply counts only from the server asked, with its id and its question (RFC 5452 §9.1).
    package mutating func received(_ octets: [UInt8], from peer: SocketAddress) -> Bool {
        guard peer == servers[server], octets.count >= Header.octets,
            UInt16(octets[0]) << 8 | UInt16(octets[1]) == id, octets[2] & 0x80 != 0
        else { return false }
        let message: Message
        do {
            message = try Message(parsing: octets)
        } catch {
            // Also the reply of a server that does not know EDNS may stop after its header.
            if octets[3] & 15 == ResponseCode.formatError.rawValue, usesEDNS {
                usesEDNS = false
            } else if octets[2] & 2 != 0, !isStream {
                isStream = true
            } else {
                dismiss(.malformed("\(error)"))
            }
            return true
        }
        let question = Question(name: current, type: type)
        guard message.questions == [question] || message.questions.isEmpty else { return false }
        // RFC 7766 §5: what was cut is asked again over a stream.
        if message.header.isTruncated, !isStream {
            isStream = true
            return true
        }
        guard !message.questions.isEmpty || message.responseCode != .noError else {
            dismiss(.malformed("a reply without a question"))
            return true
        }
        judge(message)
        return true
    }

    /// Nothing came in time, or the connection failed.
    package mutating func failed() {
        isStream = false
        server = (server + 1) % servers.count
    }

    private mutating func dismiss(_ reason: Answer.Failure) {
        failure = reason
        dismissed.insert(server)
        isStream = false
        server = (server + 1) % servers.count
    }

    private mutating func judge(_ message: Message) {
        switch message.responseCode {
        case .noError, .nameError:
            if policy.asksAuthorities, !message.header.isAuthoritative {
                dismiss(.malformed("the server does not serve the zone"))
            } else {
                follow(message)
            }
        case .formatError where usesEDNS, .notImplemented where usesEDNS: usesEDNS = false
        case .refused: dismiss(.refused)
        case .serverFailure: dismiss(.serverFailure)
        default: dismiss(.malformed("response code \(message.responseCode.rawValue)"))
        }
    }

    /// Walks the aliases in the answer to the records, to their absence, or to the next question.
    private mutating func follow(_ message: Message) {
        isSecure =
            isSecure && policy.trustsAuthenticData && message.header.isAuthenticData
        let start = current
        while true {
            let records = message.answers.filter {
                $0.owner == current && $0.type == type && $0.class == .internet
            }
            if !records.isEmpty {
                ttl = records.map(\.ttl).reduce(ttl, min)
                finish(.records, records)
                return
            }
            guard
                let alias = message.answers.first(where: {
                    $0.owner == current && $0.type == .cname && $0.class == .internet
                }), case .cname(let target) = alias.data
            else { break }
            ttl = min(ttl, alias.ttl)
            aliases.append(target)
            guard aliases.count <= RecordCatalog.maximumAliases else {
                answer = Answer(
                    .failure(.malformed("the aliases of \(asked) never end")), aliases: aliases)
                return
            }
            current = target
        }
        let authority = message.authorities.first {
            $0.type == .soa && current.isEqualOrBelow($0.owner)
        }
        if case .soa(let soa)? = authority?.data {
            // RFC 2308 §5.
            ttl = min(ttl, authority?.ttl ?? 0, soa.minimum)
            finish(message.responseCode == .nameError ? .nameError : .noData, [])
        } else if message.responseCode == .nameError {
            ttl = 0
            finish(.nameError, [])
        } else if current != start {
            // The server did not follow its alias to the end: ask for the rest.
            dismissed = []
            isStream = false
        } else if message.authorities.contains(where: { $0.type == .ns }),
            !message.header.isAuthoritative, !message.header.isRecursionAvailable
        {
            dismiss(.malformed("the server refers to others instead of answering"))
        } else {
            // RFC 2308 §2.2: NODATA without a SOA is not remembered.
            ttl = 0
            finish(.noData, [])
        }
    }

    private mutating func finish(_ outcome: Answer.Outcome, _ records: [ResourceRecord]) {
        answer = Answer(
            outcome, records: records, aliases: aliases, isSecure: isSecure, ttl: ttl)
    }
}
