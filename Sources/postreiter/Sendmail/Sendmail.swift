// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import Foundation
import Glibc
import LiveWorld
import MIME
import Mail
import Reception
import Server
import Settings
import Storage
import World

/// `postreiter sendmail`: takes sendmail(8)'s options, for programs that know no other way.
struct SendmailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sendmail",
        abstract: "Queue a message from standard input, as sendmail(8) does.",
        discussion: """
            Options: -t (recipients from the header), -f SENDER, -F NAME, -i or -oi (a line with \
            a dot does not end the message), -N never|success,failure,delay, -R full|hdrs, \
            -V ENVELOPE-ID, -B 7BIT|8BITMIME, -bs (SMTP on standard input), -bp (list the queue), \
            -C CONFIGURATION; the others of sendmail(8) are accepted and change nothing. A link \
            named `sendmail` to this program does the same.
            """)
    @Argument(parsing: .captureForPassthrough, help: "Options and recipients.")
    var arguments: [String] = []

    func run() async throws { try await Sendmail(arguments).run() }
}

/// What the program does under the name of sendmail, mailq or newaliases.
struct Sendmail {
    private let options: SendmailOptions

    /// The largest input that is read; the limit of the configuration applies besides.
    private static let maximumOctets = 2 << 30

    init(_ arguments: [String]) throws(CommandFailure) {
        options = try SendmailOptions(arguments)
    }

    /// The names by which programs call us, with what they mean.
    static func arguments(calledAs name: String, _ arguments: [String]) -> [String]? {
        switch name.split(separator: "/").last.map(String.init) {
        case "sendmail": arguments
        case "mailq": ["-bp"] + arguments
        case "newaliases": ["-bi"] + arguments
        default: nil
        }
    }

    func run() async throws {
        switch options.mode {
        case .aliases: return
        case .queue: return try await listQueue()
        case .deliver, .smtp: break
        }
        if options.runsQueue { return }
        let settings = try server.settings()
        let post = try LocalPost(settings, options)
        if options.mode == .smtp { return try await SendmailSession(post, settings).run() }
        let message = try LocalMessage(
            try Files.read("-"), ignoresDots: options.ignoresDots,
            limit: settings.limits.messageOctets)
        var recipients: [Address] = []
        for text in options.recipients { recipients += try post.addresses(text) }
        if options.takesRecipientsFromHeader {
            for participant in message.recipients {
                recipients.append(try post.address(participant.addressText))
            }
        }
        guard !recipients.isEmpty else {
            throw CommandFailure.usage(
                options.takesRecipientsFromHeader
                    ? "sendmail: the message names no recipient in To, Cc or Bcc"
                    : "sendmail: no recipient is named; -t takes them from the header")
        }
        let unknown = options.reportsByMail ? [] : await post.unknown(among: recipients)
        let known = recipients.filter { !unknown.contains($0) }
        if !known.isEmpty { try await post.hand(message, to: known) }
        guard unknown.isEmpty else {
            let names = unknown.map(\.description).joined(separator: ", ")
            throw CommandFailure.noUser(
                "sendmail: nobody has the address \(names)"
                    + (known.isEmpty ? "" : "; the others get the message"))
        }
    }

    private var server: ServerOptions {
        get throws {
            var words: [String] = []
            if let file = options.configuration { words = ["--config", file] }
            return try ServerOptions.parse(words)
        }
    }

    private func listQueue() async throws {
        var words = ["queue", "list"]
        if let file = options.configuration { words += ["--config", file] }
        guard var command = try Postreiter.parseAsRoot(words) as? any AsyncParsableCommand else {
            return
        }
        try await command.run()
    }
}

/// Hands messages of a user of this machine to the server.
struct LocalPost {
    private let settings: ServerSettings
    private let options: SendmailOptions
    let sender: ReversePath
    private let fullName: String?

    init(_ settings: ServerSettings, _ options: SendmailOptions) throws(CommandFailure) {
        self.settings = settings
        self.options = options
        let entry = getpwuid(getuid())
        let login = entry.map { String(cString: $0.pointee.pw_name) } ?? "\(getuid())"
        // The first field of GECOS; `&` would stand for the login name.
        let person = entry.flatMap { $0.pointee.pw_gecos }.map { String(cString: $0) }
        let name = person?.split(separator: ",", omittingEmptySubsequences: false).first
        fullName = options.fullName ?? name.flatMap { $0.isEmpty ? nil : String($0) }
        if options.sender == "" {
            sender = .null
        } else {
            let text = options.sender ?? login
            sender = .address(try Self.address(text, in: settings))
        }
    }

    /// A word of the command line may be a list.
    func addresses(_ text: String) throws(CommandFailure) -> [Address] {
        var defects = DefectList()
        let participants = AddressList(Array(text.utf8)[...], defects: &defects).participants
        // What is only nearly a list is none: mail must not go to whom nobody meant.
        guard !participants.isEmpty, defects.defects.isEmpty else { return [try address(text)] }
        var addresses: [Address] = []
        for participant in participants { addresses.append(try address(participant.addressText)) }
        return addresses
    }

    func address(_ text: String) throws(CommandFailure) -> Address {
        try Self.address(text, in: settings)
    }

    /// One without a domain is of this machine's own.
    private static func address(
        _ text: String, in settings: ServerSettings
    ) throws(CommandFailure) -> Address {
        var text = text
        if text.hasPrefix("<"), text.hasSuffix(">") { text = String(text.dropFirst().dropLast()) }
        guard let at = text.lastIndex(of: "@") else {
            guard let address = try? Address("\(text)@\(settings.localDomain)") else {
                throw .data("sendmail: `\(text)` is no address")
            }
            return address
        }
        if let address = try? Address(text) { return address }
        let domain = text[text.index(after: at)...]
        guard (try? Domain(String(domain))) != nil || domain.hasPrefix("[") else {
            throw .noHost("sendmail: `\(domain)` in `\(text)` can be no domain")
        }
        throw .data("sendmail: `\(text)` is no address")
    }

    /// Those of which the server knows that nobody has them, in their order.
    ///
    /// None if there is no server, or if we may not ask it: then it tells the sender by mail.
    func unknown(among recipients: [Address]) async -> [Address] {
        guard access(settings.controlSocket, W_OK) == 0 else { return [] }
        let client = ControlClient(path: settings.controlSocket)
        let answer = try? await client.perform(
            "address.check", ["addresses": JSON(recipients.map(\.description))])
        let unknown = Set((answer?["unknown"]?.array ?? []).compactMap(\.string))
        var told: Set<Address> = []
        return recipients.filter {
            unknown.contains($0.description) && told.insert($0).inserted
        }
    }

    /// Returns once the message cannot be lost any more.
    func hand(_ message: LocalMessage, to recipients: [Address]) async throws {
        var known: Set<Address> = []
        let unique = recipients.filter { known.insert($0).inserted }
        var envelope = Envelope(
            from: sender,
            to: unique.map { Envelope.Recipient($0, notify: options.notify) },
            body: options.body ?? (message.isEightBit ? .eightBitMIME : .sevenBit),
            isInternational: message.isInternational)
        envelope.requests.returned = options.returned
        envelope.requests.envelopeID = options.envelopeID
        try await hand(message.octets, envelope)
    }

    func hand(_ octets: [UInt8], _ envelope: Envelope) async throws {
        let name = Hexadecimal.encode(Live.surroundings.entropy.octets(16))
        let dropped = DroppedMessage(envelope, fullName: fullName)
        let folder = DropFolder(settings.maildropFolder)
        do {
            if !Files.exists(settings.maildropFolder) { makeMaildrop(folder) }
            try folder.leave([dropped.line, octets], as: name)
        } catch {
            throw CommandFailure.temporary("sendmail: the message was not taken: \(error)")
        }
        await hasten(name)
    }

    /// Where nobody has served yet, and we may: the server will find it there, as its own.
    private func makeMaildrop(_ folder: DropFolder) {
        var facts = stat()
        guard stat(settings.dataFolder, &facts) == 0, (try? folder.prepare()) != nil else { return }
        if geteuid() == 0 { chown(settings.maildropFolder, facts.st_uid, facts.st_gid) }
    }

    /// Whether files that we make in the data folder are the server's.
    private var isServersUser: Bool {
        var facts = stat()
        return stat(settings.dataFolder, &facts) == 0 && facts.st_uid == geteuid()
    }

    /// The message is safe; whoever can reach the server, or the store, saves it a second.
    private func hasten(_ name: String) async {
        var answer: JSON?
        if access(settings.controlSocket, W_OK) == 0 {
            let client = ControlClient(path: settings.controlSocket)
            answer = try? await client.perform("maildrop.take", ["name": .string(name)])
        }
        if answer == nil, isServersUser { await store() }
    }

    /// Puts what waits into the store itself, if no server holds it.
    private func store() async {
        let settings = settings
        _ = try? await OpenedStore(settings).withNode { node in
            try await LocalPost.maildrop(settings, node).takeAll()
        }
    }

    /// The maildrop of a host that is not serving.
    private static func maildrop(_ settings: ServerSettings, _ node: Node) -> Maildrop {
        node.maildrop(
            DropFolder(settings.maildropFolder), hostName: settings.hostName,
            time: Live.surroundings.time, log: Log.silent, userName: UserNames.name)
    }
}

/// Login names of the users of this machine.
enum UserNames {
    @Sendable static func name(_ id: UInt32) -> String? {
        getpwuid(id).map { String(cString: $0.pointee.pw_name) }
    }
}
