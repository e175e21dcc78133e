// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The name of a command.
enum Verb: Sendable {
    case capability, logout, startTLS, login, authenticate, enable, identify, idle, compress
    case noOperation, check, select, examine, create, delete, rename, subscribe, unsubscribe
    case list, lsub
    case namespace, status, append, getQuota, getQuotaRoot, setQuota
    case setACL, deleteACL, getACL, listRights, myRights, getMetadata, setMetadata, notify
    case close, unselect, expunge, search, sort, thread, fetch, store, copy, move, replace, uid

    static let names: [Word: Verb] = [
        "CAPABILITY": .capability, "LOGOUT": .logout, "STARTTLS": .startTLS, "LOGIN": .login,
        "AUTHENTICATE": .authenticate, "ENABLE": .enable, "ID": .identify, "IDLE": .idle,
        "COMPRESS": .compress, "NOOP": .noOperation, "CHECK": .check, "SELECT": .select,
        "EXAMINE": .examine, "CREATE": .create, "DELETE": .delete, "RENAME": .rename,
        "SUBSCRIBE": .subscribe, "UNSUBSCRIBE": .unsubscribe, "LIST": .list, "LSUB": .lsub,
        "NAMESPACE": .namespace, "STATUS": .status, "APPEND": .append, "GETQUOTA": .getQuota,
        "GETQUOTAROOT": .getQuotaRoot, "SETQUOTA": .setQuota, "SETACL": .setACL,
        "DELETEACL": .deleteACL, "GETACL": .getACL, "LISTRIGHTS": .listRights,
        "MYRIGHTS": .myRights, "GETMETADATA": .getMetadata, "SETMETADATA": .setMetadata,
        "NOTIFY": .notify, "CLOSE": .close, "UNSELECT": .unselect, "EXPUNGE": .expunge,
        "SEARCH": .search, "SORT": .sort, "THREAD": .thread, "FETCH": .fetch, "STORE": .store,
        "COPY": .copy, "MOVE": .move, "REPLACE": .replace, "UID": .uid,
    ]

    /// Commands that name messages: `UID` may stand before them, or they need a mailbox.
    var needsMailbox: Bool {
        switch self {
        case .check, .close, .unselect, .expunge, .search, .sort, .thread, .fetch, .store, .copy,
            .move, .replace:
            true
        default: false
        }
    }

    /// Whether `UID` may stand before it (RFC 9051 §6.4.9, RFC 5256, RFC 8508).
    var takesUIDs: Bool {
        switch self {
        case .expunge, .search, .sort, .thread, .fetch, .store, .copy, .move, .replace: true
        default: false
        }
    }

    /// Valid only before login (RFC 9051 §9, `command-nonauth`).
    var isBeforeLogin: Bool {
        switch self {
        case .startTLS, .login, .authenticate: true
        default: false
        }
    }

    /// `command-any`.
    var isAnywhere: Bool {
        switch self {
        case .capability, .logout, .noOperation, .identify: true
        default: false
        }
    }
}

/// Reads one command behind its tag.
struct CommandParser {
    var scanner: CommandScanner
    /// A SEARCH that was read asks for SAVE.
    var savesResult = false

    init(_ scanner: CommandScanner) { self.scanner = scanner }

    /// Most entries, patterns, items and the like that one list may have.
    static let maximumListed = 200
    /// RFC 2971 §3.3.
    static let maximumIdentificationFields = 30
    static let maximumIdentificationValueOctets = 1024

    /// `tag SP command`: the name, with `UID` in front or not.
    mutating func verb() throws(CommandFault) -> (verb: Verb, isUID: Bool) {
        let name = try scanner.atom("a command")
        guard let verb = Word(name).flatMap({ Verb.names[$0] }) else {
            throw .syntax("unknown command \(String(lossy: name.prefix(24)))")
        }
        guard verb == .uid else { return (verb, false) }
        try scanner.space()
        let second = try scanner.atom("a command")
        guard let verb = Word(second).flatMap({ Verb.names[$0] }), verb.takesUIDs else {
            throw .syntax("UID \(String(lossy: second.prefix(24))) is not a command")
        }
        return (verb, true)
    }

    /// The arguments of a command, to its end.
    ///
    /// APPEND and REPLACE have `appendHead`.
    mutating func command(_ verb: Verb, isUID: Bool) throws(CommandFault) -> Command {
        do throws(CommandFault) {
            let command = try arguments(of: verb, isUID)
            try scanner.end()
            return command
        } catch {
            guard case .refused(let code, let text) = error else { throw error }
            switch verb {
            case .select, .examine: return .refusedSelect(.no(code, text))
            case .search where savesResult: return .refusedSave(.no(code, text))
            default: throw error
            }
        }
    }

    private mutating func arguments(
        of verb: Verb, _ isUID: Bool
    ) throws(CommandFault) -> Command {
        switch verb {
        case .capability: return .capability
        case .logout: return .logout
        case .startTLS: return .startTLS
        case .login: return try login()
        case .authenticate: return try authenticate()
        case .enable: return .enable(try enable())
        case .identify: return .identify(try identification())
        case .idle: return .idle
        case .compress: return try compress()
        // RFC 3501 §6.4.1: all is in store already.
        case .noOperation, .check: return .noOperation
        case .select: return .select(try select(isReadOnly: false))
        case .examine: return .select(try select(isReadOnly: true))
        case .create: return try create()
        case .delete: return .delete(try mailbox())
        case .rename: return .rename(try mailbox(), to: try mailbox())
        case .subscribe: return .subscribe(try mailbox())
        case .unsubscribe: return .unsubscribe(try mailbox())
        case .list: return .list(try list())
        case .lsub: return .list(try subscribedList())
        case .namespace: return .namespace
        case .status: return .status(try mailbox(), try status())
        case .getQuota: return .getQuota(root: try text("a quota root"))
        case .getQuotaRoot: return .getQuotaRoot(try mailbox())
        case .setQuota: return .setQuota(root: try text("a quota root"), try quotaLimits())
        case .setACL: return try setACL()
        case .deleteACL: return .deleteACL(try mailbox(), identifier: try text("an identifier"))
        case .getACL: return .getACL(try mailbox())
        case .listRights: return .listRights(try mailbox(), identifier: try text("an identifier"))
        case .myRights: return .myRights(try mailbox())
        case .getMetadata: return .getMetadata(try getMetadata())
        case .setMetadata: return try setMetadata()
        case .notify: return .notify(try notify())
        case .close: return .close
        case .unselect: return .unselect
        case .expunge: return .expunge(uids: isUID ? try set() : nil)
        case .search: return .search(try search(isUID))
        case .sort: return .sort(try sort(isUID))
        case .thread: return .thread(try thread(isUID))
        case .fetch: return .fetch(try fetch(isUID))
        case .store: return .store(try store(isUID))
        case .copy: return .copy(try transfer(isUID))
        case .move: return .move(try transfer(isUID))
        case .append, .replace, .uid: preconditionFailure("read elsewhere")
        }
    }

    // MARK: Arguments with the space before them

    mutating func mailbox() throws(CommandFault) -> MailboxName {
        try scanner.space()
        return try scanner.mailbox()
    }

    mutating func set() throws(CommandFault) -> SequenceSet {
        try scanner.space()
        return try scanner.sequenceSet()
    }

    /// An `astring` that is text.
    mutating func text(_ what: StaticString) throws(CommandFault) -> String {
        try scanner.space()
        return try Self.text(try scanner.astring(what))
    }

    static func text(_ octets: ArraySlice<UInt8>) throws(CommandFault) -> String {
        guard let text = String(validating: octets, as: UTF8.self) else {
            throw .syntax("text must be UTF-8")
        }
        return text
    }

    static func bound(_ count: Int, _ limit: Int = maximumListed) throws(CommandFault) {
        guard count < limit else { throw .refused(.limit, "a list has at most \(limit) elements") }
    }
}

// MARK: - Before login and in any state

extension CommandParser {
    /// `login = "LOGIN" SP userid SP password`.
    private mutating func login() throws(CommandFault) -> Command {
        try scanner.space()
        let user = try scanner.astring("a name")
        try scanner.space()
        return .login(user: Array(user), password: Array(try scanner.astring("a password")))
    }

    /// `authenticate = "AUTHENTICATE" SP auth-type [SP initial-resp]`.
    private mutating func authenticate() throws(CommandFault) -> Command {
        try scanner.space()
        let mechanism = String(lossy: try scanner.atom("a mechanism").prefix(40))
        guard scanner.skip(UInt8.space) else {
            return .authenticate(mechanism: mechanism, initialResponse: nil)
        }
        // RFC 4959 §3: "=" is an empty one.
        let encoded = scanner.run { $0 > 0x20 && $0 < 0x7F }
        if encoded.elementsEqual("=".utf8) {
            return .authenticate(mechanism: mechanism, initialResponse: [])
        }
        guard !encoded.isEmpty, let response = Base64.decode(encoded) else {
            throw .syntax("expected an initial response in Base 64, or =")
        }
        return .authenticate(mechanism: mechanism, initialResponse: response)
    }

    /// `enable = "ENABLE" 1*(SP capability)`.
    private mutating func enable() throws(CommandFault) -> [String] {
        var names: [String] = []
        repeat {
            try scanner.space()
            try Self.bound(names.count)
            names.append(String(lossy: try scanner.atom("a capability")).uppercased())
        } while !scanner.isAtEnd
        return names
    }

    /// ```abnf
    /// id             = "ID" SP id-params-list
    /// id-params-list = "(" #(string SP nstring) ")" / nil
    /// ```
    private mutating func identification() throws(CommandFault) -> [IdentificationField] {
        try scanner.space()
        var fields: [IdentificationField] = []
        if scanner.skip(word: "NIL") { return fields }
        try scanner.list(mayBeEmpty: true) { scanner throws(CommandFault) in
            try Self.bound(fields.count, Self.maximumIdentificationFields)
            let field = String(lossy: try scanner.string("a field in quotes").prefix(30))
            try scanner.space()
            let value = try scanner.nstring()
            fields.append(
                IdentificationField(
                    field,
                    value.map { String(lossy: $0.prefix(Self.maximumIdentificationValueOctets)) }))
        }
        return fields
    }

    /// `compress = "COMPRESS" SP algorithm` (RFC 4978 §5).
    private mutating func compress() throws(CommandFault) -> Command {
        try scanner.space()
        let algorithm = try scanner.atom("an algorithm")
        guard algorithm.equalsIgnoringCase("DEFLATE".utf8) else {
            throw .syntax("the only algorithm is DEFLATE")
        }
        return .compress
    }
}

// MARK: - Mailboxes

extension CommandParser {
    /// ```abnf
    /// select       = "SELECT" SP mailbox [SP "(" select-param *(SP select-param) ")"]
    /// select-param = "CONDSTORE" / "QRESYNC" SP "(" uidvalidity SP mod-sequence-value
    ///                [SP known-uids] [SP seq-match-data] ")"            ; RFC 7162 §7
    /// ```
    private mutating func select(isReadOnly: Bool) throws(CommandFault) -> Select {
        var select = Select(try mailbox(), isReadOnly: isReadOnly)
        guard scanner.skip(UInt8.space) else { return select }
        try scanner.list { scanner throws(CommandFault) in
            switch try scanner.word("a parameter") {
            case "CONDSTORE": select.wantsModificationSequences = true
            case "QRESYNC":
                guard select.resynchronization == nil else { throw .syntax("QRESYNC twice") }
                try scanner.space()
                select.resynchronization = try Self.resynchronization(&scanner)
                select.wantsModificationSequences = true
            default: throw .syntax("unknown parameter: CONDSTORE and QRESYNC are known")
            }
        }
        return select
    }

    private static func resynchronization(
        _ scanner: inout CommandScanner
    ) throws(CommandFault) -> Resynchronization {
        try scanner.demand("(")
        let validity = try scanner.positiveNumber()
        try scanner.space()
        var result = Resynchronization(
            uidValidity: validity, modificationSequence: try scanner.number64())
        guard result.modificationSequence > 0 else {
            throw .syntax("a modification sequence is not 0")
        }
        if scanner.skip(UInt8.space) {
            if scanner.next != UInt8(ascii: "(") {
                result.knownUIDs = try scanner.numberSet()
                if scanner.skip(UInt8.space) { result.match = try match(&scanner) }
            } else {
                result.match = try match(&scanner)
            }
        }
        try scanner.demand(")")
        return result
    }

    /// `seq-match-data = "(" known-sequence-set SP known-uid-set ")"`.
    private static func match(
        _ scanner: inout CommandScanner
    ) throws(CommandFault) -> Resynchronization.Match {
        try scanner.demand("(")
        let numbers = try scanner.numberSet()
        try scanner.space()
        let uids = try scanner.numberSet()
        try scanner.demand(")")
        guard numbers.count == uids.count else {
            throw .syntax("as many sequence numbers as UIDs must be given")
        }
        return Resynchronization.Match(numbers: numbers, uids: uids)
    }

    /// ```abnf
    /// create       = "CREATE" SP mailbox [SP "(" create-param *(SP create-param) ")"]
    /// create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")"          ; RFC 6154 §6
    /// ```
    private mutating func create() throws(CommandFault) -> Command {
        let name = try mailbox()
        var uses: [SpecialUse] = []
        if scanner.skip(UInt8.space) {
            try scanner.list { scanner throws(CommandFault) in
                guard try scanner.word("USE") == "USE" else { throw .syntax("expected USE") }
                try scanner.space()
                try scanner.list(mayBeEmpty: true) { scanner throws(CommandFault) in
                    try scanner.demand("\\")
                    let name = try scanner.atom("a use")
                    // RFC 6154 §3: what cannot be had is refused with USEATTR.
                    let known = SpecialUse.allCases.first {
                        $0.rawValue.utf8.dropFirst().equalsIgnoringCase(name)
                    }
                    guard let use = known else {
                        throw .refused(.useAttribute, "no mailbox can have this use")
                    }
                    if !uses.contains(use) { uses.append(use) }
                }
            }
        }
        return .create(name, uses: uses)
    }

    private static let statusItems: [Word: StatusItem] = [
        "MESSAGES": .messages, "UIDNEXT": .uidNext, "UIDVALIDITY": .uidValidity,
        "UNSEEN": .unseen, "DELETED": .deleted, "SIZE": .size, "RECENT": .recent,
        "HIGHESTMODSEQ": .highestModificationSequence, "MAILBOXID": .mailboxID,
        "APPENDLIMIT": .appendLimit, "DELETED-STORAGE": .deletedStorage,
    ]

    /// `status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"`.
    private mutating func status() throws(CommandFault) -> [StatusItem] {
        try scanner.space()
        return try Self.statusItems(&scanner)
    }

    private static func statusItems(
        _ scanner: inout CommandScanner
    ) throws(CommandFault) -> [StatusItem] {
        var items: [StatusItem] = []
        try scanner.list { scanner throws(CommandFault) in
            guard let item = statusItems[try scanner.word("a status item")] else {
                throw .syntax("unknown status item")
            }
            if !items.contains(item) { items.append(item) }
        }
        return items
    }

    /// `lsub = "LSUB" SP mailbox SP list-mailbox` (RFC 3501 §9).
    private mutating func subscribedList() throws(CommandFault) -> List {
        var list = List()
        list.isSubscribedList = true
        try scanner.space()
        list.reference = try nameText(try scanner.astring("a reference"))
        try scanner.space()
        list.patterns = [try pattern()]
        return list
    }

    /// ```abnf
    /// list             = "LIST" [SP list-select-opts] SP mailbox SP mbox-or-pat
    ///                    [SP list-return-opts]                       ; RFC 9051 §9, RFC 5258 §6
    /// list-select-opts = "(" [list-select-opt *(SP list-select-opt)] ")"
    /// mbox-or-pat      = list-mailbox / patterns
    /// patterns         = "(" list-mailbox *(SP list-mailbox) ")"
    /// ```
    private mutating func list() throws(CommandFault) -> List {
        var list = List()
        try scanner.space()
        if scanner.next == UInt8(ascii: "(") {
            list.isExtended = true
            try selection(&list)
            try scanner.space()
        }
        list.reference = try nameText(try scanner.astring("a reference"))
        try scanner.space()
        if scanner.skip("(") {
            list.isExtended = true
            repeat {
                try Self.bound(list.patterns.count)
                list.patterns.append(try pattern())
            } while scanner.skip(UInt8.space)
            try scanner.demand(")")
        } else {
            list.patterns = [try pattern()]
        }
        if scanner.skip(UInt8.space) {
            guard scanner.skip(word: "RETURN") else { throw .syntax("expected RETURN") }
            list.isExtended = true
            try scanner.space()
            try returns(&list)
        }
        return list
    }

    private mutating func selection(_ list: inout List) throws(CommandFault) {
        var selection: List.Selection = []
        try scanner.list(mayBeEmpty: true) { scanner throws(CommandFault) in
            switch try scanner.word("a selection option") {
            case "SUBSCRIBED": selection.insert(.subscribed)
            case "REMOTE": selection.insert(.remote)
            case "RECURSIVEMATCH": selection.insert(.recursiveMatch)
            case "SPECIAL-USE": selection.insert(.specialUse)
            default: throw .syntax("unknown selection option")
            }
        }
        // RFC 5258 §3.1: it modifies another option, of which SUBSCRIBED is the only one.
        if selection.contains(.recursiveMatch), !selection.contains(.subscribed) {
            throw .syntax("RECURSIVEMATCH needs SUBSCRIBED")
        }
        list.selection = selection
    }

    /// ```abnf
    /// list-return-opts = "RETURN" SP "(" [return-option *(SP return-option)] ")"
    /// return-option    = "SUBSCRIBED" / "CHILDREN" / "SPECIAL-USE" / "MYRIGHTS"
    ///                    / "STATUS" SP "(" status-att *(SP status-att) ")"
    ///                    / "METADATA" SP entries                      ; RFC 9590 §3
    /// ```
    private mutating func returns(_ list: inout List) throws(CommandFault) {
        var result = list
        try scanner.list(mayBeEmpty: true) { scanner throws(CommandFault) in
            switch try scanner.word("a return option") {
            case "SUBSCRIBED": result.returns.insert(.subscribed)
            case "CHILDREN": result.returns.insert(.children)
            case "SPECIAL-USE": result.returns.insert(.specialUse)
            case "MYRIGHTS": result.returns.insert(.myRights)
            case "STATUS":
                try scanner.space()
                result.status = try Self.statusItems(&scanner)
            case "METADATA":
                try scanner.space()
                result.metadata = try Self.entries(&scanner)
            default: throw .syntax("unknown return option")
            }
        }
        list = result
    }

    /// ```abnf
    /// list-mailbox = 1*list-char / string
    /// list-char    = ATOM-CHAR / list-wildcards / resp-specials
    /// ```
    private mutating func pattern() throws(CommandFault) -> String {
        let atom = scanner.run {
            CommandScanner.isAStringCharacter($0) || $0 == UInt8(ascii: "*")
                || $0 == UInt8(ascii: "%")
        }
        return try nameText(atom.isEmpty ? try scanner.string("a pattern") : atom)
    }

    private func nameText(_ octets: ArraySlice<UInt8>) throws(CommandFault) -> String {
        do {
            return try MailboxName.decode(octets, isUTF8: scanner.dialect.isUTF8)
        } catch {
            throw .refused(.cannot, "no mailbox can have this name: \(error)")
        }
    }

    /// ```abnf
    /// setquota-list     = "(" [setquota-resource *(SP setquota-resource)] ")"
    /// setquota-resource = resource-name SP number64                      ; RFC 9208 §7
    /// ```
    private mutating func quotaLimits() throws(CommandFault) -> [QuotaLimit] {
        try scanner.space()
        var limits: [QuotaLimit] = []
        try scanner.list(mayBeEmpty: true) { scanner throws(CommandFault) in
            try Self.bound(limits.count)
            let resource = String(lossy: try scanner.atom("a resource")).uppercased()
            try scanner.space()
            limits.append(QuotaLimit(resource: resource, limit: try scanner.number64()))
        }
        return limits
    }

    /// ```abnf
    /// setacl     = "SETACL" SP mailbox SP identifier SP mod-rights       ; RFC 4314 §7
    /// mod-rights = astring
    /// ```
    private mutating func setACL() throws(CommandFault) -> Command {
        let mailbox = try mailbox()
        let identifier = try text("an identifier")
        try scanner.space()
        let letters = try scanner.astring("rights")
        let change: ACLChange
        do {
            change = try ACLChange(text: letters)
        } catch {
            // RFC 4314 §3.1: a right that does not exist is refused with BAD.
            throw .syntax("the rights are lrswipkxtea")
        }
        return .setACL(mailbox, identifier: identifier, change)
    }
}

// MARK: - Metadata

extension CommandParser {
    /// `mailbox` or `""`, the server.
    private mutating func mailboxOrServer() throws(CommandFault) -> MailboxName? {
        let place = scanner.position
        if try scanner.astring("a mailbox name").isEmpty { return nil }
        scanner.move(to: place)
        return try scanner.mailbox()
    }

    /// ```abnf
    /// getmetadata = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries
    /// getmetadata-option = "MAXSIZE" SP number / "DEPTH" SP ("0" / "1" / "infinity")
    /// ```
    ///
    /// The examples of RFC 5464 §4.2 have the options behind the mailbox: both are taken.
    private mutating func getMetadata() throws(CommandFault) -> GetMetadata {
        var result = GetMetadata(mailbox: nil, entries: [])
        try scanner.space()
        if scanner.next == UInt8(ascii: "(") {
            try options(&result)
            try scanner.space()
            result.mailbox = try mailboxOrServer()
            try scanner.space()
        } else {
            result.mailbox = try mailboxOrServer()
            try scanner.space()
            let place = scanner.position
            if scanner.skip("("), scanner.next != UInt8(ascii: "/"),
                scanner.next != UInt8(ascii: "\""), scanner.next != UInt8(ascii: "{")
            {
                scanner.move(to: place)
                try options(&result)
                try scanner.space()
            } else {
                scanner.move(to: place)
            }
        }
        result.entries = try Self.entries(&scanner)
        return result
    }

    private mutating func options(_ command: inout GetMetadata) throws(CommandFault) {
        var result = command
        try scanner.list { scanner throws(CommandFault) in
            switch try scanner.word("an option") {
            case "MAXSIZE":
                try scanner.space()
                result.maximumOctets = try scanner.number64()
            case "DEPTH":
                try scanner.space()
                switch try scanner.word("a depth") {
                case "0": result.depth = .entry
                case "1": result.depth = .children
                case "INFINITY": result.depth = .infinity
                default: throw .syntax("DEPTH is 0, 1 or infinity")
                }
            default: throw .syntax("unknown option: MAXSIZE and DEPTH are known")
            }
        }
        command = result
    }

    /// `entries = entry / "(" entry *(SP entry) ")"`.
    private static func entries(_ scanner: inout CommandScanner) throws(CommandFault) -> [String] {
        guard scanner.next == UInt8(ascii: "(") else { return [try entry(&scanner)] }
        var entries: [String] = []
        try scanner.list { scanner throws(CommandFault) in
            try bound(entries.count)
            entries.append(try entry(&scanner))
        }
        return entries
    }

    /// An entry's name (RFC 5464 §3.2): ASCII, `/` before each component, no wildcard.
    private static func entry(_ scanner: inout CommandScanner) throws(CommandFault) -> String {
        let name = try scanner.astring("an entry")
        let isPlain = name.allSatisfy {
            $0 > 0x1F && $0 < 0x7F && $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: "%")
        }
        let text = String(lossy: name).asciiLowercased
        guard isPlain, name.count <= 1024, name.last != UInt8(ascii: "/"),
            !text.contains("//"),
            text == "/shared" || text == "/private" || text.hasPrefix("/shared/")
                || text.hasPrefix("/private/")
        else { throw .syntax("an entry is named as /private/comment or /shared/comment is") }
        return text
    }

    /// ```abnf
    /// setmetadata  = "SETMETADATA" SP mailbox SP entry-values
    /// entry-values = "(" entry-value *(SP entry-value) ")"
    /// entry-value  = entry SP (nstring / literal8)
    /// ```
    private mutating func setMetadata() throws(CommandFault) -> Command {
        try scanner.space()
        let mailbox = try mailboxOrServer()
        try scanner.space()
        var changes: [MetadataChange] = []
        try scanner.list { scanner throws(CommandFault) in
            try Self.bound(changes.count)
            let entry = try Self.entry(&scanner)
            try scanner.space()
            let value =
                scanner.next == UInt8(ascii: "~")
                ? try scanner.literal8() : try scanner.nstring()
            changes.append(MetadataChange(entry: entry, value: value.map { Array($0) }))
        }
        return .setMetadata(mailbox, changes)
    }
}
