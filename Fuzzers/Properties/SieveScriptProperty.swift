// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import Sieve
import World

extension Property {
    /// Scripts (RFC 5228): refused with a line, or run with an end that loses no message.
    ///
    /// What stands before the first line `%%` is the script, what follows the message.
    package static let sieveScript = Property("SieveScript") { input throws(Broken) in
        let (text, message) = split(input)
        let lines = text.count { $0 == .lineFeed } + 1
        let script: Script
        do throws(InvalidScript) {
            script = try Script(text)
        } catch {
            try expect(!error.errors.isEmpty, "it is not valid, and nothing is wrong")
            try expect(
                error.errors.allSatisfy { (1...lines).contains($0.line) },
                "an error of a line that is not there: \(error.errors)")
            return
        }
        let incoming = Incoming(
            message: message, sender: "a@example.org", recipient: "b@example.net",
            now: Timestamp(seconds: 1_795_335_000))
        func run() throws(Broken) -> Verdict {
            do {
                return try Interpreter.run(
                    script, over: incoming, in: EmptyAccount(), comparing: 1 << 20)
            } catch {
                throw Broken("it throws though its account answers: \(error)")
            }
        }
        let (first, second) = (try run(), try run())
        try expect(first.actions == second.actions, "run twice, it does something else")
        try expect(first.steps == second.steps, "run twice, it says something else")
        try expect(!first.actions.isEmpty, "the message is lost")
        try expect(first.actions.count <= Limit.actions + 2, "it does too much")
        try expect(first.steps.count <= Limit.sentences, "it says too much")
        guard first.failure != nil else { return }
        guard case .file(let filing) = first.actions[0] else {
            throw Broken("it fails, and does not keep")
        }
        try expect(
            filing.isKeep && first.actions.count == 1 && first.sightings.isEmpty,
            "it fails, and does more than to keep")
    }

    private static func split(_ input: [UInt8]) -> (script: [UInt8], message: [UInt8]) {
        let mark = Array("\n%%\n".utf8)
        guard input.count >= mark.count,
            let place = (0...(input.count - mark.count)).first(where: {
                input[$0...].starts(with: mark)
            })
        else { return (input, Array("From: a@example.org\r\n\r\ntext\r\n".utf8)) }
        return (Array(input[...place]), Array(input[(place + mark.count)...]))
    }
}

/// Nothing but the inbox.
private struct EmptyAccount: AccountKnowledge {
    func hasMailbox(named name: String) -> Bool { name == "INBOX" }
    func hasMailbox(identifiedBy id: String) -> Bool { false }
    func hasSpecialUse(_ attribute: String, mailbox: String?) -> Bool { false }
    func hasSeen(_ sighting: Sighting) -> Bool { false }
    func annotation(_ entry: String, of mailbox: String?) -> [UInt8]? { nil }
    func isListed(_ address: Address, on list: ExternalList) -> Bool { false }
    func script(named name: String, isGlobal: Bool) -> [UInt8]? { nil }
}
