// SPDX-License-Identifier: Apache-2.0

import DNS
import Testing
import ZoneTransfer

@Suite("RFC 8945 signatures of requests and responses")
struct TransactionSignatureTests {
    private let hash = SampleZone.hash
    private let now = SampleZone.now

    private func query(id: UInt16 = 77) throws -> [UInt8] {
        TransferQuery.octets(origin: try Name("example.org"), id: id, from: nil)
    }

    private func judge(
        _ message: [UInt8], _ keys: [TransactionKey], at seconds: UInt64? = nil
    ) -> RequestVerdict {
        RequestVerdict.judge(message, hash, atSeconds: seconds ?? now) { name in
            keys.first { $0.name == name }
        }
    }

    @Test(
        "What is signed is known by its key, without its signature",
        arguments: TransactionKey.Algorithm.allCases)
    func roundTrip(algorithm: TransactionKey.Algorithm) throws {
        let key = try SampleZone.key("A.Key", algorithm)
        var signer = MessageSigner(key, hash)
        let message = try query()
        let signed = signer.sign(message, atSeconds: now)
        #expect(signed.count <= message.count + TransactionSignature.octets(key))
        // The key's name is looked up without its letter case.
        let known = try SampleZone.key("a.kEY", algorithm)
        guard case .signed(let request) = judge(signed, [known]) else {
            Issue.record("\(judge(signed, [known]))")
            return
        }
        #expect(request.message == message)
        #expect(request.key == known)
        #expect(request.code == signer.code)
    }

    @Test("A forwarder may give the message another identifier")
    func otherIdentifier() throws {
        var signer = MessageSigner(try SampleZone.key(), hash)
        var signed = signer.sign(try query(id: 77), atSeconds: now)
        signed[0] = 0xAB
        guard case .signed(let request) = judge(signed, [try SampleZone.key()]) else {
            Issue.record("it does not count")
            return
        }
        #expect(try request.message == query(id: 77))
    }

    @Test("No octet can be changed without its being noticed")
    func everyOctet() throws {
        let key = try SampleZone.key()
        var signer = MessageSigner(key, hash)
        let signed = signer.sign(try query(), atSeconds: now)
        for place in 2..<signed.count {
            var changed = signed
            changed[place] ^= 0x01
            if case .signed(let request) = judge(changed, [key]) {
                // The key's letter case is not signed; nothing else is left out.
                #expect(request.message == (try query()), "octet \(place)")
                Issue.record("octet \(place) is not covered")
            }
        }
    }

    private func refusal(of verdict: RequestVerdict) -> RefusedSignature? {
        if case .refused(let refused) = verdict { refused } else { nil }
    }

    @Test("A key that is not known, or of another algorithm: BADKEY, unsigned")
    func badKey() throws {
        var signer = MessageSigner(try SampleZone.key(), hash)
        let signed = signer.sign(try query(), atSeconds: now)
        for keys in [[], [try SampleZone.key("transfer.key", .sha512)]] {
            let refused = try #require(refusal(of: judge(signed, keys)))
            #expect(refused.fault == .badKey)
            let parts = try TransactionSignature.separate(refused.response(to: signed))
            let message = try Message(parsing: parts.message)
            #expect(message.responseCode == .notAuthoritative && message.header.id == 77)
            #expect(message.questions.map(\.type) == [.axfr])
            #expect(parts.signature?.fault == .badKey && parts.signature?.code == [])
        }
    }

    @Test("A wrong secret: BADSIG, unsigned, and the client says what is the matter")
    func badSignature() throws {
        var signer = MessageSigner(try SampleZone.key(secret: 1), hash)
        let signed = signer.sign(try query(), atSeconds: now)
        let refused = try #require(refusal(of: judge(signed, [try SampleZone.key(secret: 2)])))
        #expect(refused.fault == .badSignature)
        var verification = ResponseVerification(
            try SampleZone.key(secret: 1), hash, request: signer.code)
        #expect(throws: ResponseVerification.Failure.fault(.badSignature, serverSeconds: nil)) {
            _ = try verification.receive(refused.response(to: signed), atSeconds: now)
        }
    }

    @Test("Another time: BADTIME, signed, with the client's time and the server's own")
    func badTime() throws {
        let key = try SampleZone.key()
        for (distance, isFine) in [
            (0, true), (300, true), (301, false), (-300, true), (-301, false),
        ] {
            var signer = MessageSigner(key, hash)
            let signed = signer.sign(try query(), atSeconds: now)
            let then = UInt64(Int64(now) + Int64(distance))
            let verdict = judge(signed, [key], at: then)
            guard !isFine else {
                #expect(refusal(of: verdict) == nil)
                continue
            }
            let refused = try #require(refusal(of: verdict))
            let response = refused.response(to: signed)
            let signature = try #require(TransactionSignature.separate(response).signature)
            #expect(signature.signedSeconds == now && signature.fudgeSeconds == 300)
            #expect(signature.otherData.count == 6 && !signature.code.isEmpty)
            var verification = ResponseVerification(key, hash, request: signer.code)
            #expect(throws: ResponseVerification.Failure.fault(.badTime, serverSeconds: then)) {
                _ = try verification.receive(response, atSeconds: now)
            }
        }
    }

    @Test("A code cut shorter is BADTRUNC; below ten octets or half, or too long, FORMERR")
    func truncation() throws {
        let key = try SampleZone.key()
        var signer = MessageSigner(key, hash)
        let message = try query()
        let signed = signer.sign(message, atSeconds: now)
        // Behind the code stand identifier, error and the length of other data: six octets.
        func cut(to count: Int) -> [UInt8] {
            var octets = signed
            let start = octets.count - 6 - 32
            octets.removeSubrange(start + min(count, 32)..<start + 32)
            octets.insert(contentsOf: [UInt8](repeating: 0, count: max(0, count - 32)), at: start)
            octets[start - 1] = UInt8(count)
            let data = message.count + key.name.wire.count + 8
            let length = octets.count - data - 2
            octets[data] = UInt8(length >> 8)
            octets[data + 1] = UInt8(length & 0xFF)
            return octets
        }
        guard case .signed = judge(cut(to: 32), [key]) else {
            Issue.record("the test's own cutting is wrong")
            return
        }
        #expect(refusal(of: judge(cut(to: 31), [key]))?.fault == .badTruncation)
        #expect(refusal(of: judge(cut(to: 16), [key]))?.fault == .badTruncation)
        for count in [0, 9, 15, 33] {
            guard case .malformed = judge(cut(to: count), [key]) else {
                Issue.record("\(count) octets: \(judge(cut(to: count), [key]))")
                return
            }
        }
        // Another code, cut: the code is judged before its length is.
        var wrong = cut(to: 16)
        wrong[wrong.count - 7] ^= 1
        #expect(refusal(of: judge(wrong, [key]))?.fault == .badSignature)
    }

    @Test("A signature that is not the last record, or stands twice, is malformed")
    func position() throws {
        let key = try SampleZone.key()
        var signer = MessageSigner(key, hash)
        var signed = signer.sign(try query(), atSeconds: now)
        var twice = MessageSigner(key, hash)
        guard case .malformed = judge(twice.sign(signed, atSeconds: now), [key]) else {
            Issue.record("two signatures are taken")
            return
        }
        signed[11] = 2
        signed += [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]
        guard case .malformed = judge(signed, [key]) else {
            Issue.record("a record behind the signature is taken")
            return
        }
        guard case .unsigned = judge(try query(), [key]) else {
            Issue.record("no signature is a signature")
            return
        }
    }

    @Test("A response in many messages is a chain; some of them may be unsigned, not the last")
    func stream() throws {
        let key = try SampleZone.key()
        var client = MessageSigner(key, hash)
        let signed = client.sign(try query(), atSeconds: now)
        guard case .signed(let request) = judge(signed, [key]) else {
            Issue.record("the request is refused")
            return
        }
        var server = request.signer(hash)
        let plain = [[UInt8]](
            repeating: [0, 77, 0x84, 0, 0, 0, 0, 0, 0, 0, 0, 0], count: 5)
        let messages = plain.enumerated().map { server.sign($1, atSeconds: now + UInt64($0)) }
        var verification = ResponseVerification(key, hash, request: client.code)
        #expect(!verification.isComplete)
        for (place, message) in messages.enumerated() {
            #expect(try verification.receive(message, atSeconds: now) == plain[place])
            #expect(verification.isComplete)
        }
        // Another order is another stream.
        var swapped = ResponseVerification(key, hash, request: client.code)
        _ = try swapped.receive(messages[0], atSeconds: now)
        #expect(throws: ResponseVerification.Failure.self) {
            _ = try swapped.receive(messages[2], atSeconds: now)
        }
        // The first one must be signed.
        var unsigned = ResponseVerification(key, hash, request: client.code)
        #expect(throws: ResponseVerification.Failure.self) {
            _ = try unsigned.receive(plain[0], atSeconds: now)
        }
        var many = ResponseVerification(key, hash, request: client.code)
        _ = try many.receive(messages[0], atSeconds: now)
        for _ in 0..<99 { _ = try many.receive(plain[0], atSeconds: now) }
        #expect(!many.isComplete)
        #expect(throws: ResponseVerification.Failure.self) {
            _ = try many.receive(plain[0], atSeconds: now)
        }
    }

    @Test("The client takes no answer to another request, and none with another key")
    func foreign() throws {
        let key = try SampleZone.key()
        var client = MessageSigner(key, hash)
        let signed = client.sign(try query(), atSeconds: now)
        guard case .signed(let request) = judge(signed, [key]) else { return }
        var server = request.signer(hash)
        let answer = server.sign(try query(), atSeconds: now)
        var other = ResponseVerification(key, hash, request: [1, 2, 3])
        #expect(throws: ResponseVerification.Failure.self) {
            _ = try other.receive(answer, atSeconds: now)
        }
        var otherKey = ResponseVerification(
            try SampleZone.key("other.key"), hash, request: client.code)
        #expect(throws: ResponseVerification.Failure.self) {
            _ = try otherKey.receive(answer, atSeconds: now)
        }
        var late = ResponseVerification(key, hash, request: client.code)
        #expect(throws: ResponseVerification.Failure.self) {
            _ = try late.receive(answer, atSeconds: now + 400)
        }
    }
}

@Suite("RFC 1982 serial numbers")
struct SerialNumberTests {
    @Test(
        "Newer is what lies less than half a round ahead",
        arguments: [
            (1, 0, true), (0, 1, false), (5, 5, false), (0, .max, true), (.max, 0, false),
            (0x8000_0000, 0, false), (0x7FFF_FFFF, 0, true), (0, 0x8000_0001, true),
        ] as [(UInt32, UInt32, Bool)])
    func order(left: UInt32, right: UInt32, isNewer: Bool) {
        #expect(SerialNumber.isNewer(left, than: right) == isNewer)
    }
}
