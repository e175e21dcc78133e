// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Which commands are allowed when, and those the session answers itself.
extension ServerSession {
    /// Whether a command may be given in this state (RFC 9051 §3).
    func admit(_ verb: Verb, isUID: Bool) throws(CommandFault) {
        guard isAuthenticated else {
            guard verb.isAnywhere || verb.isBeforeLogin else { throw .syntax("log in first") }
            return
        }
        guard !verb.isBeforeLogin else { throw .syntax("already logged in") }
        guard verb.needsMailbox else { return }
        guard case .selected(let isReadOnly) = phase else {
            throw .syntax("select a mailbox first")
        }
        // RFC 9586 §3: no sequence numbers any more.
        if enabled.contains(.uidOnly), verb.takesUIDs, verb != .expunge, !isUID {
            throw .uidRequired
        }
        switch verb {
        case .store, .expunge, .move, .replace:
            // RFC 9051 §6.3.3: nothing of a mailbox opened by EXAMINE is changed.
            guard !isReadOnly else { throw .refused(.cannot, "the mailbox is open read-only") }
        default: return
        }
    }

    /// Answers a command, or hands it to the driver.
    mutating func obey(_ command: Command) throws(CommandFault) {
        switch command {
        case .capability:
            send("* CAPABILITY \(capabilities.joined(separator: " "))\r\n")
            complete(tagged: .ok())
        case .logout:
            // RFC 9051 §6.1.3: BYE comes before OK.
            send("* BYE logging out\r\n")
            complete(tagged: .ok())
            end()
        case .startTLS: startTLS()
        case .login(let user, let password): login(user, password)
        case .authenticate(let mechanism, let response): try authenticate(mechanism, response)
        case .enable(let names): enable(names)
        case .identify(let fields): identify(fields)
        case .idle:
            reading = .idle
            send("+ idling\r\n")
            steps.append(.idle)
        case .compress: compress()
        default:
            try checkExtensions(command)
            perform(command)
        }
    }

    private mutating func perform(_ command: Command) {
        var pending = Pending.plain
        switch command {
        case .select(let select):
            pending = .select(isReadOnly: select.isReadOnly)
            closeMailbox()
        case .refusedSelect:
            pending = .select(isReadOnly: true)
            closeMailbox()
        case .close, .unselect: pending = .leave
        default: break
        }
        awaited = .completion(pending)
        steps.append(.perform(command))
    }

    /// RFC 9051 §7.1: what follows is about another mailbox, or none.
    private mutating func closeMailbox() {
        guard case .selected = phase else { return }
        send("* OK [CLOSED] the mailbox before is closed\r\n")
        phase = .authenticated
    }

    /// What depends on ENABLE, or counts as it (RFC 7162 §3.1, "CONDSTORE enabling commands").
    private mutating func checkExtensions(_ command: Command) throws(CommandFault) {
        var usesModificationSequences = false
        switch command {
        case .select(let select):
            // RFC 7162 §3.2.5.
            guard select.resynchronization == nil || enabled.contains(.qresync) else {
                throw .syntax("ENABLE QRESYNC comes first")
            }
            // RFC 9586 §3.7.
            guard select.resynchronization?.match == nil || !enabled.contains(.uidOnly) else {
                throw .uidRequired
            }
            usesModificationSequences = select.wantsModificationSequences
        case .status(_, let items):
            usesModificationSequences = items.contains(.highestModificationSequence)
        case .list(let list):
            usesModificationSequences = list.status.contains(.highestModificationSequence)
        case .fetch(let fetch):
            guard !fetch.wantsVanished || enabled.contains(.qresync) else {
                throw .syntax("ENABLE QRESYNC comes first")
            }
            usesModificationSequences = fetch.items.contains(.modificationSequence)
        case .store(let store): usesModificationSequences = store.unchangedSince != nil
        case .search(let search): usesModificationSequences = try check(search.key)
        case .sort(let sort): usesModificationSequences = try check(sort.key)
        case .thread(let thread): usesModificationSequences = try check(thread.key)
        default: break
        }
        if usesModificationSequences { enable(.condstore, isSelecting: command.isSelect) }
    }

    private mutating func enable(_ extensions: EnabledExtensions, isSelecting: Bool = false) {
        let isFirst = extensions.contains(.condstore) && !enabled.contains(.condstore)
        enabled.formUnion(extensions)
        // RFC 7162 §3.1: once, for the mailbox that is selected already.
        if isFirst, !isSelecting, case .selected = phase {
            steps.append(.tellHighestModificationSequence)
        }
    }

    private func check(_ key: SearchKey) throws(CommandFault) -> Bool {
        guard !enabled.contains(.uidOnly) || !key.hasNumbers else { throw .uidRequired }
        return key.hasModificationSequence
    }

    private mutating func startTLS() {
        guard policy.offersTLS else { return fail("TLS is not available") }
        guard !isProtected else { return fail("TLS is on already") }
        guard input.isEmpty else {
            // What follows may have been put there by somebody else: none of it is obeyed.
            input.removeAll()
            return fail("nothing may follow STARTTLS before the handshake")
        }
        awaited = .tls
        complete(tagged: .ok(nil, "begin TLS"))
        steps.append(.startTLS)
    }

    private mutating func login(_ user: [UInt8], _ password: [UInt8]) {
        guard allowsPasswords else { return refusePlainPassword() }
        guard !user.contains(0), !password.contains(0) else { return fail("NUL is no character") }
        awaited = .authentication
        steps.append(
            .authenticate(mechanism: "PLAIN", initialResponse: [0] + user + [0] + password))
    }

    private mutating func refusePlainPassword() {
        // RFC 9051 §6.2.3: LOGIN is refused while LOGINDISABLED is shown.
        complete(
            tagged: .no(
                .privacyRequired,
                policy.offersTLS
                    ? "no passwords in plain text: use STARTTLS first"
                    : "no passwords in plain text"))
    }

    private mutating func authenticate(
        _ mechanism: String, _ response: [UInt8]?
    ) throws(CommandFault) {
        let isNamed = { (name: String) in name.utf8.equalsIgnoringCase(mechanism.utf8) }
        guard let name = offeredMechanisms.first(where: isNamed) else {
            if policy.plainMechanisms.contains(where: isNamed) { return refusePlainPassword() }
            throw .refused(.cannot, "unknown mechanism")
        }
        awaited = .authentication
        steps.append(.authenticate(mechanism: name, initialResponse: response))
    }

    /// RFC 5161 §3.1: what is not known is passed over.
    private mutating func enable(_ names: [String]) {
        var known: [String] = []
        for name in names {
            guard let extensions = EnabledExtensions.named(name), isOffered(name) else {
                continue
            }
            if known.contains(where: { $0.utf8.equalsIgnoringCase(name.utf8) }) { continue }
            enable(extensions)
            known.append(name == "IMAP4REV2" ? "IMAP4rev2" : name)
        }
        send("* ENABLED\(known.map { " \($0)" }.joined())\r\n")
        complete(tagged: .ok())
    }

    private func isOffered(_ name: String) -> Bool {
        name == "IMAP4REV2" || policy.extensions.contains(name)
    }

    private mutating func identify(_ fields: [IdentificationField]) {
        clientIdentification = fields
        var octets = Array("* ID ".utf8)
        if policy.identification.isEmpty { octets.append("NIL") }
        for (index, field) in policy.identification.enumerated() {
            octets.append(index == 0 ? "(" : " ")
            octets.appendString(field.field.utf8)
            octets.append(.space)
            octets.appendNString(field.value?.utf8)
            if index == policy.identification.count - 1 { octets.append(")") }
        }
        octets.append("\r\n")
        steps.append(.send(octets))
        complete(tagged: .ok())
    }

    private mutating func compress() {
        guard policy.extensions.contains("COMPRESS=DEFLATE") else {
            return complete(tagged: .no(.cannot, "compression is not available"))
        }
        // RFC 4978 §3.
        guard !isCompressed else {
            return complete(tagged: .no(.compressionActive, "compression is on already"))
        }
        guard input.isEmpty else {
            // §3: what is there already cannot be compressed, and goes on in plain text.
            return fail("nothing may follow COMPRESS before its answer")
        }
        isCompressed = true
        complete(tagged: .ok(nil, "DEFLATE begins"))
        steps.append(.startCompression)
    }
}

extension Command {
    fileprivate var isSelect: Bool { if case .select = self { true } else { false } }
}
