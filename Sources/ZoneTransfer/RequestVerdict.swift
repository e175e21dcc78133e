// SPDX-License-Identifier: Apache-2.0

package import DNS

/// What a server makes of a request's signature (RFC 8945 §5.2).
package enum RequestVerdict: Sendable {
    /// There is none.
    case unsigned
    /// FORMERR.
    case malformed(String)
    /// NOTAUTH, with the fault in the response's own TSIG record.
    case refused(RefusedSignature)
    /// It holds.
    case signed(SignedRequest)

    /// Judges in the order that the RFC sets: key, code, time, truncation.
    ///
    /// `key` looks a key up by its name.
    package static func judge(
        _ message: [UInt8], _ hash: any KeyedHash, atSeconds now: UInt64,
        key find: (Name) -> TransactionKey?
    ) -> RequestVerdict {
        let stripped: [UInt8]
        let signature: TransactionSignature
        do throws(TransactionSignature.Malformed) {
            let parts = try TransactionSignature.separate(message)
            guard let found = parts.signature else { return .unsigned }
            (stripped, signature) = (parts.message, found)
        } catch {
            return .malformed(error.reason)
        }
        // RFC 8945 §5.2.1: a key of another algorithm is another key.
        guard let key = find(signature.key), key.algorithm.name == signature.algorithm else {
            return .refused(RefusedSignature(.badKey, signature))
        }
        let length = signature.code.count
        // RFC 8945 §5.2.2.1.
        guard length <= key.algorithm.octetCount,
            length >= max(10, key.algorithm.octetCount / 2)
        else { return .malformed("the length of its code is not allowed") }
        let expected = hash.code(
            key.algorithm, secret: key.secret,
            over: signature.digested(prior: nil, messages: stripped, timesOnly: false))
        guard areEqualInConstantTime(expected.prefix(length), signature.code) else {
            return .refused(RefusedSignature(.badSignature, signature))
        }
        guard signature.isCurrent(atSeconds: now) else {
            return .refused(RefusedSignature(.badTime, signature, key, hash, now))
        }
        // RFC 8945 §5.2.4: nobody needs to save these octets here.
        guard length == key.algorithm.octetCount else {
            return .refused(RefusedSignature(.badTruncation, signature, key, hash, now))
        }
        return .signed(SignedRequest(message: stripped, key: key, code: signature.code))
    }
}

/// A request whose signature holds.
package struct SignedRequest: Sendable {
    /// Without the signature.
    package let message: [UInt8]
    package let key: TransactionKey
    /// The responses' codes follow it.
    package let code: [UInt8]

    /// Signs the responses.
    package func signer(_ hash: any KeyedHash) -> MessageSigner {
        MessageSigner(key, hash, answering: code)
    }
}

/// A signature that does not hold, and how that is said.
package struct RefusedSignature: Sendable {
    package let fault: TransactionSignature.Fault
    package let signature: TransactionSignature
    /// Only who knows the secret learns more than that it does not hold.
    private let signing: (key: TransactionKey, hash: any KeyedHash, now: UInt64)?

    init(_ fault: TransactionSignature.Fault, _ signature: TransactionSignature) {
        self.fault = fault
        self.signature = signature
        signing = nil
    }

    init(
        _ fault: TransactionSignature.Fault, _ signature: TransactionSignature,
        _ key: TransactionKey, _ hash: any KeyedHash, _ now: UInt64
    ) {
        self.fault = fault
        self.signature = signature
        signing = (key, hash, now)
    }

    /// The response (RFC 8945 §5.3.2): header and question of the request, NOTAUTH, and TSIG.
    package func response(to request: [UInt8]) -> [UInt8] {
        let message = refusal(of: request, .notAuthoritative)
        var answer = TransactionSignature(
            key: signature.key, algorithm: signature.algorithm,
            signedSeconds: signature.signedSeconds, fudgeSeconds: signature.fudgeSeconds,
            originalID: signature.originalID, error: fault.rawValue)
        guard let signing else { return answer.attached(to: message) }
        if fault == .badTime {
            answer.otherData.appendSeconds(signing.now)
        } else {
            answer.signedSeconds = signing.now
        }
        answer.code = signing.hash.code(
            signing.key.algorithm, secret: signing.key.secret,
            over: answer.digested(prior: signature.code, messages: message, timesOnly: false))
        return answer.attached(to: message)
    }
}

/// A response with a code and the request's question, if it has one that can be read.
///
/// In an update the zone section stands in the place of the question (RFC 2136 §3.8).
package func refusal(of request: [UInt8], _ code: ResponseCode) -> [UInt8] {
    var header = Header(
        id: UInt16(request[0]) << 8 | UInt16(request[1]),
        flags: UInt16(request[2]) << 8 | UInt16(request[3]))
    // Opcode and RD come back.
    header.flags &= 0x7900
    header.isResponse = true
    header.responseCode = code
    var writer = MessageWriter()
    writer.begin(header, limit: Message.maximumOctets)
    if let question = Question(firstOf: request) { _ = writer.write(question) }
    return writer.octets
}

extension Question {
    /// The first question of a message; nil if there is none that can be read.
    package init?(firstOf message: [UInt8]) {
        guard message.count > Header.octets, message[4] != 0 || message[5] != 0 else { return nil }
        var reader = WireReader(message)
        do {
            _ = try reader.take(Header.octets)
            self.init(
                name: try reader.name(), type: RecordType(rawValue: try reader.short()),
                class: RecordClass(rawValue: try reader.short()))
        } catch {
            return nil
        }
    }
}
