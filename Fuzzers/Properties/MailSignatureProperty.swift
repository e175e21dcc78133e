// SPDX-License-Identifier: Apache-2.0

import ARC
import Bytes
import DKIM
import DNS
import SimulatedWorld

extension Property {
    /// Signatures of mail and chains of them, with keys of a stranger.
    ///
    /// The first octet chooses how the body comes, the first line is the text of the key record
    /// (for every name), the rest a message. Whatever comes is judged, the same in pieces as in
    /// one; what we sign and seal, we verify; what is canonical stays as it is.
    package static let mailSignature = Property("MailSignature") { input throws(Broken) in
        guard let choice = input.first else { return }
        let lines = input.dropFirst()
        let record = Array(lines.prefix { $0 != .lineFeed })
        let message = Message(Array(lines.dropFirst(record.count + 1)))
        try expectCanonical(message)
        let whole = try judge(message, record, .whole)
        let inPieces = try judge(message, record, choice == 0 ? .drip : .cut(choice))
        try expect(whole == inPieces, "\(whole), but in pieces \(inPieces)")
        guard message.begins else { return }
        try expectRoundTrip(message)
        try expectChain(message)
    }

    private struct Message {
        let header: [UInt8]
        let body: [UInt8]

        /// No message that SMTP lets in has a NUL.
        init(_ octets: [UInt8]) {
            let octets = octets.map { $0 == 0 ? .space : $0 }
            let end: [UInt8] = [.carriageReturn, .lineFeed, .carriageReturn, .lineFeed]
            let place = octets.indices.first { octets[$0...].starts(with: end) }
            header = place.map { Array(octets[..<($0 + 2)]) } ?? octets
            body = place.map { Array(octets[($0 + 4)...]) } ?? []
        }

        /// With a field of its own: not with what would continue one that is put above it.
        var begins: Bool {
            guard let first = header.first else { return true }
            return !first.isWhitespace && header.suffix(2) == [.carriageReturn, .lineFeed]
        }

        func adding(_ fields: [[UInt8]]) -> Message {
            Message(header: Array(fields.joined()) + header, body: body)
        }

        private init(header: [UInt8], body: [UInt8]) {
            self.header = header
            self.body = body
        }
    }

    private static let key = PaperKey(kind: .ed25519, publicKey: Array(1...32))

    private static let keyRecord = Array(
        "v=DKIM1; k=ed25519; p=\(Base64.encode(key.publicKey))".utf8)

    private static let identity = Signer.Identity(
        domain: "example.org", selector: "s", key: key)

    // MARK: - Verifying

    private static func judge(
        _ message: Message, _ record: [UInt8], _ pieces: Pieces
    ) throws(Broken) -> [String] {
        let header = FieldList(message.header)
        var policy = Verification.Policy()
        policy.allowsSHA1 = true
        var verification = Verification(
            header: header, policy: policy, cryptography: PaperCryptography())
        var validation = ChainValidation(
            ReceivedChain(header), policy: policy, cryptography: PaperCryptography())
        for piece in pieces.split(message.body[...]) {
            piece.withUnsafeBytes {
                verification.update($0)
                validation.update($0)
            }
        }
        let keys = OneText(record)
        let (signatures, chain) = (verification, validation)
        let run = try? Simulation(seed: 1).run { () -> [String] in
            var (signatures, chain) = (signatures, chain)
            let (result, findings) = await signatures.finish(resolver: keys, now: 1_700_000_000)
            let verdict = await chain.finish(resolver: keys)
            return [result.rawValue, verdict.status.rawValue, verdict.reason ?? ""]
                + findings.map { "\($0.result.rawValue) \($0.domain ?? "") \($0.reason ?? "")" }
        }
        guard let run else { throw Broken("verifying does not end") }
        let expected = header.count(named: "dkim-signature".utf8)
        try expect(run.count == 3 + expected, "\(run.count - 3) findings for \(expected) fields")
        return run
    }

    // MARK: - Signing

    private static func expectRoundTrip(_ message: Message) throws(Broken) {
        for headerForm in [Canonicalization.simple, .relaxed] {
            for bodyForm in [Canonicalization.simple, .relaxed] {
                var settings = Signer.Settings()
                settings.headerForm = headerForm
                settings.bodyForm = bodyForm
                var signer = Signer(
                    header: FieldList(message.header), settings: settings,
                    cryptography: PaperCryptography())
                message.body.withUnsafeBytes { signer.update($0) }
                guard let fields = try? signer.finish([identity]) else {
                    throw Broken("it cannot be signed")
                }
                try expect(fields.joined().hasWholeLineEnds, "a field with a bare line end")
                let results = try judge(message.adding(fields), keyRecord, .whole)
                // The same message may hold as many signatures as are looked at.
                try expect(
                    results[3].hasPrefix("pass "),
                    "signed \(headerForm)/\(bodyForm), and then \(results)")
            }
        }
    }

    /// What one of us seals, the next finds in order.
    private static func expectChain(_ message: Message) throws(Broken) {
        let results = Array("Authentication-Results: mx.example; spf=none\r\n".utf8)
        let received = message.adding([results])
        let before = try judge(received, keyRecord, .whole)[1]
        guard let status = ReceivedChain.Status(rawValue: before) else {
            throw Broken("a chain is \(before)")
        }
        var sealing = Sealing(
            settings: .init(authservID: "mx.example", identity: identity),
            cryptography: PaperCryptography())
        received.body.withUnsafeBytes { sealing.update($0) }
        let chain = ReceivedChain(FieldList(received.header))
        guard let fields = try? sealing.finish(chain, status) else {
            throw Broken("it cannot be sealed")
        }
        guard !fields.isEmpty else { return }
        try expect(fields.count == 3, "\(fields.count) fields")
        try expect(fields.joined().hasWholeLineEnds, "a field with a bare line end")
        let after = try judge(received.adding(fields), keyRecord, .whole)
        try expect(after[1] == (status == .fail ? "fail" : "pass"), "was \(before), is \(after)")
    }

    // MARK: - Canonical forms

    private static func expectCanonical(_ message: Message) throws(Broken) {
        for form in [Canonicalization.simple, .relaxed] {
            let once = canonical(form, message.body)
            try expect(
                canonical(form, once) == once,
                "\(form): \(once), canonical again \(canonical(form, once))")
            let fields = form.canonical(FieldList(message.header).fields)
            try expect(
                form.canonical(FieldList(fields).fields) == fields || !fields.hasWholeLineEnds,
                "\(form): fields \(fields)")
        }
    }

    private static func canonical(_ form: Canonicalization, _ body: [UInt8]) -> [UInt8] {
        var canonicalizer = BodyCanonicalizer(form)
        var result: [UInt8] = []
        body.withUnsafeBytes { canonicalizer.update($0) { result += $0 } }
        canonicalizer.finish { result += $0 }
        return result
    }
}

/// The same TXT record at every name.
private struct OneText: Resolver {
    let text: [UInt8]

    init(_ text: [UInt8]) { self.text = text }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        guard type == .txt, !text.isEmpty else { return Answer(.nameError) }
        let strings = stride(from: 0, to: text.count, by: 255).map {
            Array(text[$0..<min($0 + 255, text.count)])
        }
        return Answer(
            .records,
            records: [ResourceRecord(owner: name, type: .txt, ttl: 60, data: .txt(strings))])
    }
}
