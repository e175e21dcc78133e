// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

extension ClientSession {
    /// A transaction on its way: MAIL, a RCPT for each target, perhaps DATA, numbered from 0.
    struct TransactionState {
        let transaction: Transaction
        /// The recipients that are named to the peer, as offsets into the transaction's.
        let targets: [Int]
        /// Whether the message goes by BDAT, so that no command follows the recipients.
        let isChunked: Bool
        /// Whether addresses or header are international (RFC 6531).
        let needsSMTPUTF8: Bool
        var results: [Result?]
        /// Commands sent, and those that were answered: replies are told apart by counting
        /// (RFC 2920 §3.1).
        var sent = 0
        var answered = 0
        var accepted: [Int] = []
        var senderRefusal: (outcome: Outcome, advice: Advice)?
        var wasAnswered = false
        var finalReply: Reply?
        /// With LMTP, how many of the accepted recipients the message was answered for.
        var finalReplies = 0
        /// BDAT commands whose replies are still to come, but for the last of the message.
        var openChunks = 0
        /// What a chunk was refused with.
        var chunkRefusal: Reply?

        /// Behind MAIL and RCPTs.
        var dataCommand: Int { targets.count + 1 }
        var commands: Int { isChunked ? dataCommand : dataCommand + 1 }
        var isAwaitingData: Bool { !isChunked && answered == dataCommand }
        var awaitedCommand: String {
            switch answered {
            case 0: "MAIL FROM"
            case dataCommand: isChunked ? "BDAT" : "DATA"
            default: "RCPT TO"
            }
        }
        var contentCommand: String { isChunked ? "BDAT" : "the message" }
    }

    /// Of a pipelined group: so small that a driver that writes before it reads cannot end up
    /// waiting for a peer that waits for it (RFC 2920 §3.1).
    static let maximumGroupOctets = 8192

    /// Named in one transaction where the peer says nothing else: what every server must take
    /// (RFC 5321 §4.5.3.1.8).
    static let usualRecipients = 100
    /// Named in one transaction whatever the peer says.
    static let maximumRecipients = 1000

    /// Sends a message; only when idle and while `takesMore`, and `finished` is the end of it.
    package mutating func begin(_ transaction: Transaction) {
        precondition(isIdle, "a transaction begins when the session is idle")
        precondition(!transaction.envelope.recipients.isEmpty, "a message goes to somebody")
        let state = prepare(transaction)
        guard !state.targets.isEmpty else {
            report(state)
            return becomeIdle()
        }
        transactions += 1
        for index in state.targets {
            recipientDomains.insert(transaction.envelope.recipients[index].address.destination)
        }
        guard replies.isEmpty else {
            // It came before the first command, so it is no reply to it: perhaps 421 because
            // the connection was kept too long.
            phase = .transaction(state)
            return
        }
        advance(state)
    }

    // MARK: - Replies

    /// Sends the next group when the last one is answered.
    private mutating func advance(_ state: TransactionState) {
        var state = state
        guard state.answered == state.sent else {
            phase = .transaction(state)
            return
        }
        if let refusal = state.senderRefusal {
            finish(state, otherwise: refusal.outcome, refusal.advice)
            return reset()
        }
        var group: [UInt8] = []
        while state.sent < state.commands, group.count < Self.maximumGroupOctets {
            // Knowing that nobody was accepted, no DATA; in a group it cannot be known.
            if state.sent == state.dataCommand, state.answered == state.sent,
                state.accepted.isEmpty
            {
                break
            }
            group += command(state.sent, of: state).utf8
            state.sent += 1
            if !extensions.isPipelining { break }
        }
        if !group.isEmpty {
            pending.append(.send(group))
            phase = .transaction(state)
        } else if state.isChunked, !state.accepted.isEmpty {
            beginContent(state)
        } else {
            report(state)
            reset()
        }
    }

    mutating func take(_ reply: Reply, in state: TransactionState) {
        var state = state
        guard reply.code != 421 else { return hangUp(state, reply) }
        guard state.answered < state.sent else { return violate("a reply too many: \(reply)") }
        state.wasAnswered = true
        phase = .transaction(state)
        let number = state.answered
        guard reply.isPositiveIntermediate == (number == state.dataCommand && reply.code == 354),
            number != state.dataCommand || !reply.isPositiveCompletion
        else { return violate("\(reply) in reply to \(state.awaitedCommand)") }
        state.answered += 1
        switch number {
        case 0: takeMail(reply, &state)
        case state.dataCommand: return takeData(reply, state)
        default: takeRecipient(reply, state.targets[number - 1], &state)
        }
        advance(state)
    }

    private func takeMail(_ reply: Reply, _ state: inout TransactionState) {
        guard !reply.isPositiveCompletion else { return }
        state.senderRefusal = (
            outcome(reply, to: "MAIL FROM"), reply.isTransientNegative ? .nextHost : .none
        )
    }

    private func takeRecipient(_ reply: Reply, _ index: Int, _ state: inout TransactionState) {
        if reply.isPositiveCompletion {
            state.accepted.append(index)
        } else if state.senderRefusal == nil {
            let isTooMany = Self.meansTooManyRecipients(reply, state.accepted.count)
            state.results[index] =
                isTooMany
                ? Result(.transient(tooMany(reply)), .anotherTransaction)
                : Result(
                    outcome(reply, to: "RCPT TO"), reply.isTransientNegative ? .nextHost : .none)
        }
    }

    /// RFC 5321 §4.5.3.1.10: 452, or in old servers 552, for the recipients that are too many;
    /// others say 450 or 451 with the status for it (X.5.3, RFC 3463 §3.6).
    private static func meansTooManyRecipients(_ reply: Reply, _ accepted: Int) -> Bool {
        guard accepted > 0 else { return false }
        switch reply.code {
        case 450, 451, 452, 552:
            if let status = reply.status { return (status.subject, status.detail) == (5, 3) }
            return reply.code == 452 || reply.code == 552 && accepted >= usualRecipients
        default: return false
        }
    }

    private func tooMany(_ reply: Reply) -> Outcome.Evidence {
        var evidence = evidence(reply, to: "RCPT TO")
        evidence.status = EnhancedStatus(4, 5, 3)
        return evidence
    }

    private mutating func takeData(_ reply: Reply, _ state: TransactionState) {
        guard reply.code == 354 else {
            if let refusal = state.senderRefusal {
                finish(state, otherwise: refusal.outcome, refusal.advice)
            } else {
                finish(
                    state, otherwise: outcome(reply, to: "DATA"),
                    reply.isTransientNegative ? .nextHost : .none)
            }
            return reset()
        }
        if let refusal = state.senderRefusal {
            // A peer that refuses the sender and wants the message is not to be understood.
            finish(state, otherwise: refusal.outcome, refusal.advice)
            return close()
        }
        guard state.accepted.isEmpty else { return beginContent(state) }
        if configuration.dialect == .lmtp {
            // RFC 2033 §4.2 makes it refuse DATA then; what it will say is unknown.
            report(state)
            return close()
        }
        // RFC 2920 §3.1: an empty message to nobody.
        pending.append(.send(Array(".\r\n".utf8)))
        phase = .awaitingFinal(state)
    }

    /// 421: the peer closes (RFC 5321 §3.8).
    mutating func hangUp(_ state: TransactionState, _ reply: Reply) {
        var command = state.awaitedCommand
        if case .awaitingFinal = phase { command = state.contentCommand }
        if let refusal = state.senderRefusal {
            finish(state, otherwise: refusal.outcome, refusal.advice)
        } else {
            finish(state, otherwise: outcome(reply, to: command), .nextHost)
        }
        close()
    }

    func outcome(_ reply: Reply, to command: String) -> Outcome {
        let evidence = evidence(reply, to: command)
        if reply.isPositiveCompletion { return .delivered(evidence) }
        return reply.isTransientNegative ? .transient(evidence) : .permanent(evidence)
    }

    // MARK: - The end

    /// Reports, with `outcome` for each recipient about whom nothing is known yet.
    mutating func finish(
        _ state: TransactionState, otherwise outcome: Outcome, _ advice: Advice
    ) {
        var state = state
        for index in state.results.indices where state.results[index] == nil {
            state.results[index] = Result(outcome, advice)
        }
        report(state)
    }

    private mutating func report(_ state: TransactionState) {
        let isDeliverByPassedOn =
            state.transaction.envelope.requests.deliverBy == nil
            || extensions.minimumDeliverBySeconds != nil
        let results = state.results.compactMap { result in
            result.map {
                var result = $0
                result.isNotificationPassedOn = extensions.hasDSN
                result.isDeliverByPassedOn = isDeliverByPassedOn
                return result
            }
        }
        precondition(results.count == state.results.count, "an outcome for each recipient")
        pending.append(
            .finished(
                Report(
                    results: results, wasAnswered: state.wasAnswered,
                    finalReply: state.finalReply)))
    }

    /// Makes the connection fit for another transaction after one that came to nothing.
    mutating func reset() {
        send("RSET")
        phase = .awaitingReset
    }
}
