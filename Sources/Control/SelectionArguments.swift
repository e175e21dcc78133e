// SPDX-License-Identifier: Apache-2.0

import Bytes
import Journal
import Mail
import Spool
import World

/// Which part of the queue a command means: `id` or `messages`, `domain`, `host`, `sender`,
/// `recipient`, `older-than-seconds`, `newer-than-seconds`, `state`; all that is given must hold.
struct SelectionArguments {
    let trace: Trace
    let time: any Time

    /// Messages named one by one: more are better named by what they share.
    static let maximumMessages = 10_000

    /// What the arguments mean; everything, if they say nothing.
    func selection(_ arguments: Arguments) async throws -> Selection {
        var selection = Selection()
        let json = arguments.json
        var names = (json["messages"]?.array ?? []).compactMap(\.string)
        if let id = json["id"]?.string { names.append(id) }
        guard names.count <= Self.maximumMessages else {
            throw ControlFailure.data("name at most \(Self.maximumMessages) messages at a time")
        }
        if !names.isEmpty {
            var messages: [QueueID] = []
            for name in names { messages += try await self.messages(named: name) }
            selection.messages = messages
        }
        selection.destination = try destination(arguments)
        selection.host = json["host"]?.string
        selection.sender = json["sender"]?.string.map { Selection.Pattern($0) }
        selection.recipient = json["recipient"]?.string.map { Selection.Pattern($0) }
        selection.acceptedBefore = try moment(arguments, "older-than-seconds")
        selection.acceptedSince = try moment(arguments, "newer-than-seconds")
        if let state = json["state"]?.string {
            guard let known = QueueEntry.State(rawValue: state) else {
                throw ControlFailure.data("`\(state)` is no state: waiting, active or held")
            }
            selection.state = known
        }
        return selection
    }

    /// A queue id, or a Message-ID, which several messages may have.
    private func messages(named text: String) async throws -> [QueueID] {
        if let id = QueueID(text) { return [id] }
        guard text.contains("@") else {
            throw ControlFailure.data(
                "`\(text)` is neither a queue id (13 letters and digits) nor a Message-ID")
        }
        let found = try await trace.queueIDs(messageID: text)
        guard !found.isEmpty else {
            throw ControlFailure.data("no message with the Message-ID \(text) is known")
        }
        return found
    }

    /// A domain, in A-labels as the queue has it, or an address literal.
    private func destination(_ arguments: Arguments) throws(ControlFailure) -> String? {
        guard let text = arguments.json["domain"]?.string else { return nil }
        return try Self.destination(text)
    }

    static func destination(_ text: String) throws(ControlFailure) -> String {
        do {
            return try Destination(text).description
        } catch {
            throw .data("`\(text)` is no domain: \(error)")
        }
    }

    private func moment(
        _ arguments: Arguments, _ key: String
    ) throws(ControlFailure) -> Timestamp? {
        guard arguments.json[key]?.string != nil || arguments.json[key]?.integer != nil else {
            return nil
        }
        guard let seconds = arguments.number(key), (0...1_000_000_000).contains(seconds) else {
            throw .data("`\(key)` is no number of seconds")
        }
        return time.timestamp + .seconds(-seconds)
    }
}
