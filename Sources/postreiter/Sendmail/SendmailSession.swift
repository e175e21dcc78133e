// SPDX-License-Identifier: Apache-2.0

import Bytes
import Glibc
import Mail
import SMTP
import Settings

/// `sendmail -bs`: an SMTP server on standard input and output, for the user who has started it.
struct SendmailSession {
    private let post: LocalPost
    private let settings: ServerSettings

    init(_ post: LocalPost, _ settings: ServerSettings) {
        self.post = post
        self.settings = settings
    }

    func run() async throws {
        var configuration = ServerSession.Configuration(
            hostName: settings.hostName, service: .exchange,
            maximumMessageOctets: settings.limits.messageOctets)
        configuration.maximumRecipients = settings.limits.recipients
        var session = ServerSession(configuration)
        var message = Message()
        while true {
            while let step = session.next() {
                switch step {
                case .send(let reply): Output.octets(reply.encoded)
                case .judgeSender(let transaction):
                    message = Message(transaction)
                    session.answer(.accept())
                case .judgeRecipient(let path, let parameters):
                    session.answer(await add(path, parameters, to: &message))
                case .openDraft: session.answer(.accept())
                case .content(let piece): message.octets += piece
                case .takeResponsibility: session.answer(await hand(message))
                case .discardDraft: message = Message()
                case .startTLS, .authenticate, .authenticationResponse, .startQueue, .assumeClient:
                    // None of it is offered: the system knows who the user is.
                    session.end(with: .localError)
                case .close: return
                }
            }
            if let piece = read() { session.receive(piece) } else { session.receiveEnd() }
        }
    }

    /// The transaction under way.
    private struct Message {
        var envelope = Envelope(from: .null)
        var octets: [UInt8] = []

        init() {}

        init(_ transaction: ServerSession.Transaction) {
            let parameters = transaction.parameters
            envelope = Envelope(
                from: transaction.reversePath, body: parameters.body,
                isInternational: parameters.isInternational, requests: parameters.requests)
        }
    }

    private func add(
        _ path: ForwardPath, _ parameters: RecipientParameters, to message: inout Message
    ) async -> ServerSession.Verdict {
        do throws(CommandFailure) {
            let address =
                switch path {
                case .address(let address): address
                case .postmaster: try post.address("postmaster")
                }
            guard await post.unknown(among: [address]).isEmpty else {
                return .refuse(.mailboxUnknown)
            }
            message.envelope.recipients.append(
                Envelope.Recipient(
                    address, notify: parameters.notify,
                    originalRecipient: parameters.originalRecipient))
            return .accept()
        } catch {
            return .refuse(.mailboxUnknown)
        }
    }

    private func hand(_ message: Message) async -> ServerSession.Verdict {
        do {
            try await post.hand(message.octets, message.envelope)
            return .accept("taken")
        } catch {
            return .refuse(.insufficientStorage)
        }
    }

    private func read() -> [UInt8]? {
        var length = 0
        let piece = [UInt8](unsafeUninitializedCapacity: 1 << 16) {
            length = Glibc.read(0, $0.baseAddress, $0.count)
            $1 = max(0, length)
        }
        return length > 0 ? piece : nil
    }
}
