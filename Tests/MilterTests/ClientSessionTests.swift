// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import Milter

/// A filter as a script: what it is sent is written down, what it says is handed in.
struct Conversation {
    var session: ClientSession
    var log: [String] = []

    init(
        _ actions: Options.Actions = [.addFields, .changeFields, .quarantine],
        steps: Options.Steps = .known
    ) {
        session = ClientSession(Options(actions: actions, steps: steps))
    }

    /// Agrees on what the filter picks.
    static func agreed(
        _ actions: Options.Actions = [.addFields, .changeFields, .quarantine],
        steps: Options.Steps = []
    ) -> Self {
        var conversation = Self()
        conversation.session.begin()
        conversation.run()
        conversation.hear(
            "O", [0, 0, 0, 6] + number(actions.rawValue) + number(steps.rawValue))
        conversation.log = []
        return conversation
    }

    static func number(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }

    static func packet(_ command: String, _ data: [UInt8] = []) -> [UInt8] {
        number(UInt32(data.count + 1)) + Array(command.utf8) + data
    }

    mutating func hear(_ command: String, _ data: [UInt8] = [], drip: Bool = false) {
        let packet = Self.packet(command, data)
        for piece in drip ? packet.map({ [$0] }) : [packet] {
            session.receive(piece)
            run()
        }
    }

    mutating func hear(_ command: String, _ text: String) { hear(command, Array(text.utf8)) }

    mutating func tell(_ event: Event, macros: [(name: String, value: String)] = []) {
        session.tell(event, macros: macros)
        run()
    }

    mutating func run() {
        while let step = session.next() {
            switch step {
            case .send(let octets):
                let length = octets[0..<4].reduce(0) { $0 << 8 | Int($1) }
                #expect(length == octets.count - 4, "the length is that of command and data")
                log.append("> " + Self.text(octets[4...]))
            case .negotiated(let options):
                log.append("= version \(options.version) actions \(options.actions.rawValue)")
            case .progress: log.append("= progress")
            case .answered(let answer): log.append("= \(answer)")
            case .failed(let fault): log.append("= failed: \(fault)")
            }
        }
    }

    static func text(_ octets: ArraySlice<UInt8>) -> String {
        octets.map { (0x20...0x7E).contains($0) ? String(UnicodeScalar($0)) : "\\\($0)" }.joined()
    }
}

@Suite("The milter protocol, as a mail server speaks it")
struct ClientSessionTests {
    @Test("A message goes event by event, and each is answered", arguments: [false, true])
    func whole(drip: Bool) {
        var filter = Conversation()
        filter.session.begin()
        filter.run()
        filter.hear("O", [0, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0], drip: drip)
        filter.tell(
            .connect(
                name: "client.example", SocketAddress(.v4(IPv4Address(192, 0, 2, 7)), port: 258)),
            macros: [("j", "mx.example"), ("{daemon_name}", "smtp")])
        filter.hear("c", [], drip: drip)
        filter.tell(.hello("client.example"))
        filter.hear("c", [], drip: drip)
        filter.tell(.sender("<a@example.org>", parameters: ["SIZE=7"]))
        filter.hear("c", [], drip: drip)
        filter.tell(.recipient("<b@example.net>", parameters: []))
        filter.hear("c", [], drip: drip)
        filter.tell(.data)
        filter.hear("c", [], drip: drip)
        filter.tell(.field(name: Array("Subject".utf8), value: Array(" a\r\n b".utf8)))
        filter.hear("c", [], drip: drip)
        filter.tell(.endOfHeader)
        filter.hear("c", [], drip: drip)
        filter.tell(.body([104, 105, 13, 10]))
        filter.hear("c", [], drip: drip)
        filter.tell(.endOfMessage)
        filter.hear("p", [], drip: drip)
        filter.hear("h", Array("X-Seen\0yes\0".utf8), drip: drip)
        filter.hear("c", [], drip: drip)
        #expect(
            filter.log == [
                "> O\\0\\0\\0\\6\\0\\0\\01\\0\\31\\247\\255", "= version 6 actions 1",
                "> DCj\\0mx.example\\0{daemon_name}\\0smtp\\0",
                "> Cclient.example\\04\\1\\2192.0.2.7\\0", "= proceed",
                "> Hclient.example\\0", "= proceed",
                "> M<a@example.org>\\0SIZE=7\\0", "= proceed",
                "> R<b@example.net>\\0", "= proceed", "> T", "= proceed",
                "> LSubject\\0a\\10 b\\0", "= proceed", "> N", "= proceed",
                "> Bhi\\13\\10", "= proceed", "> E", "= progress", "= proceed",
            ])
        #expect(
            filter.session.modifications == [.addField(name: "X-Seen", value: Array("yes".utf8))])
    }

    struct Saying: CustomTestStringConvertible, Sendable {
        let command: String
        let data: String
        let result: String
        var testDescription: String { "\(command) \(data.debugDescription)" }
    }

    @Test(
        "Every answer to a recipient is understood",
        arguments: [
            Saying(command: "c", data: "", result: "proceed"),
            Saying(command: "a", data: "", result: "accept"),
            Saying(command: "r", data: "", result: "reject"),
            Saying(command: "t", data: "", result: "temporaryFailure"),
            Saying(command: "d", data: "", result: "discard"),
            Saying(command: "4", data: "", result: "shutDown"),
            Saying(
                command: "y", data: "550 5.7.1 Not you\0",
                result: #"reply(code: 550, status: Optional("5.7.1"), text: "Not you")"#),
            Saying(
                command: "y", data: "451 Later\0",
                result: #"reply(code: 451, status: nil, text: "Later")"#),
            Saying(
                command: "y", data: "550 4.7.1 Mixed\0",
                result: #"reply(code: 550, status: nil, text: "4.7.1 Mixed")"#),
            Saying(
                command: "y", data: "550\0", result: #"reply(code: 550, status: nil, text: "")"#),
            Saying(command: "y", data: "250 Fine\0", result: "failed: `y` cannot be understood"),
            Saying(command: "y", data: "\0", result: "failed: `y` cannot be understood"),
            Saying(command: "s", data: "", result: "failed: `s` came out of turn"),
            Saying(command: "h", data: "A\0b\0", result: "failed: `h` came out of turn"),
            Saying(command: "O", data: "", result: "failed: `O` came out of turn"),
            Saying(command: "?", data: "", result: "failed: `?` came out of turn"),
        ])
    func answers(_ saying: Saying) {
        var filter = Conversation.agreed()
        filter.tell(.recipient("<b@example.net>", parameters: []))
        filter.hear(saying.command, saying.data)
        #expect(filter.log.last == "= \(saying.result)")
    }

    @Test("What a filter does not want is not sent, what it does not answer is not waited for")
    func wishes() {
        var filter = Conversation.agreed(steps: [
            .withoutConnect, .withoutHello, .withoutFields, .silentBody,
        ])
        filter.tell(.hello("client.example"))
        filter.tell(.field(name: Array("To".utf8), value: []))
        filter.tell(.body([1]))
        #expect(filter.log == ["= proceed", "= proceed", "> B\\1", "= proceed"])
    }

    @Test("A filter that has seen enough of the body is sent no more of it, but of the next one")
    func skip() {
        var filter = Conversation.agreed(steps: .skip)
        filter.tell(.body([65]))
        filter.hear("s")
        filter.tell(.body([66]))
        filter.tell(.endOfMessage)
        filter.hear("c")
        filter.tell(.sender("<>", parameters: []))
        filter.hear("c")
        filter.tell(.body([67]))
        #expect(
            filter.log == [
                "> BA", "= skip", "= proceed", "> E", "= proceed", "> M<>\\0", "= proceed", "> BC",
            ])
    }

    struct Change: CustomTestStringConvertible, Sendable {
        let command: String
        let data: [UInt8]
        /// Nil: it is refused.
        let result: Modification?
        var testDescription: String { "\(command) \(Conversation.text(data[...]))" }

        init(_ command: String, _ data: [UInt8], _ result: Modification?) {
            self.command = command
            self.data = data
            self.result = result
        }
        init(_ command: String, _ data: String, _ result: Modification?) {
            self.init(command, Array(data.utf8), result)
        }
    }

    @Test(
        "Every change is understood, and a broken one ends the conversation",
        arguments: [
            Change("h", "A\0b\0", .addField(name: "A", value: [98])),
            Change("h", "A\0\0", .addField(name: "A", value: [])),
            Change("h", "A b\0c\0", nil), Change("h", "A:\0c\0", nil), Change("h", "A", nil),
            Change("h", "\0c\0", nil),
            Change("i", "\0\0\0\u{2}A\0b\0", .insertField(index: 2, name: "A", value: [98])),
            Change("i", "\0\0\0", nil),
            Change("m", "\0\0\0\u{1}A\0\0", .changeField(occurrence: 1, name: "A", value: [])),
            Change("+", "<a@b>\0", .addRecipient("<a@b>", parameters: "")),
            Change(
                "2", "<a@b>\0NOTIFY=NEVER\0", .addRecipient("<a@b>", parameters: "NOTIFY=NEVER")),
            Change("-", "<a@b>\0", .deleteRecipient("<a@b>")), Change("-", "<a@b>", nil),
            Change("e", "<a@b>\0", .changeSender("<a@b>", parameters: "")),
            Change("q", "virus\0", .quarantine("virus")),
        ])
    func modifications(_ change: Change) {
        var filter = Conversation.all()
        filter.tell(.endOfMessage)
        filter.hear(change.command, change.data)
        filter.hear("c")
        #expect(filter.session.modifications == (change.result.map { [$0] } ?? []))
        let end =
            change.result == nil
            ? "= failed: `\(change.command)` cannot be understood" : "= proceed"
        #expect(filter.log.last == end)
    }

    @Test("A filter that asks for more than it is offered is not used")
    func excess() {
        for (actions, steps) in [(UInt32(0x02), UInt32(0)), (1, 0x800), (0x200, 0)] {
            var filter = Conversation()
            filter.session.begin()
            filter.run()
            filter.hear(
                "O", [0, 0, 0, 6] + Conversation.number(actions) + Conversation.number(steps))
            #expect(filter.log.last == "= failed: it wants what is not offered to it")
        }
        // Nor one that changes what was not agreed.
        var filter = Conversation.agreed([])
        filter.tell(.endOfMessage)
        filter.hear("h", "A\0b\0")
        #expect(filter.log.last == "= failed: it wants what is not offered to it")
    }

    @Test(
        "A version that is not known ends it, an old one hears nothing new",
        arguments: [(UInt8(1), false), (2, true), (3, true), (6, true), (7, false)])
    func versions(version: UInt8, isKnown: Bool) {
        var filter = Conversation()
        filter.session.begin()
        filter.run()
        filter.hear("O", [0, 0, 0, version, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(filter.log.last?.hasPrefix("= version") == isKnown)
        guard isKnown else { return }
        filter.tell(.data)
        #expect(filter.log.last == (version < 4 ? "= proceed" : "> T"))
    }

    @Test("Packets without an end, and changes without an end, are not waited for")
    func bounds() {
        for length in [UInt32(0), 65_537, .max] {
            var filter = Conversation.agreed()
            filter.tell(.endOfMessage)
            filter.session.receive(Conversation.number(length))
            filter.run()
            #expect(filter.log.last == "= failed: it sent a packet of \(length) octets")
        }
        var filter = Conversation.all()
        filter.tell(.endOfMessage)
        for _ in 0...1_000 { filter.hear("h", "A\0b\0") }
        #expect(filter.log.last == "= failed: it wants too many changes of one message")
        filter = .all()
        filter.tell(.endOfMessage)
        for _ in 0...1_024 { filter.hear("b", [UInt8](repeating: 1, count: 65_535)) }
        #expect(filter.log.last == "= failed: it wants too many changes of one message")
    }

    @Test("A new body is put together of its chunks, may be empty, and belongs to one message")
    func newBody() {
        var filter = Conversation.all()
        for chunks: [[UInt8]] in [[[1, 0], [2]], [[]], []] {
            filter.tell(.sender("<>", parameters: []))
            filter.hear("c")
            filter.tell(.endOfMessage)
            for chunk in chunks { filter.hear("b", chunk) }
            filter.hear("c")
            #expect(filter.session.newBody == (chunks.isEmpty ? nil : chunks.flatMap(\.self)))
        }
        filter = .agreed([.addFields])
        filter.tell(.endOfMessage)
        filter.hear("b", [1])
        #expect(filter.log.last == "= failed: it wants what is not offered to it")
    }

    @Test("The end of the connection is told once, and nothing after it")
    func ends() {
        var filter = Conversation.agreed()
        filter.tell(.endOfMessage)
        filter.session.receiveEnd()
        filter.session.receiveEnd()
        filter.session.receive(Conversation.packet("c"))
        filter.run()
        #expect(filter.log == ["> E", "= failed: it ended the connection"])
    }

    @Test("A field longer than a packet is cut, and stays a text")
    func longField() {
        var filter = Conversation.agreed()
        filter.session.tell(
            .field(name: Array("To".utf8), value: [UInt8](repeating: 65, count: 70_000)))
        guard case .send(let octets)? = filter.session.next() else {
            Issue.record("nothing is sent")
            return
        }
        #expect(octets.count == 5 + 65_535 && octets.last == 0)
    }
}

extension Conversation {
    /// A filter that may do everything.
    static func all() -> Self {
        var conversation = Self(Options.Actions(rawValue: 0xFF))
        conversation.session.begin()
        conversation.run()
        conversation.hear("O", [0, 0, 0, 6, 0, 0, 0, 0xFF, 0, 0, 0, 0])
        conversation.log = []
        return conversation
    }
}

@Suite("The header, as a filter changes it")
struct HeaderEditTests {
    private static let header = "To: a\r\nReceived: x\r\n\ty\r\nReceived: z\r\nSubject:s\r\n\r\n"

    private static func edited(_ modifications: [Modification]) -> String {
        var edit = HeaderEdit(Array(header.utf8))
        edit.apply(modifications)
        return String(lossy: edit.octets)
    }

    @Test("Unchanged it is the same octets, whatever they are")
    func same() {
        for header in [
            Self.header, "", "\r\n", "no field\r\nTo: a\r\n", "To: a", " first\r\nTo: a\r\n\r\n",
        ] {
            #expect(String(lossy: HeaderEdit(Array(header.utf8)).octets) == header)
        }
    }

    @Test("Fields are told with all their lines")
    func events() {
        let events = HeaderEdit(Array(Self.header.utf8)).events.map { event -> String in
            guard case .field(let name, let value) = event else { return "?" }
            return String(lossy: name) + ":" + String(lossy: value)
        }
        #expect(events == ["To: a", "Received: x\r\n\ty", "Received: z", "Subject:s"])
    }

    @Test("Fields are added, inserted, changed and deleted")
    func changes() {
        #expect(
            Self.edited([.addField(name: "X", value: Array("1\n2".utf8))])
                == "To: a\r\nReceived: x\r\n\ty\r\nReceived: z\r\nSubject:s\r\nX: 1\r\n\t2\r\n\r\n")
        #expect(
            Self.edited([.insertField(index: 0, name: "X", value: Array(" 1".utf8))])
                .hasPrefix("X: 1\r\nTo: a\r\n"))
        #expect(
            Self.edited([.insertField(index: 99, name: "X", value: [])])
                .hasSuffix("Subject:s\r\nX: \r\n\r\n"))
        #expect(
            Self.edited([.changeField(occurrence: 2, name: "received", value: Array("n".utf8))])
                == "To: a\r\nReceived: x\r\n\ty\r\nreceived: n\r\nSubject:s\r\n\r\n")
        #expect(
            Self.edited([.changeField(occurrence: 1, name: "Received", value: [])])
                == "To: a\r\nReceived: z\r\nSubject:s\r\n\r\n")
        #expect(
            Self.edited([.changeField(occurrence: 9, name: "Subject", value: [])]) == Self.header)
    }

    @Test("No value makes a second field, or the end of the header")
    func injection() {
        let text = Self.edited([
            .addField(name: "X", value: Array("1\r\nBcc: b\r\n\r\nbody\0".utf8))
        ])
        #expect(text.hasSuffix("X: 1\r\n\tBcc: b\r\n\tbody\r\n\r\n"))
    }
}
