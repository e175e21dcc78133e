// SPDX-License-Identifier: Apache-2.0

import DNS

/// Judges the signatures of a response, message after message, as the client (RFC 8945 §5.4).
package struct ResponseVerification: Sendable {
    /// Why a response does not count.
    package enum Failure: Error, Hashable, Sendable {
        /// Signed otherwise than agreed, or not at all where it must be.
        case notAuthentic(String)
        /// The server found a fault in the request's signature; `serverSeconds` with BADTIME.
        case fault(TransactionSignature.Fault, serverSeconds: UInt64?)
    }

    private let key: TransactionKey
    private let hash: any KeyedHash
    private var prior: [UInt8]
    /// Messages without a signature since the last one with it.
    private var pending: [UInt8] = []
    private var pendingCount = 0
    private var isFirst = true

    /// RFC 8945 §5.3.1.
    private static let maximumUnsigned = 99

    /// `request`: the code of the request.
    package init(_ key: TransactionKey, _ hash: any KeyedHash, request: [UInt8]) {
        self.key = key
        self.hash = hash
        prior = request
    }

    /// Whether everything so far is signed: asked at the end of the response.
    package var isComplete: Bool { !isFirst && pendingCount == 0 }

    /// Takes a message of the response, and hands it out without its signature.
    ///
    /// What it says counts only once `isComplete` says so.
    package mutating func receive(
        _ message: [UInt8], atSeconds now: UInt64
    ) throws(Failure) -> [UInt8] {
        let stripped: [UInt8]
        let found: TransactionSignature?
        do throws(TransactionSignature.Malformed) {
            (stripped, found) = try TransactionSignature.separate(message)
        } catch {
            throw .notAuthentic(error.reason)
        }
        guard let signature = found else {
            guard !isFirst, pendingCount < Self.maximumUnsigned else {
                throw .notAuthentic("it is not signed")
            }
            pending += stripped
            pendingCount += 1
            return stripped
        }
        guard signature.key == key.name, signature.algorithm == key.algorithm.name else {
            throw .notAuthentic("it is signed with another key, \(signature.key)")
        }
        if signature.code.isEmpty, let fault = signature.fault {
            // Anyone may say so: it is told, and ends the attempt.
            throw .fault(fault, serverSeconds: nil)
        }
        let expected = hash.code(
            key.algorithm, secret: key.secret,
            over: signature.digested(
                prior: prior, messages: pending + stripped, timesOnly: !isFirst))
        guard areEqualInConstantTime(expected, signature.code) else {
            throw .notAuthentic("its signature is wrong")
        }
        if let fault = signature.fault {
            let seconds =
                signature.otherData.count == 6
                ? signature.otherData.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } : nil
            throw .fault(fault, serverSeconds: seconds)
        }
        guard signature.isCurrent(atSeconds: now) else {
            throw .notAuthentic("it was signed at another time: the clocks differ")
        }
        prior = signature.code
        pending = []
        pendingCount = 0
        isFirst = false
        return stripped
    }
}

extension ResponseVerification.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notAuthentic(let reason): "the response is not authentic: \(reason)"
        case .fault(.badKey, _): "the server does not know the key (BADKEY)"
        case .fault(.badSignature, _): "the server finds the signature wrong (BADSIG)"
        case .fault(.badTime, let seconds):
            "the server's clock differs from ours (BADTIME)"
                + (seconds.map { ": it says \($0) seconds since 1970" } ?? "")
        case .fault(.badTruncation, _): "the server finds the signature too short (BADTRUNC)"
        }
    }
}
