// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

extension ClientSession {
    /// A transaction on its way: MAIL, a RCPT for each target, DATA, numbered from 0.
    struct TransactionState {
        let transaction: Transaction
        /// The recipients that are named to the peer, as offsets into the transaction's.
        let targets: [Int]
        var results: [Result?]
        /// Commands sent, and those that were answered: replies are told apart by counting
        /// (RFC 2920 §3.1).
        var sent = 0
        var answered = 0
        var accepted: [Int] = []
        var senderRefusal: (outcome: Outcome, advice: Advice)?
        var wasAnswered = false
        var finalReply: Reply?

        var dataCommand: Int { targets.count + 1 }
        var isAwaitingData: Bool { answered == dataCommand }
        var awaitedCommand: String {
            switch answered {
            case 0: "MAIL FROM"
            case dataCommand: "DATA"
            default: "RCPT TO"
            }
        }
    }

    /// Of a pipelined group: so small that a driver that writes before it reads cannot end up
    /// waiting for a peer that waits for it (RFC 2920 §3.1).
    static let maximumGroupOctets = 8192

    /// Sends a message; only when idle, and `finished` is the end of it.
    package mutating func begin(_ transaction: Transaction) {
        precondition(isIdle, "a transaction begins when the session is idle")
        precondition(!transaction.recipients.isEmpty, "a message goes to somebody")
        let state = prepare(transaction)
        guard !state.targets.isEmpty else {
            report(state)
            return becomeIdle()
        }
        guard replies.isEmpty else {
            // It came before the first command, so it is no reply to it: perhaps 421 because
            // the connection was kept too long.
            phase = .transaction(state)
            return
        }
        advance(state)
    }

    /// Decides what can be known without asking.
    private func prepare(_ transaction: Transaction) -> TransactionState {
        let everything = obstacle(to: transaction)
        var results: [Result?] = []
        var targets: [Int] = []
        for (index, recipient) in transaction.recipients.enumerated() {
            var outcome = everything
            if recipient.isInternational {
                // RFC 6531 §3.1: such an address needs a peer that offers SMTPUTF8.
                outcome = .permanent(
                    Outcome.Evidence(
                        EnhancedStatus(5, 6, 7),
                        "the address needs SMTPUTF8, which cannot be used with \(host)",
                        host: host))
            }
            results.append(outcome.map { Result(outcome: $0, advice: .none) })
            if outcome == nil { targets.append(index) }
        }
        return TransactionState(transaction: transaction, targets: targets, results: results)
    }

    private func obstacle(to transaction: Transaction) -> Outcome? {
        if let limit = extensions.maximumMessageOctets, limit > 0, transaction.octets > limit {
            // RFC 1870 §5: larger than this peer ever takes.
            return .permanent(
                Outcome.Evidence(
                    EnhancedStatus(5, 3, 4),
                    "the message has \(transaction.octets) octets, \(host) takes \(limit)",
                    host: host))
        }
        if transaction.is8Bit, !extensions.is8BitMIME, !configuration.sends8BitAnyway {
            // RFC 6152 §3: convert (which would break signatures) or return.
            return .permanent(
                Outcome.Evidence(
                    EnhancedStatus(5, 6, 3),
                    "the message is in 8 bits, and \(host) does not offer 8BITMIME", host: host))
        }
        if transaction.reversePath.address?.isInternational == true {
            return .permanent(
                Outcome.Evidence(
                    EnhancedStatus(5, 6, 7),
                    "the sender's address needs SMTPUTF8, which cannot be used with \(host)",
                    host: host))
        }
        return nil
    }

    // MARK: - Commands

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
        while state.sent <= state.dataCommand, group.count < Self.maximumGroupOctets {
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
        guard !group.isEmpty else {
            report(state)
            return reset()
        }
        pending.append(.send(group))
        phase = .transaction(state)
    }

    private func command(_ number: Int, of state: TransactionState) -> String {
        switch number {
        case 0: mail(state.transaction)
        case state.dataCommand: "DATA\r\n"
        default: "RCPT TO:<\(state.transaction.recipients[state.targets[number - 1]])>\r\n"
        }
    }

    private func mail(_ transaction: Transaction) -> String {
        var line = "MAIL FROM:<\(transaction.reversePath)>"
        if extensions.maximumMessageOctets != nil { line += " SIZE=\(transaction.octets)" }
        if transaction.is8Bit, extensions.is8BitMIME { line += " BODY=8BITMIME" }
        return line + "\r\n"
    }

    // MARK: - Replies

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
                ? Result(
                    outcome: .transient(evidence(reply, to: "RCPT TO")),
                    advice: .anotherTransaction)
                : Result(
                    outcome: outcome(reply, to: "RCPT TO"),
                    advice: reply.isTransientNegative ? .nextHost : .none)
        }
    }

    /// RFC 5321 §4.5.3.1.10: 452, or in old servers 552, for the recipients that are too many.
    private static func meansTooManyRecipients(_ reply: Reply, _ accepted: Int) -> Bool {
        guard accepted > 0, reply.code == 452 || reply.code == 552 else { return false }
        if let status = reply.status { return (status.subject, status.detail) == (5, 3) }
        return reply.code == 452 || accepted >= 100
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
        if state.accepted.isEmpty {
            // RFC 2920 §3.1: an empty message to nobody.
            pending.append(.send(Array(".\r\n".utf8)))
            phase = .awaitingFinal(state)
        } else {
            phase = .content(state, DotStuffer())
            pending.append(.sendContent)
        }
    }

    /// A reply before the final dot: the peer does not want to hear the rest.
    mutating func takeEarly(_ reply: Reply, in state: TransactionState) {
        guard reply.code >= 400 else {
            return violate("\(reply) before the end of the message")
        }
        var state = state
        state.wasAnswered = state.wasAnswered || reply.code != 421
        state.finalReply = reply
        pending.removeAll { if case .sendContent = $0 { true } else { false } }
        finish(
            state, otherwise: outcome(reply, to: "the message"),
            reply.isTransientNegative ? .nextHost : .none)
        // The message cannot be broken off in any other way.
        close()
    }

    mutating func takeFinal(_ reply: Reply, in state: TransactionState) {
        guard reply.code != 421 else { return hangUp(state, reply) }
        guard !reply.isPositiveIntermediate else {
            return violate("\(reply) in reply to the message")
        }
        var state = state
        state.wasAnswered = true
        state.finalReply = reply
        finish(
            state, otherwise: outcome(reply, to: "the message"),
            reply.isTransientNegative ? .nextHost : .none)
        becomeIdle()
    }

    /// 421: the peer closes (RFC 5321 §3.8).
    private mutating func hangUp(_ state: TransactionState, _ reply: Reply) {
        var command = state.awaitedCommand
        if case .awaitingFinal = phase { command = "the message" }
        if let refusal = state.senderRefusal {
            finish(state, otherwise: refusal.outcome, refusal.advice)
        } else {
            finish(state, otherwise: outcome(reply, to: command), .nextHost)
        }
        close()
    }

    private func outcome(_ reply: Reply, to command: String) -> Outcome {
        let evidence = evidence(reply, to: command)
        if reply.isPositiveCompletion { return .delivered(evidence) }
        return reply.isTransientNegative ? .transient(evidence) : .permanent(evidence)
    }

    // MARK: - The message

    /// Whether the message is still wanted: false once the peer has refused the rest of it.
    package var isSendingContent: Bool { if case .content = phase { true } else { false } }

    /// A chunk of the message as it goes on the wire; cut the message anywhere.
    package mutating func encodeContent(_ chunk: consuming [UInt8]) -> [UInt8] {
        guard case .content(let state, var stuffer) = phase else { return [] }
        let encoded = stuffer.encode(chunk)
        phase = .content(state, stuffer)
        return encoded
    }

    /// The end of the mail data: from now on a lost connection is an ambiguous end.
    package mutating func endContent() -> [UInt8] {
        guard case .content(let state, var stuffer) = phase else { return [] }
        phase = .awaitingFinal(state)
        return stuffer.finish()
    }

    /// The message could not be read: the connection is closed before its end is sent, and
    /// nothing was delivered.
    package mutating func contentFailed(_ text: String) {
        guard case .content(let state, _) = phase else { return }
        finish(
            state, otherwise: .transient(Outcome.Evidence(EnhancedStatus(4, 3, 0), text)), .none)
        close()
    }

    // MARK: - The end

    /// Reports, with `outcome` for each recipient about whom nothing is known yet.
    mutating func finish(
        _ state: TransactionState, otherwise outcome: Outcome, _ advice: Advice
    ) {
        var state = state
        for index in state.results.indices where state.results[index] == nil {
            state.results[index] = Result(outcome: outcome, advice: advice)
        }
        report(state)
    }

    private mutating func report(_ state: TransactionState) {
        let results = state.results.compactMap(\.self)
        precondition(results.count == state.results.count, "an outcome for each recipient")
        pending.append(
            .finished(
                Report(
                    results: results, wasAnswered: state.wasAnswered,
                    finalReply: state.finalReply)))
    }

    /// Makes the connection fit for another transaction after one that came to nothing.
    private mutating func reset() {
        send("RSET")
        phase = .awaitingReset
    }
}
