// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// Which messages in the queue a command means.
struct SelectionOptions: ParsableArguments {
    @Argument(help: "Messages by queue id or Message-ID.") var messages: [String] = []
    @Option(help: "Only for recipients in this domain.") var domain: String?
    @Option(help: "Only what was tried last at this exchanger: a name or an address.")
    var host: String?
    @Option(help: "Only from this address, this @DOMAIN, or <> for notifications.")
    var sender: String?
    @Option(help: "Only to this address or this @DOMAIN.") var recipient: String?
    @Option(help: "Only what was accepted longer ago than this: 90s, 30m, 2h, 3d.")
    var olderThan: Age?
    @Option(help: "Only what was accepted since then: 90s, 30m, 2h, 3d.") var newerThan: Age?
    @Option(help: "Only what is waiting, active (being tried) or held.") var state: String?

    /// As the commands of the control socket take them; empty for everything.
    var arguments: [(String, JSON)] {
        let texts = [
            ("domain", domain), ("host", host), ("sender", sender), ("recipient", recipient),
            ("state", state),
        ]
        var arguments = texts.compactMap { key, text in text.map { (key, JSON.string($0)) } }
        if messages.count == 1 { arguments.append(("id", .string(messages[0]))) }
        if messages.count > 1 { arguments.append(("messages", JSON(messages))) }
        if let olderThan { arguments.append(("older-than-seconds", .integer(olderThan.seconds))) }
        if let newerThan { arguments.append(("newer-than-seconds", .integer(newerThan.seconds))) }
        return arguments
    }

    /// Whether it means one message, named by its queue id.
    var isOneMessage: Bool { messages.count == 1 && !messages[0].contains("@") }
}

/// `90s`, `30m`, `2h`, `3d`.
struct Age: ExpressibleByArgument {
    let seconds: Int64

    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]

    init?(argument: String) {
        guard let unit = argument.last.flatMap({ Self.units[$0] }),
            let number = Int64(argument.dropLast()), (0...100_000).contains(number)
        else { return nil }
        seconds = number * unit
    }
}
