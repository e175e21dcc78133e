// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing
import World

/// A server and a client session, joined by two wires that cut as chance will.
private struct Couple: ~Copyable {
    private var server: ServerSession
    private var client: ClientSession
    private var seed: Seed
    private var toServer: [UInt8] = []
    private var toClient: [UInt8] = []
    private var rest: [ClientSession.Transaction]
    private let contents: [[UInt8]]
    private var draft: [UInt8] = []
    private var accepted: [String] = []
    private var isHandshakeDue = false

    private(set) var reports: [ClientSession.Report] = []
    private(set) var taken: [(recipients: [String], message: [UInt8])] = []
    private(set) var hasClosed = false
    /// After how many octets from the server the connection breaks; nil for never.
    private var octetsUntilBreak: Int?

    init(
        _ transactions: [ClientSession.Transaction], _ contents: [[UInt8]], seed: Seed,
        breakAfter octets: Int? = nil
    ) throws {
        let host = try Domain("mx.example.org")
        let client = try Domain("out.example.net")
        var seed = seed
        var configuration = ServerSession.Configuration(hostName: host, service: .exchange)
        configuration.isTLSAvailable = Bool.random(using: &seed)
        server = ServerSession(configuration)
        self.client = ClientSession(
            ClientSession.Configuration(hostName: client, remoteHost: "mx"))
        self.seed = seed
        rest = transactions
        self.contents = contents
        octetsUntilBreak = octets
    }

    /// Runs until both have closed or nothing moves.
    mutating func run() {
        driveServer()
        while !hasClosed, !toServer.isEmpty || !toClient.isEmpty {
            // Who moves, and how much arrives, is chance.
            if toClient.isEmpty || !toServer.isEmpty && Bool.random(using: &seed) {
                let piece = seed.take(from: &toServer)
                server.receive(piece)
                driveServer()
            } else {
                let piece = seed.take(from: &toClient)
                if let left = octetsUntilBreak, left < piece.count {
                    client.receive(Array(piece.prefix(left)))
                    driveClient()
                    client.receiveEnd()
                    driveClient()
                    server.receiveEnd()
                    driveServer()
                    return
                }
                octetsUntilBreak = octetsUntilBreak.map { $0 - piece.count }
                client.receive(piece)
                driveClient()
            }
        }
    }

    private mutating func driveServer() {
        while let step = server.next() {
            switch step {
            case .send(let reply): toClient += reply.encoded
            case .startTLS:
                isHandshakeDue = true
                return
            case .judgeSender:
                accepted = []
                server.answer(.accept())
            case .judgeRecipient(.address(let address), _):
                switch address.localPart.value.first {
                case "u": server.answer(.refuse(.mailboxUnknown))
                case "l": server.answer(.refuse(.mailboxUnavailable))
                default:
                    accepted.append(address.description)
                    server.answer(.accept())
                }
            case .openDraft:
                draft = []
                server.answer(.accept())
            case .content(let octets): draft += octets
            case .takeResponsibility:
                taken.append((accepted, draft))
                server.answer(.accept("queued as \(taken.count)"))
            default: break
            }
        }
    }

    private mutating func driveClient() {
        while let step = client.next() {
            switch step {
            case .send(let octets): toServer += octets
            case .startTLS:
                // The server got to its own handshake before its 220 arrived here.
                #expect(isHandshakeDue)
                #expect(toServer.isEmpty && toClient.isEmpty)
                let facts = TLSFacts(version: "TLSv1.3", cipher: "X")
                server.secured(facts)
                client.secured(facts)
                driveServer()
            case .idle:
                if rest.isEmpty { client.quit() } else { client.begin(rest.removeFirst()) }
            case .sendContent:
                for chunk in seed.cut(contents[reports.count], most: 200) {
                    toServer += client.encodeContent(chunk)
                }
                toServer += client.endContent()
            case .finished(let report): reports.append(report)
            case .authenticate, .challenge: Issue.record("no password is wanted")
            case .unusable(let reason, let evidence):
                #expect(octetsUntilBreak != nil, "\(reason) \(evidence)")
            case .close: hasClosed = true
            }
        }
    }
}

@Suite("A server and a client, coupled")
struct CoupledTests {
    private static func transactions(
        _ seed: inout Seed
    ) throws -> ([ClientSession.Transaction], [[UInt8]]) {
        var transactions: [ClientSession.Transaction] = []
        var contents: [[UInt8]] = []
        for _ in 0..<Int.random(in: 1...4, using: &seed) {
            var recipients: [Address] = []
            for number in 0..<Int.random(in: 1...12, using: &seed) {
                let letter = ["a", "b", "u", "l"][Int.random(in: 0..<4, using: &seed)]
                recipients.append(try Address("\(letter)\(number)@example.org"))
            }
            let count = Int.random(in: 0...600, using: &seed)
            let content = seed.octets(count, of: "\n..abc").flatMap {
                $0 == 10 ? [13, 10] : [$0]
            }
            contents.append(content)
            transactions.append(
                ClientSession.Transaction(
                    from: .null, to: recipients, octets: content.count,
                    is8Bit: Bool.random(using: &seed)))
        }
        return (transactions, contents)
    }

    @Test(
        "every message arrives once and whole, every recipient has an outcome", arguments: 0..<200)
    func whole(number: Int) throws {
        var seed = Seed(UInt64(number))
        let (transactions, contents) = try Self.transactions(&seed)
        var couple = try Couple(transactions, contents, seed: seed)
        couple.run()
        let (reports, taken) = (couple.reports, couple.taken)
        expect(couple.hasClosed)
        #expect(reports.count == transactions.count)
        var expected: [(recipients: [String], message: [UInt8])] = []
        for (index, transaction) in transactions.enumerated() {
            var accepted: [String] = []
            for (recipient, result) in zip(
                transaction.envelope.recipients.map(\.address), reports[index].results)
            {
                switch (recipient.localPart.value.first, result.outcome) {
                case ("u", .permanent(let evidence)):
                    #expect(evidence.status == EnhancedStatus(5, 1, 1))
                case ("l", .transient(let evidence)):
                    #expect(evidence.status == EnhancedStatus(4, 2, 0))
                    #expect(result.advice == .nextHost)
                case ("a", .delivered), ("b", .delivered): accepted.append(recipient.description)
                default: Issue.record("\(recipient): \(result)")
                }
            }
            guard !accepted.isEmpty else { continue }
            var message = contents[index]
            if !message.isEmpty, message.suffix(2) != [13, 10] { message += [13, 10] }
            expected.append((accepted, message))
        }
        #expect(taken.map(\.recipients) == expected.map(\.recipients))
        #expect(taken.map(\.message) == expected.map(\.message))
    }

    @Test(
        "wherever the connection breaks, nothing is called delivered that was not taken, and nothing taken is tried again unless the end was ambiguous",
        arguments: 0..<400)
    func broken(number: Int) throws {
        var seed = Seed(UInt64(number))
        let (transactions, contents) = try Self.transactions(&seed)
        let octets = Int.random(in: 0...900, using: &seed)
        var couple = try Couple(transactions, contents, seed: seed, breakAfter: octets)
        couple.run()
        let (reports, taken) = (couple.reports, couple.taken)
        expect(couple.hasClosed)
        var delivered: [String] = []
        var unsure: [String] = []
        for (transaction, report) in zip(transactions, reports) {
            #expect(report.results.count == transaction.envelope.recipients.count)
            for (recipient, result) in zip(
                transaction.envelope.recipients.map(\.address), report.results)
            {
                switch result.outcome {
                case .delivered: delivered.append(recipient.description)
                case .ambiguous: unsure.append(recipient.description)
                case .transient, .permanent: break
                }
            }
        }
        let accepted = taken.flatMap(\.recipients)
        #expect(accepted.starts(with: delivered))
        let surplus = Array(accepted.dropFirst(delivered.count))
        #expect(surplus.isEmpty || surplus == unsure)
    }
}

@Suite("Hostile octets")
struct HostileTests {
    private static let words = [
        "EHLO a", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "DATA", ".", "\r\n", "\n", "\r", "\0",
        "AUTH PLAIN", "AUTH PLAIN =", "=", "*", "STARTTLS", "RSET", "QUI", "250", "250-", "220 ",
        "354 go", "421 ", "550 5.1.1 ", "\r\n.\r\n", "334 ", "SIZE=1", "<", ">", "\"", " ",
        "BDAT 5", "BDAT 0 LAST", "BDAT 9 LAST", "BDAT x", "BDAT 99", "MAIL FROM:<> BODY=BINARYMIME",
        "ETRN a.example", "XCLIENT NAME=a", "LHLO a", "NOTIFY=DELAY",
    ]

    private static func noise(_ seed: inout Seed) -> [UInt8] {
        var octets: [UInt8] = []
        for _ in 0..<Int.random(in: 1...60, using: &seed) {
            octets += words[Int.random(in: 0..<words.count, using: &seed)].utf8
            if Bool.random(using: &seed) { octets += [13, 10] }
        }
        return octets
    }

    @Test("a server outlives them, and its replies do not depend on the pieces", arguments: 0..<300)
    func server(number: Int) throws {
        var seed = Seed(UInt64(number))
        let octets = Self.noise(&seed)
        let whole = try replies(to: [octets])
        let pieces = seed.cut(octets, most: 5)
        #expect(try replies(to: pieces) == whole, "\(String(lossy: octets))")
    }

    private func replies(to pieces: [[UInt8]]) throws -> [String] {
        var configuration = ServerSession.Configuration(
            hostName: try Domain("mx.example.org"), service: .exchange, maximumMessageOctets: 30)
        configuration.saslMechanisms = ["PLAIN"]
        configuration.requiresTLSForAuthentication = false
        configuration.canStartQueue = true
        var session = ServerSession(configuration)
        session.mayStateClient = true
        var replies: [String] = []
        for piece in pieces + [[]] {
            if piece.isEmpty { session.receiveEnd() } else { session.receive(piece) }
            while let step = session.next() {
                switch step {
                case .send(let reply): replies.append(reply.description)
                case .authenticate(_, let response):
                    if response == nil {
                        session.authenticationChallenge([])
                    } else {
                        session.authenticationFailed()
                    }
                case .authenticationResponse: session.authenticationSucceeded(identity: "a")
                case .judgeSender, .judgeRecipient, .openDraft, .takeResponsibility,
                    .assumeClient:
                    session.answer(.accept())
                case .startQueue: session.answer(.say(.okay))
                case .discardDraft: replies.append("discard")
                case .close: replies.append("close")
                case .content, .startTLS: break
                }
            }
        }
        #expect(replies.last == "close")
        return replies
    }

    @Test("a client outlives them, and reports each transaction once", arguments: 0..<300)
    func client(number: Int) throws {
        var seed = Seed(UInt64(number))
        var session = ClientSession(
            ClientSession.Configuration(
                hostName: try Domain("out.example.net"), remoteHost: "mx"))
        var begun = 0
        var finished = 0
        var isClosed = false
        let opening = Bool.random(using: &seed) ? "220 mx\r\n250-mx\r\n250 PIPELINING\r\n" : ""
        let pieces = seed.cut(Array(opening.utf8) + Self.noise(&seed), most: 9)
        for piece in pieces + [[]] {
            if piece.isEmpty { session.receiveEnd() } else { session.receive(piece) }
            while let step = session.next() {
                #expect(!isClosed)
                switch step {
                case .idle:
                    begun += 1
                    session.begin(
                        ClientSession.Transaction(
                            from: .null, to: [try Address("a@b.example")], octets: 1,
                            is8Bit: false))
                case .sendContent:
                    _ = session.encodeContent([46])
                    _ = session.endContent()
                case .finished(let report):
                    finished += 1
                    #expect(report.results.count == 1)
                case .startTLS: session.tlsFailed("no")
                case .close: isClosed = true
                case .authenticate, .challenge, .send, .unusable: break
                }
            }
        }
        #expect(isClosed)
        #expect(begun == finished)
    }
}
