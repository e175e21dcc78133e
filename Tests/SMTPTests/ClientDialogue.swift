// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing
import World

/// A client session against a server that speaks from a script, as a transcript.
///
/// `S:` lines are what the server writes (`S: (ends)` and `S: (silence)` are what they say),
/// `C:` lines what the client writes, `D:` lines what the driver is asked to do.
struct ClientDialogue {
    var configuration: ClientSession.Configuration
    var transactions: [ClientSession.Transaction] = []
    var content = Array("Subject: x\r\n\r\n.dot\r\n".utf8)
    /// Octets in an arrival, and in a chunk of the message; nil for all at once.
    var cut: Int?
    /// What the handshake ends with; nil for success.
    var handshakeFailure: String?
    var reports: [ClientSession.Report] = []
    var evidence: Outcome.Evidence?

    /// The answers to `authenticate` and `challenge`, in turn; without one it is cancelled.
    var responses: [(octets: [UInt8]?, isServerAuthentic: Bool)] = []

    private var transcript: [String] = []
    private var pieces: [[UInt8]] = []
    /// Written behind the last line end.
    private(set) var unended: [UInt8] = []

    init(
        to recipients: [String] = ["bob@example.org"], octets: Int = 20, is8Bit: Bool = false,
        tls: ClientSession.TLSPolicy = .opportunistic, cut: Int? = nil
    ) throws {
        configuration = ClientSession.Configuration(
            hostName: try Domain("out.example.net"), remoteHost: "mx.example.org [192.0.2.1]",
            tls: tls)
        transactions = [
            ClientSession.Transaction(
                from: .address(try Address("ann@example.net")),
                to: try recipients.map { try Address($0) }, octets: octets, is8Bit: is8Bit)
        ]
        self.cut = cut
    }

    mutating func play(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        var session = ClientSession(configuration)
        var lines = text.split(separator: "\n").map(String.init)[...]
        while !lines.isEmpty {
            while let line = lines.first, line.hasPrefix("S:") {
                lines.removeFirst()
                hear(line, &session)
            }
            var expected: [String] = []
            while let line = lines.first, !line.hasPrefix("S:") {
                lines.removeFirst()
                expected.append(line)
            }
            #expect(transcript == expected, sourceLocation: sourceLocation)
            transcript = []
        }
    }

    private mutating func hear(_ line: String, _ session: inout ClientSession) {
        switch line {
        case "S: (ends)":
            session.receiveEnd()
            drive(&session)
        case "S: (silence)":
            session.expire()
            drive(&session)
        default:
            var rest = Array((line.dropFirst(3) + "\r\n").utf8)[...]
            while !rest.isEmpty {
                let piece = rest.prefix(cut ?? rest.count)
                rest = rest.dropFirst(piece.count)
                session.receive(Array(piece))
                drive(&session)
            }
        }
    }

    private mutating func drive(_ session: inout ClientSession) {
        repeat {
            perform(&session)
            sendPiece(&session)
        } while session.isSendingContent && !session.awaitsChunkReply
        perform(&session)
    }

    private mutating func perform(_ session: inout ClientSession) {
        while let step = session.next() {
            switch step {
            case .send(let octets): write(octets)
            case .startTLS:
                transcript.append("D: handshake")
                if let handshakeFailure {
                    session.tlsFailed(handshakeFailure)
                } else {
                    session.secured(TLSFacts(version: "TLSv1.3", cipher: "X"))
                }
            case .idle:
                transcript.append("D: idle")
                if transactions.isEmpty {
                    session.quit()
                } else {
                    session.begin(transactions.removeFirst())
                }
            case .sendContent:
                pieces = stride(from: 0, to: content.count, by: cut ?? max(1, content.count)).map {
                    Array(content[$0..<min($0 + (cut ?? content.count), content.count)])
                }
            case .authenticate(let mechanism):
                transcript.append("D: authenticate \(mechanism)")
                guard !responses.isEmpty else {
                    session.cancelAuthentication("no response")
                    continue
                }
                let response = responses.removeFirst()
                session.authenticate(
                    mechanism, initialResponse: response.octets,
                    isServerAuthentic: response.isServerAuthentic)
            case .challenge(let octets):
                transcript.append("D: challenge <\(String(lossy: octets))>")
                guard !responses.isEmpty else {
                    session.cancelAuthentication("no response")
                    continue
                }
                let response = responses.removeFirst()
                session.respond(
                    response.octets ?? [], isServerAuthentic: response.isServerAuthentic)
            case .finished(let report):
                reports.append(report)
                for result in report.results {
                    transcript.append("D: " + Self.text(result))
                }
            case .unusable(let reason, let evidence):
                self.evidence = evidence
                transcript.append("D: unusable \(reason) \(evidence.status)")
            case .close: transcript.append("D: close")
            }
        }
    }

    private mutating func sendPiece(_ session: inout ClientSession) {
        guard session.isSendingContent else { return }
        guard !pieces.isEmpty else { return write(session.endContent()) }
        write(session.encodeContent(pieces.removeFirst()))
    }

    private mutating func write(_ octets: [UInt8]) {
        unended += octets
        let lines = String(lossy: unended).split(
            separator: "\r\n", omittingEmptySubsequences: false)
        for line in lines.dropLast() { transcript.append(line.isEmpty ? "C:" : "C: \(line)") }
        unended = Array((lines.last ?? "").utf8)
    }

    private static func text(_ result: ClientSession.Result) -> String {
        let word =
            switch result.outcome {
            case .delivered: "delivered"
            case .transient: "transient"
            case .permanent: "permanent"
            case .ambiguous: "ambiguous"
            }
        return "\(word) \(result.outcome.evidence.status) \(result.advice)"
    }
}
