// SPDX-License-Identifier: Apache-2.0

import Bytes
import Milter
import SMTP
import World

/// The driver of one `Milter.ClientSession`: one filter, one client's session.
struct MilterConversation {
    let filter: MilterFilter
    private let surroundings: Surroundings
    private var connection: (any Connection)?
    private var session: Milter.ClientSession
    private var hasBegun = false
    /// Why the filter is not asked any more in this session.
    private(set) var failure: String?
    /// It has accepted: of this connection, or of this message.
    private var isDoneWithConnection = false
    private var isDoneWithMessage = false

    /// Further than to the same machine or network no filter is.
    static let connectTimeout = Duration.seconds(5)

    init(_ filter: MilterFilter, _ surroundings: Surroundings) {
        self.filter = filter
        self.surroundings = surroundings
        session = Milter.ClientSession(
            Options(actions: .known, steps: .known))
    }

    /// It wants the message to be forgotten.
    private var discards = false

    /// What it wants changed, after `endOfMessage`.
    var modifications: [Modification] {
        if discards { return [.quarantine("to be discarded")] }
        return isDoneWithMessage || failure != nil ? [] : session.modifications
    }

    /// The body it puts in the place of the message's own, after `endOfMessage`.
    var newBody: [UInt8]? {
        discards || isDoneWithMessage || failure != nil ? nil : session.newBody
    }

    /// A new message begins: what was said of the last one counts no more.
    mutating func beginMessage() {
        isDoneWithMessage = false
        discards = false
    }

    /// It has said what it wants, and hears no more of this message.
    mutating func discard() {
        discards = true
        isDoneWithMessage = true
    }

    /// Whether it wants to hear of the message under way.
    var isListening: Bool { failure == nil && !isDoneWithMessage && !isDoneWithConnection }

    /// Tells an event; nil when the filter has no objection, or has failed and may.
    mutating func tell(
        _ event: Event, macros: [(name: String, value: String)]
    ) async -> Answer? {
        if failure != nil { return filter.isRequired ? .temporaryFailure : nil }
        guard isListening else { return nil }
        do throws(Fault) {
            if !hasBegun { try await begin() }
            session.tell(event, macros: macros)
            return note(try await answer(), to: event)
        } catch {
            failure = error.text
            await close()
            return filter.isRequired ? .temporaryFailure : nil
        }
    }

    /// The message will not come to its end.
    mutating func abort() async {
        guard hasBegun, failure == nil else { return }
        session.abort()
        _ = try? await answer(isAwaited: false)
    }

    mutating func close() async {
        if failure == nil, hasBegun {
            session.quit()
            _ = try? await answer(isAwaited: false)
        }
        await connection?.close()
        connection = nil
    }

    private struct Fault: Error { let text: String }

    private mutating func begin() async throws(Fault) {
        hasBegun = true
        let deadline = surroundings.time.now + Self.connectTimeout
        do throws(NetworkFailure) {
            connection =
                switch filter.door {
                case .network(let address):
                    try await surroundings.network.connect(
                        to: address, from: nil, deadline: deadline)
                case .socket(let path):
                    try await surroundings.network.connect(toSocket: path, deadline: deadline)
                }
        } catch {
            throw Fault(text: "it cannot be reached: \(error)")
        }
        session.begin()
        _ = try await answer()
    }

    private mutating func answer(isAwaited: Bool = true) async throws(Fault) -> Answer {
        guard let connection else { throw Fault(text: "it is not connected") }
        var deadline = patience
        do {
            while true {
                while let step = session.next() {
                    switch step {
                    case .send(let octets): connection.write(octets)
                    case .negotiated: return .proceed
                    case .progress: deadline = patience
                    case .answered(let answer): return answer
                    case .failed(let fault): throw Fault(text: fault.description)
                    }
                }
                guard isAwaited else {
                    try await connection.flush(deadline: deadline)
                    return .proceed
                }
                if let octets = try await connection.receive(deadline: deadline) {
                    session.receive(octets)
                } else {
                    session.receiveEnd()
                }
            }
        } catch let fault as Fault {
            throw fault
        } catch {
            throw Fault(text: "\(error)")
        }
    }

    private var patience: Instant { surroundings.time.now + .seconds(filter.patienceSeconds) }

    private mutating func note(_ answer: Answer, to event: Event) -> Answer? {
        switch answer {
        case .proceed, .skip: return nil
        case .accept:
            switch event {
            case .connect, .hello: isDoneWithConnection = true
            case .recipient: break
            // What it wanted changed, it still wants.
            case .endOfMessage: return nil
            default: isDoneWithMessage = true
            }
            return nil
        default: return answer
        }
    }
}

extension Reply {
    /// What a filter's answer means for the command it was told of; nil where the message goes on.
    init?(_ answer: Answer) {
        switch answer {
        case .proceed, .skip, .accept, .discard: return nil
        case .reject: self = .refusedByFilter
        case .temporaryFailure: self = .putOffByFilter
        case .shutDown: self = .putOffByFilter
        case .reply(let code, let status, let text):
            let parts = (status ?? "").split(separator: ".").compactMap { UInt16($0) }
            let isPermanent = code >= 500
            self.init(
                // A filter does not end our sessions.
                code == 421 ? 451 : code, isPermanent ? 5 : 4, parts.count == 3 ? parts[1] : 7,
                parts.count == 3 ? parts[2] : 1,
                text.isEmpty ? (isPermanent ? "Refused by a filter" : "Not now") : text)
        }
    }

    static let refusedByFilter = Reply(550, 5, 7, 1, "Refused by a filter of this site")
    static let putOffByFilter = Reply(
        451, 4, 7, 1, "A filter of this site cannot say now, please come again")
}
