// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail

/// A list kept elsewhere that a script may ask (RFC 6134).
package enum ExternalList: Hashable, Sendable {
    /// Whom the account writes to.
    case addressBook

    /// The kinds of URIs that name lists, for ManageSieve (RFC 6134 §2.8).
    package static let schemes = ["urn"]

    /// Nil for a name of none (§2.5, §2.6).
    ///
    /// ```abnf
    /// addrbook-urn = "addrbook:" addrbook [ "?" extensions ]
    /// ```
    init?(_ name: String) {
        let urn = name.hasPrefix(":") ? "urn:ietf:params:sieve" + name : name
        let prefix = "urn:ietf:params:sieve:addrbook:"
        guard urn.utf8.prefix(prefix.utf8.count).equalsIgnoringCase(prefix.utf8) else {
            return nil
        }
        // §2.6: there are no extensions.
        guard let list = PercentEncoding.decode(urn.utf8.dropFirst(prefix.utf8.count)),
            list.equalsIgnoringCase("default".utf8)
        else { return nil }
        self = .addressBook
    }
}

// What is neither in the message nor in the script.
extension Interpreter {
    // MARK: Annotations (RFC 5490)

    /// §3.3, §4.1.
    mutating func annotation(
        _ word: TestWord, _ arguments: Arguments
    ) throws(Interruption) -> (Bool, String) {
        let isServer = word == .servermetadata
        let mailbox = isServer ? nil : try string(arguments.text(at: 0))
        let entry = try string(arguments.text(at: isServer ? 0 : 1))
        let value = try ask(at: arguments.line) {
            try $0.annotation(entry.asciiLowercased, of: mailbox)
        }
        return try compare(
            value.map { [$0[...]] } ?? [],
            keys: values(arguments.texts(at: isServer ? 1 : 2)), arguments,
            what: "the annotation \(Self.quoted(entry))")
    }

    /// §3.4, §4.2.
    mutating func hasAnnotations(
        _ word: TestWord, _ arguments: Arguments
    ) throws(Interruption) -> (Bool, String) {
        let isServer = word == .servermetadataexists
        let mailbox = isServer ? nil : try string(arguments.text(at: 0))
        for entry in try values(arguments.texts(at: isServer ? 0 : 1)) {
            let value = try ask(at: arguments.line) {
                try $0.annotation(entry.asciiLowercased, of: mailbox)
            }
            guard value != nil else {
                return (false, "there is no annotation \(Self.quoted(entry))")
            }
        }
        return (true, "the annotations are there")
    }

    // MARK: Lists (RFC 6134)

    /// §2.2; values that are no addresses are on no list here.
    mutating func look(
        for values: [ArraySlice<UInt8>], on names: [String], _ arguments: Arguments, what: String
    ) throws(Interruption) -> (Bool, String) {
        var lists: [ExternalList] = []
        for name in names {
            guard let list = ExternalList(name) else {
                throw failure(arguments.line, "there is no list \(Self.quoted(name))")
            }
            lists.append(list)
        }
        var left = Self.maximumQuestions
        for value in values {
            let text = String(lossy: value).trimmed
            guard let address = OutboundAddress.parse(text) else { continue }
            left -= 1
            guard left >= 0 else { break }
            for list in lists
            where try ask(at: arguments.line, { try $0.isListed(address, on: list) }) {
                // §2.2: the value that is on the list.
                frame.captures = ["\(address)"]
                frame.hasForeignCaptures = comparesMessage(arguments)
                return (true, "\(what) \(Self.shown(value)) is on the list")
            }
        }
        return (false, "\(what): nobody of them is on the list")
    }

    /// Addresses that one test looks up: a header may hold thousands.
    private static let maximumQuestions = 100

    /// §2.7.
    mutating func isExternalList(_ arguments: Arguments) throws(Interruption) -> (Bool, String) {
        for name in try values(arguments.texts(at: 0)) where ExternalList(name) == nil {
            return (false, "there is no list \(Self.quoted(name))")
        }
        return (true, "there are such lists")
    }

    // MARK: Notifications (RFC 5435)

    /// §4.
    mutating func isNotificationMethod(
        _ arguments: Arguments
    ) throws(Interruption) -> (Bool, String) {
        for uri in try values(arguments.texts(at: 0)) {
            do {
                _ = try NotificationMethod(uri)
            } catch {
                return (false, "not by \(Self.quoted(uri)): \(error.description)")
            }
        }
        return (true, "it can be notified so")
    }

    /// §5; RFC 5436 §2.2: nobody knows who reads mail at this moment.
    mutating func notificationCapability(
        _ arguments: Arguments
    ) throws(Interruption) -> (Bool, String) {
        let uri = try string(arguments.text(at: 0))
        let name = try string(arguments.text(at: 1))
        guard (try? NotificationMethod(uri)) != nil, name.asciiLowercased == "online" else {
            return (false, "nothing is known of \(Self.quoted(name))")
        }
        return try compare(
            [Array("maybe".utf8)[...]], keys: values(arguments.texts(at: 2)), arguments,
            what: "online")
    }

    /// §3.1.
    mutating func notify(_ arguments: Arguments) throws(Interruption) {
        try workThroughHeader(at: arguments.line)
        let uri = try methodURI(arguments)
        let method: NotificationMethod
        do {
            method = try NotificationMethod(uri)
        } catch {
            throw failure(
                arguments.line,
                "nobody can be notified by \(Self.quoted(uri)): \(error.description)")
        }
        let notification = try notification(method, arguments)
        // RFC 5436 §2.7: what a program wrote may be a notification itself.
        if let field = fields(named: "Auto-Submitted").first(where: {
            $0.decoded.prefix { $0 != ";" }.description.trimmed.asciiLowercased != "no"
        }) {
            return note(
                "notify: nobody is told of it, because a program wrote it (\(field.name))",
                arguments.line)
        }
        if incoming.doubt == .junk {
            return note(
                "notify: nobody is told of it, because it was taken for junk", arguments.line)
        }
        // Once for each address (§2.7).
        var told: Set<Address> = []
        for case .notify(let other) in actions { told.formUnion(other.recipients) }
        var fresh = notification
        fresh.recipients.removeAll(where: told.contains)
        fresh.copies.removeAll(where: told.contains)
        guard !fresh.recipients.isEmpty else {
            return note("notify: it is told of already", arguments.line)
        }
        if let doubt = incoming.doubt {
            let sender = incoming.sender.asciiLowercased
            let isSender = { (address: Address) in "\(address)".asciiLowercased == sender }
            fresh.recipients.removeAll(where: isSender)
            fresh.copies.removeAll(where: isSender)
            guard !fresh.recipients.isEmpty else {
                return note("notify: its sender is not told, because \(doubt)", arguments.line)
            }
        }
        guard told.count + fresh.recipients.count <= Limit.notified else {
            throw failure(
                arguments.line, "the script notifies more than \(Limit.notified) addresses")
        }
        let names = fresh.recipients.map(\.description).joined(separator: ", ")
        note("notify: \(names) of \(Self.quoted(fresh.subject))", arguments.line)
        try add(.notify(fresh), arguments)
    }

    /// RFC 5435 §8: who is notified is not for the sender of a message to say, but its words may
    /// stand in the text.
    private mutating func methodURI(_ arguments: Arguments) throws(Interruption) -> String {
        guard let text = arguments.text(at: 0) else { return "" }
        var start = ""
        for segment in text.segments where start.utf8.count <= Limit.variableOctets {
            let value = value(segment)
            if isForeign(segment) {
                guard NotificationMethod.isText(behind: start) else {
                    throw failure(
                        arguments.line,
                        "what stands in the message may not say who is notified of it")
                }
                guard NotificationMethod.isEncoded(value) else {
                    throw failure(
                        arguments.line, "\(Self.quoted(value)) must be encoded by `:encodeurl`")
                }
            }
            start += value
        }
        return try string(text)
    }

    private mutating func notification(
        _ method: NotificationMethod, _ arguments: Arguments
    ) throws(Interruption) -> MailNotification {
        let importance = try arguments.text("importance").map { text throws(Interruption) in
            try value(text)
        }
        guard let level = Int(importance ?? "2"), (1...3).contains(level) else {
            throw failure(arguments.line, "the importance is \"1\", \"2\" or \"3\"")
        }
        var from = try values(arguments.texts("from")).first
        if let given = from {
            guard let address = OutboundAddress.parse(given) else {
                throw failure(arguments.line, "\(Self.quoted(given)) is no mail address")
            }
            // §3.3: others are not for a script to speak for.
            let own = ([incoming.recipient] + incoming.ownAddresses).map(\.asciiLowercased)
            if !own.contains(address.description.asciiLowercased) { from = nil }
        }
        let message = try values(arguments.texts("message")).first
        // RFC 5436 §2.7: the message's own subject, if nothing else is said.
        let subject =
            message ?? method.subject ?? fields(named: "Subject").first?.decoded
            ?? "You have new mail"
        var copy: Filing?
        if let mailbox = try values(arguments.texts("fcc")).first {
            var place = try filing(mailbox, arguments)
            place.flags = try flags(in: values(arguments.texts("flags")), at: arguments.line)
            copy = place
        }
        return MailNotification(
            recipients: method.recipients, copies: method.cc.filter { !method.to.contains($0) },
            from: from, subject: Self.truncated(subject), body: method.body ?? defaultBody(),
            importance: level, copy: copy,
            messageID: fields.first { $0.isNamed("Message-ID") }?.identifiers.first?.description)
    }

    /// RFC 5435 §3.6: what came, and from whom.
    private func defaultBody() -> String {
        ["From", "Subject", "Date"].compactMap { name in
            fields(named: name).first.map { "\(name): \($0.decoded.trimmed.prefix(500))" }
        }.joined(separator: "\n") + "\n"
    }
}
