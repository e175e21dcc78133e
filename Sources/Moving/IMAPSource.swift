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
    private let largestOctets: Int
    private let inMemoryOctets: Int
    private var connection: (any Connection)?
    private var session: ClientSession
    private var place = ""
    private var validity = ""
    private var entries: ArraySlice<Entry> = []
    private var ready: [SourceItem] = []
    private var openMark: SourceMark?
    private var tellsVanished = false

    private struct Entry {
        let uid: UInt32
        /// Nil: as they were at the run before.
        let flags: [String]?
        let size: Int
    }

    /// What EXAMINE tells (RFC 9051 §7.1, RFC 7162 §3.1.2.1).
    private struct Opened {
        var count: UInt32 = 0
        var validity = "0"
        /// Nil: the server does not count changes of this folder.
        var modSequence: Int64?
    }

    /// A server that says nothing for so long has gone.
    private static let patience = Duration.seconds(120)
    /// Responses to one command; a folder is listed in windows.
    private static let responseLimit = 1_000_000
    /// Messages whose flags are asked for at once.
    private static let listWindow = 5000
    /// Messages of a folder: what is known of each is held in memory.
    private static let messageLimit: UInt32 = 5_000_000
    /// Messages fetched at once, and their octets.
    private static let fetchWindow = 200
    private static let fetchOctets = 4 << 20
    /// What a server may send in one window that says otherwise of its sizes.
    private static let windowLimitOctets = 2 * ResponseReader.literalLimitOctets
    private static let folderLimit = 10_000
    /// Octets of a large message that are asked for at once.
    private static let portionOctets = 1 << 20
    /// What is assumed of a message whose size was not asked for.
    private static let usualOctets = 32 << 10
    /// Before each attempt to go on after a lost connection; then the run ends, and the next one
    /// goes on.
    private static let pausesSeconds: [Int64] = [1, 5, 20]

    /// Messages of more than `largestOctets` are named, and not fetched; those of more than
    /// `inMemoryOctets` come in portions.
    package init(
        _ server: Server, network: any Network, time: any Time,
        largestOctets: Int = Import.largestOctets, inMemoryOctets: Int = LargeContent.threshold
    ) {
        self.server = server
        self.largestOctets = largestOctets
        self.inMemoryOctets = inMemoryOctets
        self.network = network
        self.time = time
        session = Self.session(server)
    }

    private static func session(_ server: Server) -> ClientSession {
        ClientSession(
            .init(
                user: server.user, password: server.password,
                startsTLS: server.security == .startTLS))
    }

    /// Messages of one command (RFC 9738: the server may treat no more of them).
    private var listWindow: Int { min(Self.listWindow, session.messageLimit ?? .max) }
    private var fetchWindow: Int { min(Self.fetchWindow, session.messageLimit ?? .max) }

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
        tellsVanished = false
        if session.has("QRESYNC"), session.has("ENABLE") {
            tellsVanished = try await run("ENABLE QRESYNC") { _ in }.isOK
        }
    }

    /// Connects anew after the connection was lost, and turns to the folder that was open.
    private mutating func reconnect(after failure: MovingFailure) async throws {
        for pause in Self.pausesSeconds {
            await connection?.close()
            connection = nil
            session = Self.session(server)
            try await time.sleep(until: time.now + .seconds(pause))
            do {
                try await connect()
                let opened = try await examine(place)
                guard opened.validity == validity else {
                    throw MovingFailure(
                        .source, "\(place) was made anew meanwhile; run this once more")
                }
                return
            } catch let failure as MovingFailure where failure.kind == .temporary {
                continue
            }
        }
        throw failure
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
        var (uses, names) = (Set<String>(), Set<MailboxName>())
        for (mailbox, isSubscribed) in listed {
            guard let levels = Self.levels(mailbox, spaces),
                let name = FolderName.mailbox(levels, isTaken: names.contains)
            else { continue }
            names.insert(name)
            var use = mailbox.attributes.first { FolderUse.isKnown($0) }.map(FlagName.usualUse)
            use = use ?? FolderUse.use(of: name)
            if let given = use, !uses.insert(given).inserted { use = nil }
            let place = String(decoding: mailbox.name, as: UTF8.self)
            var folder = SourceFolder(name: name, use: use, place: place)
            folder.isSubscribed = isSubscribed || name.isInbox
            folder.markName = markName(place)
            folders.append(folder)
        }
        return folders
    }

    /// Whose folder it is, where; nil for names that nobody gives.
    private func markName(_ place: String) -> String? {
        let name = "imap \(server.user)@\(server.name)/\(place)"
        return name.utf8.count <= Self.markNameLimitOctets ? name : nil
    }

    /// As the store takes them.
    private static let markNameLimitOctets = 2000

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

    /// The levels of its name: without the prefix of the personal namespace; nil for mailboxes of
    /// other people.
    private static func levels(
        _ mailbox: ListedMailbox, _ spaces: (personal: [ServerNamespace], others: [ServerNamespace])
    ) -> [ArraySlice<UInt8>]? {
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
        guard let delimiter = mailbox.delimiter else { return [rest] }
        return rest.split(separator: delimiter, omittingEmptySubsequences: false)
    }

    // MARK: Messages

    package mutating func open(
        _ folder: SourceFolder, since mark: String?
    ) async throws -> SourceOpening {
        (entries, ready, validity, openMark) = ([], [], "0", nil)
        place = folder.place
        let opened: Opened
        do {
            opened = try await examine(place)
        } catch let refusal as FolderRefusal {
            ready = [.unreadable(name: place, reason: refusal.reason)]
            return SourceOpening(messages: nil, keys: nil)
        }
        guard opened.count <= Self.messageLimit else {
            throw MovingFailure(.source, "\(place) has \(opened.count) messages: too many")
        }
        validity = opened.validity
        if let mark = mark.flatMap(SourceMark.init), mark.uidValidity == validity,
            opened.modSequence != nil, let found = try await changes(since: mark, opened)
        {
            take(found, opened)
            // Their keys cannot have changed.
            return SourceOpening(messages: found.count, keys: nil)
        }
        let found = try await listWhole(opened)
        return SourceOpening(messages: found.count, keys: Set(found.map(key)))
    }

    /// Lists a folder; looks once more if messages are missing, which may have gone just then, and
    /// names how many the server keeps to itself.
    private mutating func listWhole(_ opened: Opened) async throws -> [Entry] {
        var (found, opened) = (try await list(opened.count), opened)
        if found.count < Int(opened.count) {
            opened = try await examine(place)
            validity = opened.validity
            found = try await list(opened.count)
        }
        let missing = Int(opened.count) - found.count
        if missing > 0 {
            let reason = "the server counts \(missing) more than it lists"
            ready = [.unreadable(name: place, reason: reason)]
        }
        take(found, opened)
        return found
    }

    private mutating func take(_ found: [Entry], _ opened: Opened) {
        entries = found[...]
        openMark = opened.modSequence.map {
            SourceMark(
                uidValidity: validity, modSequence: $0, uids: NumberSet(found.lazy.map(\.uid)))
        }
    }

    package var mark: String? { openMark?.text }

    /// A folder that cannot be opened; the others can.
    private struct FolderRefusal: Error { let reason: String }

    private mutating func examine(_ place: String) async throws -> Opened {
        guard let name = session.mailbox(place) else {
            throw FolderRefusal(reason: "its name cannot be asked for")
        }
        var opened = Opened()
        let counts = session.has("CONDSTORE") && !tellsVanished ? " (CONDSTORE)" : ""
        let completion = try await run("EXAMINE \(name)\(counts)") { response in
            if response.values.count == 2, response.values[1].atom?.uppercased() == "EXISTS" {
                opened.count = response.values[0].number.flatMap { UInt32(exactly: $0) } ?? 0
            }
            if let code = ClientSession.code("UIDVALIDITY", of: response.text) {
                opened.validity = String(UInt32(code) ?? 0)
            }
            if let code = ClientSession.code("HIGHESTMODSEQ", of: response.text) {
                opened.modSequence = Int64(code).flatMap { $0 > 0 ? $0 : nil }
            }
        }
        guard completion.isOK else { throw FolderRefusal(reason: completion.text) }
        return opened
    }

    /// All messages, by rising UID.
    private mutating func list(_ count: UInt32) async throws -> [Entry] {
        var found: [UInt32: Entry] = [:]
        for first in stride(from: UInt32(1), through: count, by: listWindow) {
            let last = min(count, first + UInt32(listWindow) - 1)
            try await need("FETCH \(first):\(last) (UID FLAGS RFC822.SIZE)") {
                Self.take($0, &found)
            }
        }
        return found.values.sorted { $0.uid < $1.uid }
    }

    private static func take(_ response: Response, _ found: inout [UInt32: Entry]) {
        guard let data = FetchedData(response), found.count < Int(messageLimit) else { return }
        found[data.uid] = Entry(
            uid: data.uid, flags: flags(data.flags ?? []), size: max(0, data.size ?? 0))
    }

    /// All messages, of which only those are listed that came or changed since a mark (RFC 7162
    /// §3.1.4.1); nil if the server does not tell.
    private mutating func changes(
        since mark: SourceMark, _ opened: Opened
    ) async throws -> [Entry]? {
        var changed: [UInt32: Entry] = [:]
        var gone: [NumberSet] = []
        if opened.modSequence != mark.modSequence {
            let vanished = tellsVanished ? " VANISHED" : ""
            let completion = try await run(
                "UID FETCH 1:* (UID FLAGS RFC822.SIZE)"
                    + " (CHANGEDSINCE \(mark.modSequence)\(vanished))"
            ) { response in
                Self.take(response, &changed)
                if let uids = VanishedData(response).flatMap({ NumberSet(uids: $0.uids) }) {
                    gone.append(uids)
                }
            }
            // RFC 9738 §3.1: then that was not all.
            let isWhole = ClientSession.code("MESSAGELIMIT", of: completion.text) == nil
            guard completion.isOK, isWhole else { return nil }
        }
        var uids = mark.uids
        for set in gone { uids = uids.subtracting(set) }
        uids = uids.union(NumberSet(changed.keys.sorted()))
        if uids.count != Int(opened.count) {
            // Without QRESYNC nobody says what has gone.
            uids = try await listUIDs(opened.count)
        }
        guard uids.count == Int(opened.count) else { return nil }
        return uids.numbers.map {
            changed[$0] ?? Entry(uid: $0, flags: nil, size: Self.usualOctets)
        }
    }

    private mutating func listUIDs(_ count: UInt32) async throws -> NumberSet {
        var uids: [UInt32] = []
        for first in stride(from: UInt32(1), through: count, by: listWindow) {
            let last = min(count, first + UInt32(listWindow) - 1)
            try await need("FETCH \(first):\(last) (UID)") { response in
                guard let data = FetchedData(response), uids.count < Int(Self.messageLimit)
                else { return }
                uids.append(data.uid)
            }
        }
        return NumberSet(uids.sorted())
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
            do {
                if entry.size > inMemoryOctets {
                    ready = [try await fetchLarge(entry)].compactMap(\.self)
                    entries.removeFirst()
                } else {
                    try await fetch(isKnown)
                }
            } catch let failure as MovingFailure where failure.kind == .temporary {
                try await reconnect(after: failure)
            }
        }
    }

    /// Fetches the next messages that are not known.
    private mutating func fetch(_ isKnown: (String) -> Bool) async throws {
        var wanted: [Entry] = []
        var octets = 0
        for entry in entries.prefix(fetchWindow) {
            guard wanted.isEmpty || octets + entry.size <= Self.fetchOctets,
                entry.size <= inMemoryOctets, !isKnown(key(entry))
            else { break }
            wanted.append(entry)
            octets += entry.size
        }
        var (fetched, completion) = try await fetch(wanted)
        var refusals: [UInt32: String] = [:]
        if !completion.isOK, wanted.count > 1 {
            // One that cannot be read is no reason to leave out those beside it.
            for entry in wanted where fetched[entry.uid] == nil {
                let (data, end) = try await fetch([entry])
                fetched[entry.uid] = data[entry.uid]
                if !end.isOK { refusals[entry.uid] = end.text }
            }
        } else if !completion.isOK {
            refusals = [wanted[0].uid: completion.text]
        }
        let missing = wanted.map(\.uid).filter { fetched[$0] == nil && refusals[$0] == nil }
        for uid in try await withheld(missing) {
            refusals[uid] = "the server lists it, and does not send it"
        }
        entries = entries.dropFirst(wanted.count)
        ready = wanted.compactMap { item($0, fetched[$0.uid], refusals[$0.uid]) }
    }

    private mutating func fetch(
        _ wanted: [Entry]
    ) async throws -> (data: [UInt32: FetchedData], completion: ClientSession.Completion) {
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
        return (fetched, completion)
    }

    /// Those of the messages that were not sent that are there all the same: they have not gone.
    private mutating func withheld(_ uids: [UInt32]) async throws -> Set<UInt32> {
        guard !uids.isEmpty else { return [] }
        var there: Set<UInt32> = []
        _ = try await run("UID FETCH \(Self.set(uids)) (UID FLAGS)") { response in
            if let uid = FetchedData(response)?.uid { there.insert(uid) }
        }
        return there.intersection(uids)
    }

    /// Nil for a message that has gone meanwhile.
    private func item(
        _ entry: Entry, _ data: FetchedData?, _ refusal: String?
    ) -> SourceItem? {
        let name = "UID \(entry.uid)"
        switch data?.body {
        case .octets(let octets)?:
            return .message(message(entry, data, LineEnds.canonical(octets)))
        case .tooLarge(let count)?:
            return .unreadable(name: name, reason: Self.tooLarge(count, largestOctets))
        case FetchedData.Body.none?:
            return .unreadable(name: name, reason: "the server cannot read it")
        case nil:
            return refusal.map { .unreadable(name: name, reason: $0) }
        }
    }

    private func message(
        _ entry: Entry, _ data: FetchedData?, _ octets: [UInt8]
    ) -> SourceMessage {
        SourceMessage(
            key: key(entry), flags: data?.flags.map(Self.flags) ?? entry.flags ?? [],
            date: data?.internalDate, octets: octets)
    }

    private static func tooLarge(_ count: Int, _ limit: Int) -> String {
        "it has \(count) octets, more than \(limit)"
    }

    /// Fetches a message in portions, into a file; nil if it has gone meanwhile.
    private mutating func fetchLarge(_ entry: Entry) async throws -> SourceItem? {
        let name = "UID \(entry.uid)"
        guard entry.size <= largestOctets else {
            return .unreadable(name: name, reason: Self.tooLarge(entry.size, largestOctets))
        }
        let writer = try LargeContent.Writer()
        var first: FetchedData?
        var offset = 0
        while true {
            var found: FetchedData?
            let portion = "<\(offset).\(Self.portionOctets)>"
            let completion = try await run(
                "UID FETCH \(entry.uid) (UID FLAGS INTERNALDATE BODY.PEEK[]\(portion))"
            ) {
                guard let data = FetchedData($0), data.uid == entry.uid, data.body != nil else {
                    return
                }
                found = data
            }
            guard completion.isOK else {
                return .unreadable(name: name, reason: completion.text)
            }
            guard let data = found else { return nil }
            guard case .octets(let octets) = data.body, data.bodyOrigin == offset,
                octets.count <= Self.portionOctets
            else { return .unreadable(name: name, reason: "the server does not send it in parts") }
            first = first ?? data
            offset += octets.count
            try writer.write(octets)
            guard offset <= largestOctets else {
                return .unreadable(name: name, reason: Self.tooLarge(offset, largestOctets))
            }
            if octets.count < Self.portionOctets { break }
        }
        var message = message(entry, first, [])
        message.large = writer.finish()
        return .message(message)
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
