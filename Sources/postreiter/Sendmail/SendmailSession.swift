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
                    message = Message(sender: transaction.reversePath)
                    session.answer(.accept())
                case .judgeRecipient(let path, _):
                    session.answer(add(path, to: &message))
                case .openDraft: session.answer(.accept())
                case .content(let piece): message.octets += piece
                case .takeResponsibility: session.answer(await hand(message))
                case .discardDraft: message = Message()
                case .startTLS, .authenticate, .authenticationResponse:
                    // Neither is offered: the system knows who the user is.
                    session.end(with: .localError)
                case .close: return
                }
            }
            if let piece = read() { session.receive(piece) } else { session.receiveEnd() }
        }
    }

    /// The transaction under way.
    private struct Message {
        var sender = ReversePath.null
        var recipients: [Envelope.Recipient] = []
        var octets: [UInt8] = []
    }

    private func add(_ path: ForwardPath, to message: inout Message) -> ServerSession.Verdict {
        do throws(CommandFailure) {
            let address =
                switch path {
                case .address(let address): address
                case .postmaster: try post.address("postmaster")
                }
            message.recipients.append(Envelope.Recipient(address))
            return .accept()
        } catch {
            return .refuse(.mailboxUnknown)
        }
    }

    private func hand(_ message: Message) async -> ServerSession.Verdict {
        let isEightBit = message.octets.contains { $0 >= 0x80 }
        let envelope = Envelope(
            from: message.sender, to: message.recipients,
            body: isEightBit ? .eightBitMIME : .sevenBit)
        do {
            try await post.hand(message.octets, envelope)
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
