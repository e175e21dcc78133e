// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

// The message itself: by DATA (RFC 5321 §4.1.1.4) or by BDAT (RFC 3030 §2).
extension ClientSession {
    /// Chunks under way at a time: enough to keep a long line busy, and few enough to hear soon
    /// that the peer has no room.
    private static let openChunkLimit = 4

    /// Whether a message is better sent by BDAT: when it must be, when a peer without PIPELINING
    /// would make us wait for 354, or when it has several chunks, between which the peer can say
    /// that it has no room.
    func prefersChunks(_ transaction: Transaction) -> Bool {
        guard extensions.isChunking else { return false }
        return transaction.envelope.body == .binaryMIME || !extensions.isPipelining
            || transaction.octets > ChunkFramer.chunkOctets
    }

    mutating func beginContent(_ state: TransactionState) {
        let encoder: ContentEncoder =
            state.isChunked
            ? .chunks(ChunkFramer(isBinary: state.transaction.envelope.body == .binaryMIME))
            : .data(DotStuffer())
        phase = .content(state, encoder)
        pending.append(.sendContent)
    }

    /// Whether the message is still wanted: false once the peer has refused the rest of it.
    package var isSendingContent: Bool { if case .content = phase { true } else { false } }

    /// Whether so much is under way that the peer must answer before more is sent.
    package var awaitsChunkReply: Bool {
        guard case .content(let state, _) = phase else { return false }
        return state.openChunks >= (extensions.isPipelining ? Self.openChunkLimit : 1)
    }

    /// A piece of the message as it goes on the wire; cut the message anywhere.
    ///
    /// With BDAT it may give nothing, and the octets of earlier pieces later.
    package mutating func encodeContent(_ piece: consuming [UInt8]) -> [UInt8] {
        guard case .content(var state, var encoder) = phase else { return [] }
        phase = .idle
        let before = encoder.chunks
        let encoded = encoder.encode(piece)
        state.openChunks += encoder.chunks - before
        phase = .content(state, encoder)
        return encoded
    }

    /// The end of the message: from now on a lost connection is an ambiguous end.
    package mutating func endContent() -> [UInt8] {
        guard case .content(let state, var encoder) = phase else { return [] }
        phase = .awaitingFinal(state)
        return encoder.finish()
    }

    /// The message could not be read: the connection is closed before its end is sent, and
    /// nothing was delivered.
    package mutating func contentFailed(_ text: String) {
        guard case .content(let state, _) = phase else { return }
        finish(
            state, otherwise: .transient(Outcome.Evidence(EnhancedStatus(4, 3, 0), text)), .none)
        close()
    }

    // MARK: - Replies

    /// A reply before the end: to a chunk, or the peer does not want to hear the rest.
    mutating func takeEarly(
        _ reply: Reply, in state: TransactionState, _ encoder: ContentEncoder
    ) {
        var state = state
        if state.isChunked, state.openChunks > 0, reply.code != 421 {
            state.openChunks -= 1
            guard !reply.isPositiveCompletion else {
                phase = .content(state, encoder)
                return
            }
            return refuseChunks(reply, state)
        }
        guard reply.code >= 400 else {
            return violate("\(reply) before the end of the message")
        }
        state.wasAnswered = state.wasAnswered || reply.code != 421
        state.finalReply = reply
        forgetContent()
        finish(
            state, otherwise: outcome(reply, to: state.contentCommand),
            reply.isTransientNegative ? .nextHost : .none)
        // The message cannot be broken off in any other way.
        close()
    }

    /// RFC 3030 §2: the transaction has failed, nothing more of it is sent, and RSET is needed.
    private mutating func refuseChunks(_ reply: Reply, _ state: TransactionState) {
        guard reply.code >= 400 else {
            phase = .transaction(state)
            return violate("\(reply) in reply to BDAT")
        }
        var state = state
        state.chunkRefusal = reply
        forgetContent()
        phase = .drainingChunks(state)
        finishDraining(state)
    }

    mutating func drain(_ reply: Reply, in state: TransactionState) {
        var state = state
        guard reply.code != 421 else {
            finishRefused(state)
            return close()
        }
        state.openChunks -= 1
        phase = .drainingChunks(state)
        finishDraining(state)
    }

    private mutating func finishDraining(_ state: TransactionState) {
        guard state.openChunks == 0 else { return }
        finishRefused(state)
        reset()
    }

    private mutating func finishRefused(_ state: TransactionState) {
        guard let refusal = state.chunkRefusal else { return }
        var state = state
        state.finalReply = refusal
        finish(
            state, otherwise: outcome(refusal, to: "BDAT"),
            refusal.isTransientNegative ? .nextHost : .none)
    }

    private mutating func forgetContent() {
        pending.removeAll { if case .sendContent = $0 { true } else { false } }
    }

    mutating func takeFinal(_ reply: Reply, in state: TransactionState) {
        guard reply.code != 421 else {
            // What a chunk was refused with says more.
            guard state.chunkRefusal == nil else {
                finishRefused(state)
                return close()
            }
            return hangUp(state, reply)
        }
        guard !reply.isPositiveIntermediate else {
            return violate("\(reply) in reply to the message")
        }
        var state = state
        state.wasAnswered = true
        if state.openChunks > 0 {
            // To a chunk before the last.
            state.openChunks -= 1
            if reply.code >= 400, state.chunkRefusal == nil { state.chunkRefusal = reply }
            phase = .awaitingFinal(state)
        } else if state.chunkRefusal != nil {
            finishRefused(state)
            // RFC 2033 §4.3 does not say how many replies follow a chunk that was refused.
            configuration.dialect == .lmtp ? close() : reset()
        } else if configuration.dialect == .lmtp {
            takeRecipientFinal(reply, state)
        } else {
            state.finalReply = reply
            finish(
                state, otherwise: outcome(reply, to: state.contentCommand),
                reply.isTransientNegative ? .nextHost : .none)
            // RFC 3030 §2: the state after a refused chunk is indeterminate.
            if state.isChunked, reply.code >= 400 { reset() } else { becomeIdle() }
        }
    }

    /// RFC 2033 §4.2: one reply for each accepted recipient, in the order of the RCPT commands.
    private mutating func takeRecipientFinal(_ reply: Reply, _ state: TransactionState) {
        var state = state
        state.finalReply = reply
        state.results[state.accepted[state.finalReplies]] = Result(
            outcome(reply, to: state.contentCommand),
            reply.isTransientNegative ? .nextHost : .none)
        state.finalReplies += 1
        guard state.finalReplies == state.accepted.count else {
            phase = .awaitingFinal(state)
            return
        }
        finish(state, otherwise: outcome(reply, to: state.contentCommand), .none)
        becomeIdle()
    }
}
