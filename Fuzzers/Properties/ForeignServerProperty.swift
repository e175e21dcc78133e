// SPDX-License-Identifier: Apache-2.0

import IMAPClient

extension Property {
    /// What the IMAP client reads of a server that is somebody else's.
    ///
    /// The first octet says how the input is cut. However it comes, the same responses are read;
    /// what is kept of them stays within its bounds, and what they say is taken without a crash.
    package static let foreignServer = Property("ForeignServer") { input throws(Broken) in
        guard let first = input.first else { return }
        let readings = [Pieces.whole, .drip, .cut(first)].map {
            ForeignReading($0.split(input[1...]))
        }
        try expect(readings[0] == readings[1], "drip-fed, it is read otherwise: \(readings)")
        try expect(readings[0] == readings[2], "in pieces it is read otherwise: \(readings)")
        for response in readings[0].responses {
            for value in response.values { try expectBounded(value, depth: 0) }
            _ = FetchedData(response)
            _ = VanishedData(response)
            _ = ListedMailbox(response)
            _ = ServerNamespace.all(response)
            _ = ClientSession.code("UIDVALIDITY", of: response.text)
        }
        let conversations = [Pieces.whole, .drip].map {
            ForeignConversation($0.split(input[1...])).transcript
        }
        try expect(conversations[0] == conversations[1], "drip-fed, it goes otherwise")
    }

    private static func expectBounded(
        _ value: ResponseValue, depth: Int
    ) throws(Broken) {
        try expect(depth <= ResponseReader.depthLimit + 1, "lists are nested too deeply")
        for inner in value.list ?? [] { try expectBounded(inner, depth: depth + 1) }
    }
}

/// What is read of a server's octets.
private struct ForeignReading: Equatable {
    var responses: [Response] = []
    var failure: ProtocolFailure?

    init(_ pieces: [[UInt8]]) {
        var reader = ResponseReader()
        for piece in pieces where failure == nil {
            reader.receive(piece)
            do {
                while let response = try reader.next() { responses.append(response) }
            } catch {
                failure = error
            }
        }
    }
}

/// A client that asks one thing after another until the server has nothing more to say.
private struct ForeignConversation {
    private(set) var transcript: [String] = []

    init(_ pieces: [[UInt8]]) {
        var session = ClientSession(.init(user: "anna", password: "secret", startsTLS: false))
        for piece in pieces {
            session.receive(piece)
            do {
                while let step = try session.next() {
                    transcript.append("\(step)")
                    switch step {
                    case .ready, .completed: session.begin("NOOP")
                    case .startTLS: session.startedTLS()
                    case .send, .data: break
                    }
                }
            } catch {
                transcript.append("\(error)")
                return
            }
        }
    }
}
