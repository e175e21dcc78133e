// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The mail server's side of the milter protocol, versions 2 to 6: one filter, one SMTP session.
///
/// There is no RFC; libmilter (`mfdef.h`) is the standard. Call `begin`, then `tell` one event
/// after another, and follow `next` after each: it ends with `negotiated`, `answered` or `failed`.
/// After `endOfMessage` has been answered, or after `abort`, the next message begins with
/// `sender`.
///
/// ```
/// packet = length command data        ; length: 4 octets, of command and data together
/// ```
package struct ClientSession: Sendable {
    /// What the driver has to do.
    package enum Step: Hashable, Sendable {
        case send([UInt8])
        /// The options are agreed.
        case negotiated(Options)
        /// The filter works and wants more time: the deadline begins anew.
        case progress
        /// To the last event.
        case answered(Answer)
        /// This conversation is over, and the filter has said nothing that can be used.
        case failed(Fault)
    }

    /// Why a filter cannot be understood.
    package enum Fault: Error, Hashable, Sendable, CustomStringConvertible {
        case packetTooLong(Int)
        case versionUnknown(UInt32)
        /// It wants to do or not to hear what was not offered.
        case notOffered
        case unexpected(UInt8)
        case malformed(UInt8)
        case tooManyModifications
        case ended

        package var description: String {
            switch self {
            case .packetTooLong(let length): "it sent a packet of \(length) octets"
            case .versionUnknown(let version): "it speaks version \(version) of the protocol"
            case .notOffered: "it wants what is not offered to it"
            case .unexpected(let command): "`\(Self.name(command))` came out of turn"
            case .malformed(let command): "`\(Self.name(command))` cannot be understood"
            case .tooManyModifications: "it wants too many changes of one message"
            case .ended: "it ended the connection"
            }
        }

        private static func name(_ command: UInt8) -> String {
            (0x21...0x7E).contains(command)
                ? String(Character(Unicode.Scalar(command))) : "\\\(command)"
        }
    }

    private enum State {
        case idle, negotiating, ready, over
        /// For the answer to the event with that command.
        case waiting(UInt8)
    }

    /// MILTER_CHUNK_SIZE.
    package static let maximumBodyOctets = 65_535
    /// A new body comes in chunks of the same size; everything else is shorter.
    static let maximumPacketOctets = 65_536
    /// Fields and recipients that a filter may add or change; a new body may take more packets.
    static let maximumModifications = 1_000
    /// What all of them may hold: a header with them stays smaller than 1 MiB.
    static let maximumModificationOctets = 128 << 10
    /// Of a new body, which is held in memory until its message is taken: more than the largest
    /// message that servers commonly take.
    static let maximumNewBodyOctets = 64 << 20

    private let offer: Options
    private var state = State.idle
    private var input = InputBuffer()
    private var steps: [Step] = []
    /// Kinds of events that the filter wants no more of in this message.
    private var skipped: Set<UInt8> = []
    private var modificationOctets = 0
    package private(set) var agreed: Options
    /// What the filter wants changed, complete when `endOfMessage` is answered.
    package private(set) var modifications: [Modification] = []
    /// The body that the filter puts in the place of the message's own, complete when `endOfMessage`
    /// is answered; nil: that one stays.
    package private(set) var newBody: [UInt8]?

    /// `offer` is what this side can do.
    package init(_ offer: Options) {
        self.offer = offer
        agreed = offer
    }

    /// Begins the negotiation.
    package mutating func begin() {
        guard case .idle = state else { preconditionFailure("a session begins once") }
        state = .negotiating
        send(
            UInt8(ascii: "O"),
            Self.octets(offer.version) + Self.octets(offer.actions.rawValue)
                + Self.octets(offer.steps.rawValue))
    }

    /// Tells an event, with macros (`i`, `{auth_authen}`) that the filter may ask for at its side.
    ///
    /// What the filter does not want to hear, or does not answer, is answered by `proceed`.
    package mutating func tell(_ event: Event, macros: [(name: String, value: String)] = []) {
        guard case .ready = state else { return fail(.unexpected(event.command)) }
        if case .sender = event { beginMessage() }
        let wishes = event.steps
        if !agreed.steps.isDisjoint(with: wishes.without) || skipped.contains(event.command) {
            return steps.append(.answered(.proceed))
        }
        if case .body(let octets) = event {
            precondition(octets.count <= Self.maximumBodyOctets, "a chunk has a limit")
        }
        var data = event.data(agreed.steps)
        // libmilter closes on a longer packet; no filter needs the rest of such a field.
        if data.count > Self.maximumBodyOctets {
            data.removeLast(data.count - Self.maximumBodyOctets + 1)
            data.append(0)
        }
        if !macros.isEmpty {
            send(
                UInt8(ascii: "D"),
                [event.command] + Event.terminated(macros.flatMap { [$0.name, $0.value] }))
        }
        send(event.command, data)
        if !agreed.steps.isDisjoint(with: wishes.silent) {
            steps.append(.answered(.proceed))
        } else {
            state = .waiting(event.command)
        }
    }

    /// The message will not come to its end; nothing answers this.
    package mutating func abort() {
        guard case .ready = state else { return }
        beginMessage()
        send(UInt8(ascii: "A"), [])
    }

    /// Says goodbye; nothing answers this.
    package mutating func quit() {
        guard case .ready = state else { return }
        state = .over
        send(UInt8(ascii: "Q"), [])
    }

    /// Takes octets that the filter has sent.
    package mutating func receive(_ octets: consuming [UInt8]) { input.append(octets) }

    /// The filter has closed the connection.
    package mutating func receiveEnd() {
        if case .over = state { return }
        fail(.ended)
    }

    /// What is to be done next; nil: more octets or the next event are needed.
    package mutating func next() -> Step? {
        while true {
            if !steps.isEmpty { return steps.removeFirst() }
            guard let (command, data) = nextPacket() else {
                // A packet that cannot be one has ended the conversation.
                return steps.isEmpty ? nil : steps.removeFirst()
            }
            take(command, data)
        }
    }

    // MARK: - Packets

    private mutating func nextPacket() -> (UInt8, [UInt8])? {
        if case .over = state { return nil }
        let unread = input.unread
        guard unread.count >= 4 else { return nil }
        let length = Int(Self.number(unread.prefix(4)))
        guard (1...Self.maximumPacketOctets).contains(length) else {
            fail(.packetTooLong(length))
            return nil
        }
        guard unread.count >= 4 + length else { return nil }
        let packet = Array(unread.dropFirst(4).prefix(length))
        input.consume(4 + length)
        return (packet[0], Array(packet.dropFirst()))
    }

    private mutating func send(_ command: UInt8, _ data: [UInt8]) {
        steps.append(.send(Self.octets(UInt32(data.count + 1)) + [command] + data))
    }

    private mutating func fail(_ fault: Fault) {
        state = .over
        input.removeAll()
        steps.append(.failed(fault))
    }

    private mutating func beginMessage() {
        skipped = []
        modifications = []
        modificationOctets = 0
        newBody = nil
    }

    private mutating func take(_ command: UInt8, _ data: [UInt8]) {
        do throws(Fault) {
            switch state {
            case .negotiating: try agree(command, data)
            case .waiting(let event): try answer(to: event, command, data)
            case .idle, .ready, .over: throw .unexpected(command)
            }
        } catch {
            fail(error)
        }
    }

    /// The filter picks from what was offered.
    private mutating func agree(_ command: UInt8, _ data: [UInt8]) throws(Fault) {
        guard command == UInt8(ascii: "O") else { throw .unexpected(command) }
        // Lists of macros may follow; all that we have are sent anyway.
        guard data.count >= 12 else { throw .malformed(command) }
        let version = Self.number(data[0..<4])
        let actions = Options.Actions(rawValue: Self.number(data[4..<8]))
        let wishes = Options.Steps(rawValue: Self.number(data[8..<12]))
        guard (Options.oldestVersion...offer.version).contains(version) else {
            throw .versionUnknown(version)
        }
        guard offer.actions.isSuperset(of: actions), offer.steps.isSuperset(of: wishes) else {
            throw .notOffered
        }
        agreed = Options(version: version, actions: actions, steps: wishes)
        // Older versions do not know of these events, so they cannot say that they want none.
        if version < 4 { agreed.steps.insert(.withoutData) }
        state = .ready
        steps.append(.negotiated(agreed))
    }

    private mutating func answer(
        to event: UInt8, _ command: UInt8, _ data: [UInt8]
    ) throws(Fault) {
        let answer: Answer
        switch command {
        case UInt8(ascii: "p"): return steps.append(.progress)
        case UInt8(ascii: "c"): answer = .proceed
        case UInt8(ascii: "a"): answer = .accept
        case UInt8(ascii: "r"): answer = .reject
        case UInt8(ascii: "t"): answer = .temporaryFailure
        case UInt8(ascii: "d"): answer = .discard
        case UInt8(ascii: "4"), UInt8(ascii: "f"): answer = .shutDown
        case UInt8(ascii: "y"): answer = try Self.reply(data)
        case UInt8(ascii: "s"):
            guard agreed.steps.contains(.skip) || agreed.version >= 6,
                event == UInt8(ascii: "B") || event == UInt8(ascii: "L")
            else { throw .unexpected(command) }
            skipped.insert(event)
            answer = .skip
        default:
            guard event == UInt8(ascii: "E") else { throw .unexpected(command) }
            return try note(command, data)
        }
        state = .ready
        steps.append(.answered(answer))
    }

    /// `550 5.7.1 Text`, of which only the code must be there.
    private static func reply(_ data: [UInt8]) throws(Fault) -> Answer {
        let text = String(lossy: data.prefix { $0 != 0 })
        let words = text.split(separator: " ", maxSplits: 2).map(String.init)
        guard let first = words.first, first.utf8.count >= 3, let code = Int(first.prefix(3)),
            (400...599).contains(code)
        else { throw .malformed(UInt8(ascii: "y")) }
        let hasStatus = words.count > 1 && isStatus(words[1], of: code)
        return .reply(
            code: code, status: hasStatus ? words[1] : nil,
            text: text.dropFirst(4 + (hasStatus ? words[1].count + 1 : 0)).split(separator: "\r\n")
                .joined(separator: " "))
    }

    private static func isStatus(_ word: String, of code: Int) -> Bool {
        let parts = word.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0] == "\(code / 100)"
            && parts.allSatisfy { (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy(\.isDigit) }
    }

    // MARK: - Modifications

    private mutating func note(_ command: UInt8, _ data: [UInt8]) throws(Fault) {
        if command == UInt8(ascii: "b") { return try takeBody(data) }
        guard let modification = Self.modification(command, data) else {
            throw "+2-ehimq".utf8.contains(command) ? .malformed(command) : .unexpected(command)
        }
        guard !agreed.actions.isDisjoint(with: modification.permission) else {
            throw .notOffered
        }
        modificationOctets += data.count
        guard modifications.count < Self.maximumModifications,
            modificationOctets <= Self.maximumModificationOctets
        else { throw .tooManyModifications }
        modifications.append(modification)
    }

    /// The next chunk of a new body (SMFIR_REPLBODY).
    private mutating func takeBody(_ chunk: [UInt8]) throws(Fault) {
        guard agreed.actions.contains(.replaceBody) else { throw .notOffered }
        guard (newBody?.count ?? 0) + chunk.count <= Self.maximumNewBodyOctets else {
            throw .tooManyModifications
        }
        newBody = newBody ?? []
        newBody?.append(contentsOf: chunk)
    }

    private static func modification(_ command: UInt8, _ data: [UInt8]) -> Modification? {
        let texts = data.split(separator: 0, omittingEmptySubsequences: false)
        switch command {
        case UInt8(ascii: "h"):
            return field(data[...]).map { .addField(name: $0, value: $1) }
        case UInt8(ascii: "i"), UInt8(ascii: "m"):
            guard data.count >= 4, let (name, value) = field(data[4...]) else { return nil }
            let index = Int(number(data[..<4]))
            return command == UInt8(ascii: "i")
                ? .insertField(index: index, name: name, value: value)
                : .changeField(occurrence: max(1, index), name: name, value: value)
        default: break
        }
        guard let first = texts.first, texts.count >= 2 else { return nil }
        let text = String(lossy: first)
        let parameters = texts.count > 2 ? String(lossy: texts[1]) : ""
        return switch command {
        case UInt8(ascii: "+"): .addRecipient(text, parameters: "")
        case UInt8(ascii: "2"): .addRecipient(text, parameters: parameters)
        case UInt8(ascii: "-"): .deleteRecipient(text)
        case UInt8(ascii: "e"): .changeSender(text, parameters: parameters)
        case UInt8(ascii: "q"): .quarantine(text)
        default: nil
        }
    }

    /// A name that a field may have (RFC 5322 §3.6.8), and its value.
    private static func field(_ data: ArraySlice<UInt8>) -> (String, [UInt8])? {
        let parts = data.split(separator: 0, omittingEmptySubsequences: false)
        guard parts.count >= 2, !parts[0].isEmpty,
            parts[0].allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") })
        else { return nil }
        return (String(lossy: parts[0]), Array(parts[1]))
    }

    private static func octets(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) }
    }

    private static func number(_ octets: ArraySlice<UInt8>) -> UInt32 {
        octets.reduce(0) { $0 << 8 | UInt32($1) }
    }
}
