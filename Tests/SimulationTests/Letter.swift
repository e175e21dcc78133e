// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import SimulatedWorld
import World

/// A message that somebody writes in a simulation, and what became of it.
struct Letter: Sendable {
    let number: Int
    let reversePath: ReversePath
    let recipients: [Address]
    let header: [UInt8]
    let body: [UInt8]
    /// What the first server said about each recipient.
    var answers: [Answer]
    /// When, for those that have been acknowledged.
    var acknowledged: [Instant?]
    var isFromStranger: Bool
    var claim: Claim

    /// What its author's domain says of who sends it.
    enum Claim: Hashable, Sendable {
        case none
        /// Its policy is to reject it.
        case forged
        /// It is from there.
        case authentic
        /// Nonsense.
        case odd
        /// A notification to a reverse-path of ours, which stands for that sender.
        case returned(to: Address)
    }

    enum Answer: Hashable, Sendable {
        /// Not asked yet, or told to come again.
        case waiting
        /// `250` after the final dot: from now on it must never be lost.
        case acknowledged
        case refused
        /// The connection was lost after the final dot: both may be.
        case ambiguous
    }

    /// The Message-ID of a letter: how it is known wherever it turns up.
    var mark: String { Self.mark(number) }
    static func mark(_ number: Int) -> String { "<letter-\(number)@simulation.example>" }

    var octets: [UInt8] { header + body }

    /// What the author wants to hear of a recipient: everything there is, in turn.
    func notify(_ index: Int) -> Envelope.Notify? {
        let choices: [Envelope.Notify?] = [
            nil, nil, .success, [.success, .failure], .failure, .never, [.failure, .delay],
            [.success, .failure, .delay],
        ]
        return choices[(number + index) % choices.count]
    }

    /// As the envelope has them.
    func envelopeRecipient(_ index: Int) -> Envelope.Recipient {
        Envelope.Recipient(recipients[index], notify: notify(index))
    }

    /// Whether the author wants to hear so of an address that he wrote; RFC 3461 §5.2.5 and §5.2.6
    /// say what counts where he did not choose.
    func wants(_ end: Envelope.Notify, of address: String) -> Bool {
        recipients.indices.contains { index in
            recipients[index].description.lowercased() == address.lowercased()
                && (notify(index) ?? [.failure, .delay]).contains(end)
        }
    }
}

extension Letter {
    /// Makes the text up: dots at line starts, long lines, and lengths that chance chooses.
    init(
        _ number: Int, from reversePath: ReversePath, author: Address, to recipients: [Address],
        octets: Int, isFromStranger: Bool, claim: Claim = .none,
        signedBy sign: (_ header: [UInt8], _ body: [UInt8]) -> [UInt8] = { _, _ in [] },
        _ chance: inout Chance
    ) {
        self.number = number
        self.reversePath = reversePath
        self.recipients = recipients
        self.isFromStranger = isFromStranger
        self.claim = claim
        let header = Array(
            """
            From: <\(author)>\r
            To: undisclosed-recipients:;\r
            Message-ID: \(Self.mark(number))\r
            Subject: letter \(number)\r
            \r

            """.utf8)
        var body: [UInt8] = []
        body.reserveCapacity(octets + 80)
        while body.count < octets {
            if chance.happens(0.2) { body.append(.dot) }
            let letter = UInt8(ascii: "a") + UInt8(chance.below(26))
            body += [UInt8](repeating: letter, count: chance.below(80))
            body += [.carriageReturn, .lineFeed]
        }
        self.body = body
        self.header = sign(header, body) + header
        answers = recipients.map { _ in .waiting }
        acknowledged = recipients.map { _ in nil }
    }
}

/// All letters of a simulation.
final class Ledger: @unchecked Sendable {
    private(set) var letters: [Letter] = []

    func write(_ make: (Int) -> Letter) -> Letter {
        let letter = make(letters.count)
        letters.append(letter)
        return letter
    }

    /// What the server said for good of letters whose author is not who he says.
    private(set) var rejections: [(letter: Int, server: String)] = []

    func reject(_ number: Int, at server: String) { rejections.append((number, server)) }

    func answer(
        _ number: Int, _ index: Int, _ answer: Letter.Answer, at time: Instant? = nil
    ) {
        letters[number].answers[index] = answer
        letters[number].acknowledged[index] = answer == .acknowledged ? time : nil
    }
}
