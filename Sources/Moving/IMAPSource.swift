// SPDX-License-Identifier: Apache-2.0

package import Bytes
import IMAP
import IMAPClient
import MailFolders
package import World

/// An account at another server, read by IMAP; nothing is changed there.
///
/// A message is known by its UID and its folder's UIDVALIDITY; should that change, by its octets.
package struct IMAPSource: MailSource {
    /// The server, and who logs in.
    package struct Server: Sendable {
        /// How the connection is protected.
        package enum Security: Sendable {
            /// From the first octet on (RFC 8314).
            case tls
            case startTLS
            /// Not at all: for this machine, or a wire of one's own.
            case none
        }

        package var addresses: [SocketAddress]
        /// What its certificate must be for.
        package var name: String
        package var security: Security
        /// Whether its certificate must be trusted.
        package var verifies: Bool
        package var user: String
        package var password: String

        package init(
            addresses: [SocketAddress], name: String, security: Security, verifies: Bool,
            user: String, password: String
        ) {
            self.addresses = addresses
            self.name = name
            self.security = security
            self.verifies = verifies
            self.user = user
            self.password = password
        }
    }

    private let server: Server
    private let network: any Network
    private let time: any Time
    private var connection: (any Connection)?
    private var session: ClientSession
    private var validity = ""
    private var entries: ArraySlice<Entry> = []
    private var ready: [SourceItem] = []

    private struct Entry {
        let uid: UInt32
        let flags: [String]
        let size: Int
    }

    /// A server that says nothing for so long has gone.
    private static let patience = Duration.seconds(120)
    /// Responses to one command; a folder is listed in windows.
    private static let responseLimit = 1_000_000
    /// Messages whose flags are asked for at once.
    private static let listWindow: UInt32 = 5000
    /// Messages of a folder: what is known of each is held in memory.
    private static let messageLimit: UInt32 = 5_000_000
    /// Messages fetched at once, and their octets.
    private static let fetchWindow = 200
    private static let fetchOctets = 4 << 20
    /// What a server may send in one window that says otherwise of its sizes.
    private static let windowLimitOctets = 2 * ResponseReader.literalLimitOctets
    private static let folderLimit = 10_000

    package init(_ server: Server, network: any Network, time: any Time) {
        self.server = server
        self.network = network
        self.time = time
        session = ClientSession(
            .init(
                user: server.user, password: server.password,
                startsTLS: server.security == .startTLS))
    }

    private var deadline: Instant { time.now + Self.patience }

    // MARK: The connection

    private mutating func connect() async throws {
        guard connection == nil else { return }
        var reason = "it has no address"
        for address in server.addresses {
            do throws(NetworkFailure) {
                let connection = try await network.connect(
                    to: address, from: nil, deadline: time.now + .seconds(30))
                self.connection = connection
                if server.security == .tls { try await startTLS(connection) }
                break
            } catch {
                await connection?.close()
                connection = nil
                reason = "\(address): \(error)"
            }
        }
        guard connection != nil else {
            throw MovingFailure(.temporary, "\(server.name) cannot be reached: \(reason)")
        }
        _ = try await steps(until: .ready) { _ in }
    }

    private func startTLS(_ connection: any Connection) async throws(NetworkFailure) {
        try await connection.startTLS(
            .client(serverName: server.name, verify: server.verifies), deadline: deadline)
    }

    private enum End { case ready, completion }

    /// Performs steps until commands are taken, or the command has ended.
    private mutating func steps(
        until end: End, _ take: (Response) throws -> Void
    ) async throws -> ClientSession.Completion? {
        guard let connection else { throw MovingFailure(.temporary, "there is no connection") }
        var responses = 0
        do {
            while true {
                guard let step = try session.next() else {
                    guard let octets = try await connection.receive(deadline: deadline) else {
                        throw NetworkFailure.disconnected
                    }
                    session.receive(octets)
                    continue
                }
                switch step {
                case .send(let octets): connection.write(octets)
                case .startTLS:
                    try await startTLS(connection)
                    session.startedTLS()
                case .ready: return nil
                case .data(let response):
                    responses += 1
                    guard responses <= Self.responseLimit else {
                        throw ProtocolFailure("the server answers without an end")
                    }
                    try take(response)
                case .completed(let completion): return completion
                }
            }
        } catch let failure as NetworkFailure {
            throw MovingFailure(.temporary, "\(server.name): \(failure)")
        } catch let failure as ProtocolFailure {
            throw MovingFailure(.source, "\(server.name): \(failure)")
        }
    }

    private mutating func run(
        _ command: String, _ take: (Response) throws -> Void
    ) async throws -> ClientSession.Completion {
        session.begin(command)
        guard let completion = try await steps(until: .completion, take) else {
            throw MovingFailure(.source, "\(server.name) does not end a command")
        }
        return completion
    }

    private mutating func need(
        _ command: String, _ take: (Response) throws -> Void
    ) async throws {
        let completion = try await run(command, take)
        guard completion.isOK else {
            throw MovingFailure(.source, "\(server.name) refuses: \(completion.text)")
        }
    }

    /// Says goodbye.
    package mutating func close() async {
        guard let connection else { return }
        connection.write(Array("z LOGOUT\r\n".utf8))
        await connection.close()
        self.connection = nil
    }

    // MARK: Folders

    package mutating func folders() async throws -> [SourceFolder] {
        try await connect()
        var spaces: (personal: [ServerNamespace], others: [ServerNamespace]) = ([], [])
        if session.has("NAMESPACE") {
            try await need("NAMESPACE") { spaces = ServerNamespace.all($0) ?? spaces }
        }
        let listed = try await list()
        var folders: [SourceFolder] = []
        var uses: Set<String> = []
        for (mailbox, isSubscribed) in listed {
            guard let name = Self.name(mailbox, spaces),
                !folders.contains(where: { $0.name == name })
            else { continue }
            var use = mailbox.attributes.first { FolderUse.isKnown($0) }.map(FlagName.usualUse)
            use = use ?? FolderUse.use(of: name)
            if let given = use, !uses.insert(given).inserted { use = nil }
            var folder = SourceFolder(
                name: name, use: use, place: String(decoding: mailbox.name, as: UTF8.self))
            folder.isSubscribed = isSubscribed || name.isInbox
            folders.append(folder)
        }
        return folders
    }

    private mutating func list() async throws -> [(ListedMailbox, isSubscribed: Bool)] {
        var listed: [ListedMailbox] = []
        var subscribed: Set<[UInt8]> = []
        let isExtended = session.has("LIST-EXTENDED")
        let uses = session.has("SPECIAL-USE") ? " SPECIAL-USE" : ""
        func keep(_ response: Response) throws {
            guard let mailbox = ListedMailbox(response) else { return }
            guard listed.count < Self.folderLimit else {
                throw ProtocolFailure("the server lists more than \(Self.folderLimit) folders")
            }
            listed.append(mailbox)
            if mailbox.attributes.contains("\\subscribed") { subscribed.insert(mailbox.name) }
        }
        try await need(
            isExtended ? "LIST \"\" \"*\" RETURN (SUBSCRIBED\(uses))" : "LIST \"\" \"*\"", keep)
        if !isExtended {
            try await need("LSUB \"\" \"*\"") { response in
                guard let mailbox = ListedMailbox(response), subscribed.count < Self.folderLimit
                else { return }
                subscribed.insert(mailbox.name)
            }
        }
        let skipped: Set<String> = ["\\noselect", "\\nonexistent", "\\all", "\\flagged"]
        return listed.filter { skipped.isDisjoint(with: $0.attributes) }
            .sorted { $0.name.lexicographicallyPrecedes($1.name) }
            .map { ($0, subscribed.contains($0.name)) }
    }

    /// The mailbox here: without the prefix of the personal namespace, none of other people.
    private static func name(
        _ mailbox: ListedMailbox, _ spaces: (personal: [ServerNamespace], others: [ServerNamespace])
    ) -> MailboxName? {
        let isOthers = spaces.others.contains {
            !$0.prefix.isEmpty && mailbox.name.starts(with: $0.prefix)
        }
        guard !isOthers else { return nil }
        var rest = mailbox.name[...]
        for space in spaces.personal where !space.prefix.isEmpty {
            guard mailbox.name.starts(with: space.prefix) else { continue }
            rest = rest.dropFirst(space.prefix.count)
            break
        }
        guard !rest.isEmpty else { return nil }
        guard let delimiter = mailbox.delimiter else { return FolderName.mailbox([rest]) }
        return FolderName.mailbox(
            rest.split(separator: delimiter, omittingEmptySubsequences: false))
    }

    // MARK: Messages

    package mutating func open(_ folder: SourceFolder) async throws -> SourceOpening {
        (entries, ready, validity) = ([], [], "0")
        guard let name = ClientSession.quoted(folder.place) else {
            ready = [.unreadable(name: folder.place, reason: "its name cannot be asked for")]
            return SourceOpening(messages: nil, keys: nil)
        }
        var count: UInt32 = 0
        var validity = "0"
        let completion = try await run("EXAMINE \(name)") { response in
            if response.values.count == 2, response.values[1].atom?.uppercased() == "EXISTS" {
                count = response.values[0].number.flatMap { UInt32(exactly: $0) } ?? 0
            }
            if let code = ClientSession.code("UIDVALIDITY", of: response.text) {
                validity = String(UInt32(code) ?? 0)
            }
        }
        guard completion.isOK else {
            ready = [.unreadable(name: folder.place, reason: completion.text)]
            return SourceOpening(messages: nil, keys: nil)
        }
        guard count <= Self.messageLimit else {
            throw MovingFailure(.source, "\(folder.place) has \(count) messages: too many")
        }
        self.validity = validity
        var found: [UInt32: Entry] = [:]
        for first in stride(from: UInt32(1), through: count, by: Int(Self.listWindow)) {
            let last = min(count, first + Self.listWindow - 1)
            try await need("FETCH \(first):\(last) (UID FLAGS RFC822.SIZE)") { response in
                guard let data = FetchedData(response), found.count < Int(Self.messageLimit)
                else { return }
                found[data.uid] = Entry(
                    uid: data.uid, flags: Self.flags(data.flags ?? []),
                    size: max(0, data.size ?? 0))
            }
        }
        let sorted = found.values.sorted { $0.uid < $1.uid }
        entries = sorted[...]
        return SourceOpening(messages: sorted.count, keys: Set(sorted.map(key)))
    }

    private func key(_ entry: Entry) -> String { "\(validity).\(entry.uid)" }

    private static func flags(_ names: [String]) -> [String] {
        Set(names.map(FlagName.usual).filter(FlagName.isValid)).sorted()
    }

    package mutating func next(_ isKnown: (String) -> Bool) async throws -> SourceItem? {
        while true {
            if !ready.isEmpty { return ready.removeFirst() }
            guard let entry = entries.first else { return nil }
            let key = key(entry)
            if isKnown(key) {
                entries.removeFirst()
                return .known(key: key, flags: entry.flags)
            }
            try await fetch(isKnown)
        }
    }

    /// Fetches the next messages that are not known.
    private mutating func fetch(_ isKnown: (String) -> Bool) async throws {
        var wanted: [Entry] = []
        var octets = 0
        while let entry = entries.first, wanted.count < Self.fetchWindow,
            wanted.isEmpty || octets + entry.size <= Self.fetchOctets, !isKnown(key(entry))
        {
            wanted.append(entry)
            octets += entry.size
            entries.removeFirst()
        }
        let uids = Set(wanted.map(\.uid))
        var fetched: [UInt32: FetchedData] = [:]
        var received = 0
        let set = Self.set(wanted.map(\.uid))
        let completion = try await run("UID FETCH \(set) (UID FLAGS INTERNALDATE BODY.PEEK[])") {
            guard let data = FetchedData($0), uids.contains(data.uid), data.body != nil else {
                return
            }
            if case .octets(let octets) = data.body { received += octets.count }
            guard received <= Self.windowLimitOctets else {
                throw ProtocolFailure("the server sends more than it has announced")
            }
            fetched[data.uid] = data
        }
        ready = wanted.compactMap { item($0, fetched[$0.uid], completion) }
    }

    /// Nil for a message that has gone meanwhile.
    private func item(
        _ entry: Entry, _ data: FetchedData?, _ completion: ClientSession.Completion
    ) -> SourceItem? {
        let name = "UID \(entry.uid)"
        switch data?.body {
        case .octets(let octets)?:
            return .message(
                SourceMessage(
                    key: key(entry), flags: data?.flags.map(Self.flags) ?? entry.flags,
                    date: data?.internalDate, octets: LineEnds.canonical(octets)))
        case .tooLarge(let count)?:
            return .unreadable(name: name, reason: "it has \(count) octets")
        case FetchedData.Body.none?:
            return .unreadable(name: name, reason: "the server cannot read it")
        case nil:
            return completion.isOK ? nil : .unreadable(name: name, reason: completion.text)
        }
    }

    /// Numbers as a sequence set; they rise.
    private static func set(_ uids: [UInt32]) -> String {
        var ranges: [(UInt32, UInt32)] = []
        for uid in uids {
            if let last = ranges.last, last.1 + 1 == uid {
                ranges[ranges.count - 1].1 = uid
            } else {
                ranges.append((uid, uid))
            }
        }
        return ranges.map { $0.0 == $0.1 ? "\($0.0)" : "\($0.0):\($0.1)" }.joined(separator: ",")
    }
}
