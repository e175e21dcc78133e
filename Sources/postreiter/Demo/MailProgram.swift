// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail
import SMTP
import World

/// A person's mail program: submits with SMTP and reads with POP3, both within TLS.
///
/// It trusts no other certificates than those it was given, and knows nothing of the servers but
/// their addresses.
struct MailProgram: Sendable {
    let network: any Network
    let time: any Time
    let entropy: any Entropy
    let ports: DemoPlan.Ports

    /// Somebody who has a mailbox.
    struct Person: Sendable {
        let name: String
        let address: String
        let password: String
        /// Where the mailbox is.
        let host: DemoPlan.Host
    }

    /// A message as it is written.
    struct Letter: Sendable {
        let messageID: String
        let recipient: Address
        let octets: [UInt8]
    }

    /// What a server said when it took a message.
    struct Receipt: Sendable {
        let reply: String
        let tls: String
    }

    /// A message as it is read.
    struct Received: Sendable {
        let octets: [UInt8]
        let message: Message

        init(_ octets: [UInt8]) {
            self.octets = octets
            message = Message(octets)
        }

        func field(_ name: String) -> String { message.header.first(name)?.decoded ?? "" }
        var subject: String { field("Subject") }
        var messageID: String { field("Message-ID") }
        /// The first part that a person can read.
        var text: String {
            var defects = DefectList()
            let part = message.parts.first { $0.contentType.isText }
            return (part?.text(defects: &defects) ?? "").replacing("\r\n", with: "\n")
        }
        /// Everything as it arrived.
        var source: String { String(lossy: octets).replacing("\r\n", with: "\n") }
        /// The header as it arrived.
        var header: String {
            let source = source
            return String(source[..<(source.firstRange(of: "\n\n")?.lowerBound ?? source.endIndex)])
        }
    }

    /// For any single step: everything is on this machine.
    private var deadline: Instant { time.now + .seconds(10) }

    func write(
        from sender: Person, to recipient: String, subject: String, _ text: String,
        language: String
    ) throws -> Letter {
        let address = try Address(recipient)
        let domain = sender.address.drop { $0 != "@" }
        let id = "\(String(entropy.next(), radix: 36))\(domain)"
        var header = HeaderWriter()
        header.field(
            "From", participants: [Participant(name: sender.name, try Address(sender.address))])
        header.field("To", participants: [Participant(address)])
        header.field("Subject", text: subject)
        header.field("Date", date: time.timestamp)
        header.field("Message-ID", structured: "<\(id)>")
        header.field("Content-Language", structured: language)
        let composition = Composition(header: header, .text(text, subtype: "plain"))
        return Letter(
            messageID: id, recipient: address, octets: composition.message(entropy: entropy))
    }

    // MARK: Submission

    /// Hands messages over on one connection; throws as soon as one is not accepted.
    func submit(_ letters: [Letter], as person: Person) async throws -> [Receipt] {
        let connection = try await connect(person.host, ports.submissions)
        do {
            let receipts = try await submit(letters, as: person, over: connection)
            await connection.close()
            return receipts
        } catch {
            await connection.close()
            throw error
        }
    }

    private func submit(
        _ letters: [Letter], as person: Person, over connection: any Connection
    ) async throws -> [Receipt] {
        var configuration = ClientSession.Configuration(
            hostName: try Domain("laptop.lotus.example"), remoteHost: person.host.name,
            tls: .required)
        configuration.mechanisms = ["PLAIN"]
        let sender = ReversePath.address(try Address(person.address))
        var session = ClientSession(configuration, tls: connection.tls)
        var waiting = letters[...]
        var receipts: [Receipt] = []
        while true {
            while let step = session.next() {
                switch step {
                case .send(let octets): connection.write(octets)
                case .startTLS: try await startTLS(connection, person.host)
                case .idle:
                    guard let next = waiting.first else {
                        session.quit()
                        continue
                    }
                    session.begin(
                        .init(
                            from: sender, to: [next.recipient], octets: next.octets.count,
                            is8Bit: false))
                case .authenticate(let mechanism):
                    // RFC 4616 §2: [authzid] NUL authcid NUL passwd.
                    session.authenticate(
                        mechanism,
                        initialResponse: Array("\0\(person.address)\0\(person.password)".utf8),
                        isServerAuthentic: true)
                case .challenge: session.cancelAuthentication("PLAIN has no challenge")
                case .sendContent:
                    guard let letter = waiting.popFirst() else { continue }
                    connection.write(session.encodeContent(letter.octets))
                    connection.write(session.endContent())
                case .finished(let report):
                    receipts.append(try receipt(of: report, connection))
                case .unusable(_, let evidence): throw DemoFailure(evidence.text)
                case .close: return receipts
                }
            }
            guard let octets = try await connection.receive(deadline: deadline) else {
                session.receiveEnd()
                continue
            }
            session.receive(octets)
        }
    }

    private func receipt(
        of report: ClientSession.Report, _ connection: any Connection
    ) throws -> Receipt {
        for result in report.results {
            guard case .delivered = result.outcome else {
                throw DemoFailure(result.outcome.evidence.text)
            }
        }
        return Receipt(
            reply: report.finalReply?.description ?? "", tls: connection.tls?.version ?? "")
    }

    // MARK: Pretending

    /// What a server says to a message of somebody who is not whom he names.
    func pretend(
        at host: DemoPlan.Host, from sender: String, to recipient: String
    ) async throws -> String {
        let connection = try await network.connect(
            to: host.at(ports.smtp), from: nil, deadline: deadline)
        var reply = try await hear(connection)
        for line in [
            "EHLO stranger.example", "MAIL FROM:<\(sender)>", "RCPT TO:<\(recipient)>", "DATA",
            "From: <\(sender)>\r\nSubject: your bank\r\n\r\nPlease send money.\r\n.",
        ] {
            connection.write(Array((line + "\r\n").utf8))
            reply = try await hear(connection)
        }
        await connection.close()
        return reply
    }

    /// The last line of a reply.
    private func hear(_ connection: any Connection) async throws -> String {
        var said: [UInt8] = []
        while true {
            guard let octets = try await connection.receive(deadline: deadline) else {
                throw DemoFailure("the server ended the connection")
            }
            said += octets
            let last = String(lossy: said).split(separator: "\r\n").last ?? ""
            if said.last == .lineFeed, last.dropFirst(3).first == " " { return String(last) }
        }
    }

    // MARK: POP3

    /// Reads everything in a person's mailbox and leaves it there.
    func read(_ person: Person) async throws -> [Received] {
        let connection = try await connect(person.host, ports.pop3s)
        do {
            var dialogue = POP3Dialogue(connection, time: time)
            try await dialogue.logIn(person.address, person.password)
            let messages = try await dialogue.retrieveAll()
            try await dialogue.quit()
            await connection.close()
            return messages.map(Received.init)
        } catch {
            await connection.close()
            throw error
        }
    }

    /// How many messages are in a person's mailbox.
    func count(_ person: Person) async throws -> Int {
        let connection = try await connect(person.host, ports.pop3s)
        do {
            var dialogue = POP3Dialogue(connection, time: time)
            try await dialogue.logIn(person.address, person.password)
            let count = try await dialogue.count()
            try await dialogue.quit()
            await connection.close()
            return count
        } catch {
            await connection.close()
            throw error
        }
    }

    // MARK: Connections

    /// RFC 8314: TLS from the first octet on.
    private func connect(
        _ host: DemoPlan.Host, _ port: UInt16
    ) async throws -> any Connection {
        let connection = try await network.connect(
            to: host.at(port), from: nil, deadline: deadline)
        do {
            try await startTLS(connection, host)
            return connection
        } catch {
            await connection.close()
            throw error
        }
    }

    private func startTLS(_ connection: any Connection, _ host: DemoPlan.Host) async throws {
        try await connection.startTLS(
            .client(serverName: host.name, verify: true), deadline: deadline)
    }
}
