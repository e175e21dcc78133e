// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import SimulatedWorld
import World

/// A program that hands letters to a server and notes what it answers.
struct MailProgram: Sendable {
    let simulation: Simulation
    let network: any Network
    let ledger: Ledger
    let server: SocketAddress
    /// An account's, for submission; nil for a stranger at port 25.
    var credentials: (name: String, password: String)?

    /// A person gives up after some attempts.
    static let maximumAttempts = 8

    /// Tries until each recipient has a definite answer, or the person has had enough.
    func post(_ letter: Letter) async throws(CancellationError) {
        var open = Array(letter.recipients.indices)
        for attempt in 0..<Self.maximumAttempts where !open.isEmpty {
            if attempt > 0 {
                try await simulation.sleep(for: .minutes(5 << attempt))
            }
            let outcomes = await hand(over: letter, open.map { letter.envelopeRecipient($0) })
            var rest: [Int] = []
            for (index, outcome) in zip(open, outcomes) {
                switch outcome {
                case .delivered:
                    simulation.tell("letter \(letter.number) acknowledged for \(index)")
                    ledger.answer(letter.number, index, .acknowledged, at: simulation.now)
                case .permanent(let evidence):
                    simulation.tell(
                        "letter \(letter.number) refused for \(index): \(evidence.text)")
                    ledger.answer(letter.number, index, .refused)
                    if evidence.text.contains("Rejected: ") {
                        ledger.reject(letter.number, at: "\(server.host)")
                    }
                case .ambiguous:
                    simulation.tell("letter \(letter.number) ambiguous for \(index)")
                    ledger.answer(letter.number, index, .ambiguous)
                case .transient(let evidence):
                    simulation.tell(
                        "letter \(letter.number) put off for \(index): \(evidence.text)")
                    rest.append(index)
                }
            }
            open = rest
        }
    }

    /// One connection, one transaction; an outcome for each recipient.
    private func hand(
        over letter: Letter, _ recipients: [Envelope.Recipient]
    ) async -> [Outcome] {
        let connection: any Connection
        do throws(NetworkFailure) {
            connection = try await network.connect(
                to: server, from: nil, deadline: simulation.now + .seconds(60))
        } catch {
            return Self.transient(recipients.count, "\(error)")
        }
        let outcomes = await speak(letter, recipients, connection)
        await connection.close()
        return outcomes
    }

    private func speak(
        _ letter: Letter, _ recipients: [Envelope.Recipient], _ connection: any Connection
    ) async -> [Outcome] {
        guard let hostName = try? Domain("client.example") else { return [] }
        var configuration = ClientSession.Configuration(
            hostName: hostName, remoteHost: "\(server)",
            tls: credentials == nil ? .opportunistic : .required)
        if credentials != nil { configuration.mechanisms = ["PLAIN"] }
        var session = ClientSession(configuration)
        var outcomes = Self.transient(recipients.count, "no transaction")
        var isBegun = false
        while true {
            while let step = session.next() {
                do throws(NetworkFailure) {
                    switch step {
                    case .send(let octets): connection.write(octets)
                    case .startTLS:
                        try await connection.startTLS(
                            .client(serverName: "", verify: false),
                            deadline: simulation.now + .seconds(60))
                        guard let facts = connection.tls else { return outcomes }
                        session.secured(facts)
                    case .idle where isBegun: session.quit()
                    case .idle:
                        isBegun = true
                        session.begin(
                            ClientSession.Transaction(
                                Envelope(from: letter.reversePath, to: recipients),
                                octets: letter.octets.count, at: simulation.timestamp))
                    case .authenticate(let mechanism):
                        // RFC 4616 §2: [authzid] NUL authcid NUL passwd.
                        let account = credentials.map { "\0\($0.name)\0\($0.password)" } ?? ""
                        session.authenticate(
                            mechanism, initialResponse: Array(account.utf8),
                            isServerAuthentic: true)
                    case .challenge: session.cancelAuthentication("PLAIN has no challenge")
                    case .sendContent:
                        connection.write(session.encodeContent(letter.octets))
                        connection.write(session.endContent())
                    case .finished(let report): outcomes = report.results.map(\.outcome)
                    case .unusable(_, let evidence):
                        outcomes = Self.transient(recipients.count, evidence.text)
                    case .close: return outcomes
                    }
                } catch {
                    session.tlsFailed("\(error)")
                }
            }
            do throws(NetworkFailure) {
                let deadline = simulation.now + session.timeout
                if let octets = try await connection.receive(deadline: deadline) {
                    session.receive(octets)
                } else {
                    session.receiveEnd()
                }
            } catch .deadlinePassed {
                session.expire()
            } catch {
                session.receiveEnd()
            }
        }
    }

    private static func transient(_ count: Int, _ text: String) -> [Outcome] {
        Array(
            repeating: .transient(Outcome.Evidence(EnhancedStatus(4, 4, 1), text)), count: count)
    }
}
