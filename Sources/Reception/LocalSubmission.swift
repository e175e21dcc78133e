// SPDX-License-Identifier: Apache-2.0

import Bytes
import Journal
import KeyRing
import Logging
import MIME
import Mail
import Spool
import Storage
import World

/// A message that a program of this machine has left: completed as a submission (RFC 6409 §8) and
/// accepted in the name of the user who left it.
struct LocalSubmission {
    private let dropped: DroppedMessage
    private let userID: UInt32
    private let userName: String?
    private let hostName: Domain
    private let received: Timestamp
    private let signingKeys: SigningKeys?

    init(
        _ dropped: DroppedMessage, userID: UInt32, userName: String?, hostName: Domain,
        received: Timestamp, signingKeys: SigningKeys?
    ) {
        self.dropped = dropped
        self.userID = userID
        self.userName = userName
        self.hostName = hostName
        self.received = received
        self.signingKeys = signingKeys
    }

    /// Reads the message to its end and commits it, together with what `alongside` writes.
    func fill(
        _ draft: consuming Draft, first: ArraySlice<UInt8>, rest: DropFolder.Drop, log: Logger,
        alongside: @escaping @Sendable (any Transaction) throws -> Void
    ) async throws -> QueueID {
        var draft = draft
        var envelope = dropped.envelope
        var messageID: String?
        var signing: MessageSigning?
        do {
            var intake = HeaderIntake()
            var piece = first
            while true {
                if intake.isComplete {
                    signing?.update(piece)
                    try await draft.append(piece)
                } else {
                    switch intake.take(piece) {
                    case .needsMore: break
                    case .tooLarge: throw StorageFailure.corrupt("its header is too large")
                    case .complete(let body):
                        (messageID, signing) = try await append(
                            &intake, to: &draft, &envelope.requests)
                        signing?.update(body)
                        try await draft.append(body)
                    }
                }
                let next = try await rest.next()
                if next.isEmpty { break }
                piece = next[...]
            }
            if !intake.isComplete {
                (messageID, signing) = try await append(
                    &intake, to: &draft, &envelope.requests)
            }
        } catch {
            await draft.discard()
            throw error
        }
        if let fields = signing?.finish() { draft.prepend(fields) }
        let acceptance = Acceptance(
            envelope, messageID: messageID,
            source: [Fact.Field(.protocolName, "sendmail"), Fact.Field(.account, user)])
        let octets = draft.octets
        let id = try await draft.commit(acceptance, alongside: alongside)
        log.info(
            """
            accepted \(octets) octets from <\(dropped.envelope.reversePath)> by the local user \
            \(user) for \(whom)
            """, metadata: ["id": "\(id)"])
        return id
    }

    private var user: String { userName ?? "\(userID)" }

    private var whom: String {
        let recipients = dropped.envelope.recipients
        return recipients.count == 1
            ? "<\(recipients[0].address)>" : "\(recipients.count) recipients"
    }

    /// Returns the Message-ID, and what signs the body.
    private func append(
        _ intake: inout HeaderIntake, to draft: inout Draft, _ requests: inout Envelope.Requests
    ) async throws(StorageFailure) -> (String?, MessageSigning?) {
        let scan = HeaderScan(intake.octets[...])
        let submission = SubmissionHeader(intake.octets, scan)
        // RFC 8689 §4.3.
        requests.waivesTLSPolicy = scan.waivesTLSPolicy
        var octets = Array(trace(draft.id).utf8)
        if !scan.hasFrom { octets += from }
        octets += submission.additions(
            at: received, queueID: draft.id,
            domain: dropped.envelope.reversePath.address?.domain ?? hostName,
            sender: dropped.envelope.reversePath.address)
        if submission.isBodyOnly { octets += [.carriageReturn, .lineFeed] }
        var domains = submission.authorDomains
        if !scan.hasFrom { domains = [dropped.envelope.reversePath.address?.domain ?? hostName] }
        var signing = signingKeys?.signing(
            submission.isBodyOnly ? octets : octets + submission.header, forFirstOf: domains,
            at: received)
        // Without a header of its own, what seemed to be one is body.
        if submission.isBodyOnly { signing?.update(submission.header[...]) }
        octets += submission.header
        intake.complete()
        try await draft.append(octets[...])
        let messageID = HeaderScan.value(of: "Message-ID", in: octets[...])
            .flatMap { MessageIdentifier.parse($0).first?.description }
        return (messageID, signing)
    }

    /// There is no client and no protocol to name; who it was is worth more.
    private func trace(_ id: QueueID) -> String {
        """
        Received: by \(hostName) (Postreiter, from user \(userID))\r
        \tid \(id);\r
        \t\(CalendarDate(received).internetMessageFormat)\r

        """
    }

    private var from: [UInt8] {
        var writer = HeaderWriter()
        let author =
            dropped.envelope.reversePath.address.map {
                Participant(name: dropped.fullName, $0)
            } ?? Participant(localPart: "MAILER-DAEMON", domain: "\(hostName)")
        writer.field("From", participants: [author])
        return writer.octets
    }
}
