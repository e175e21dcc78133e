// SPDX-License-Identifier: Apache-2.0

import Bytes
import Milter

extension Property {
    /// What a filter says, or what has taken its place (the milter protocol).
    ///
    /// The first octet chooses what is offered, the second how the input is cut, the rest is what
    /// the filter sends. Octet by octet, in pieces and at once, the same is said and understood;
    /// each event has one answer, and no change that is asked for ends a header or a field.
    package static let filterSession = Property("FilterSession") { input throws(Broken) in
        guard input.count >= 2 else { return }
        var transcripts: [[String]] = []
        for way in [Pieces.whole, .drip, .cut(input[1])] {
            var conversation = FilterConversation(offers: input[0])
            transcripts.append(try conversation.hold(way.split(input[2...])))
        }
        try expect(
            transcripts[0] == transcripts[1], "drip-fed, it goes otherwise: \(transcripts)")
        try expect(transcripts[0] == transcripts[2], "in pieces it goes otherwise: \(transcripts)")
    }
}

/// A mail server that tells one message after another for as long as it is answered.
private struct FilterConversation {
    private var session: ClientSession
    private var transcript: [String] = []
    private var told = 0
    private var isAsking = false
    private var isOver = false

    private static let header = Array(
        "Received: from a\r\n\tby b\r\nFrom: a@example.org\r\nSubject: one\r\nno field\r\n\r\n".utf8
    )

    private static let events: [Event] = {
        var events: [Event] = [.hello("a.example"), .sender("<a@example.org>", parameters: [])]
        if let address = SocketAddress("192.0.2.1:25") {
            events.insert(.connect(name: "a.example", address), at: 0)
        }
        events += [.recipient("<b@example.net>", parameters: ["NOTIFY=NEVER"]), .data]
        events += HeaderEdit(header).events
        return events + [.endOfHeader, .body(Array("text\r\n".utf8)[...]), .endOfMessage]
    }()

    init(offers: UInt8) {
        var steps = Options.Steps.known
        if offers & 0x40 != 0 { steps.remove(.skip) }
        session = ClientSession(
            Options(
                version: offers & 0x80 == 0 ? 6 : 4,
                actions: .init(rawValue: UInt32(offers & 0x3F) << 2 | 0x03), steps: steps))
    }

    mutating func hold(_ pieces: [[UInt8]]) throws(Property.Broken) -> [String] {
        session.begin()
        try work()
        for piece in pieces {
            session.receive(piece)
            try work()
        }
        session.receiveEnd()
        try work()
        try expect(isOver, "it does not end with its connection")
        return transcript
    }

    private mutating func work() throws(Property.Broken) {
        while let step = session.next() {
            try expect(!isOver, "after its failure it goes on: \(step)")
            switch step {
            case .send(let packet):
                let length = packet.prefix(4).reduce(0) { $0 << 8 | Int($1) }
                try expect(
                    packet.count > 4 && length == packet.count - 4 && length <= 65_536,
                    "a packet of \(packet.count) octets says \(length)")
                continue
            case .negotiated: tell()
            case .progress: break
            case .answered:
                try expect(isAsking, "an answer to nothing")
                isAsking = false
                try look()
                tell()
            case .failed: isOver = true
            }
            transcript.append("\(step)")
        }
    }

    private mutating func tell() {
        // The first three stand once, what follows begins anew with each message.
        if told == Self.events.count { told = 2 }
        isAsking = true
        session.tell(Self.events[told], macros: [("i", "1")])
        told += 1
    }

    private mutating func look() throws(Property.Broken) {
        let modifications = session.modifications
        try expect(modifications.count <= 1000, "\(modifications.count) changes")
        guard !modifications.isEmpty else { return }
        var edit = HeaderEdit(Self.header)
        edit.apply(modifications)
        let octets = edit.octets
        try expect(octets.hasWholeLineEnds, "a line that is none: \(String(lossy: octets))")
        let end: [UInt8] = [.carriageReturn, .lineFeed, .carriageReturn, .lineFeed]
        let place = octets.indices.first { octets[$0...].starts(with: end) }
        try expect(place == octets.count - 4, "a header within: \(String(lossy: octets))")
        var again = HeaderEdit(octets)
        try expect(again.octets == octets, "taken apart once more, it is another")
        again.apply([])
        transcript.append(String(lossy: octets))
    }
}
