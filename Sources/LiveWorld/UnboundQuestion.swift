// SPDX-License-Identifier: Apache-2.0

import Bytes
import CUnbound
import DNS
import Synchronization
import World

/// One question on its way through libunbound; it is answered exactly once.
final class UnboundQuestion: Sendable {
    /// Aliases read from one answer: libunbound itself follows fewer.
    private static let maximumAliases = 16

    let name: Name
    let type: RecordType
    let deadline: Instant
    private let waiter = Mutex<CheckedContinuation<Answer, Never>?>(nil)
    private let cancelled = Atomic(false)

    init(_ name: Name, _ type: RecordType, deadline: Instant) {
        self.name = name
        self.type = type
        self.deadline = deadline
    }

    /// Whether nobody waits for it any more.
    var isAnswered: Bool { waiter.withLock { $0 == nil } }

    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    func wait(_ continuation: CheckedContinuation<Answer, Never>) {
        waiter.withLock { $0 = continuation }
    }

    /// The worker answers it at its next look.
    func cancel() { cancelled.store(true, ordering: .relaxed) }

    func answer(_ answer: Answer) {
        let continuation = waiter.withLock { waiter in
            defer { waiter = nil }
            return waiter
        }
        continuation?.resume(returning: answer)
    }

    /// Reads what libunbound found; `result` stays the caller's.
    func answer(error: CInt, _ result: UnsafePointer<ub_result>?) {
        guard error == 0, let result = result?.pointee else {
            answer(Answer(.failure(.malformed(String(cString: ub_strerror(error))))))
            return
        }
        answer(answer(result))
    }

    private func answer(_ result: ub_result) -> Answer {
        if result.bogus != 0 {
            let reason = result.why_bogus.map { String(cString: $0) } ?? "no reason given"
            return Answer(.failure(.bogus(reason)))
        }
        do {
            let aliases = try aliases(result)
            let records = try records(result, owner: aliases.last ?? name)
            return Answer(
                outcome(result), records: records, aliases: aliases,
                isSecure: result.secure != 0, ttl: UInt32(clamping: result.ttl))
        } catch {
            return Answer(.failure(.malformed("\(error)")))
        }
    }

    private func outcome(_ result: ub_result) -> Answer.Outcome {
        if result.havedata != 0 { return .records }
        switch ResponseCode(rawValue: UInt16(clamping: result.rcode)) {
        case .nameError: return .nameError
        case .noError: return result.nxdomain != 0 ? .nameError : .noData
        case .serverFailure: return .failure(.serverFailure)
        case .refused: return .failure(.refused)
        case let code: return .failure(.malformed("response code \(code.rawValue)"))
        }
    }

    private func records(
        _ result: ub_result, owner: Name
    ) throws(SyntaxError) -> [ResourceRecord] {
        guard result.havedata != 0, let data = result.data, let lengths = result.len else {
            return []
        }
        var records: [ResourceRecord] = []
        var index = 0
        while let octets = data[index] {
            let raw = UnsafeRawBufferPointer(start: octets, count: Int(lengths[index]))
            var reader = WireReader(Array(raw))
            records.append(
                ResourceRecord(
                    owner: owner, type: type, ttl: UInt32(clamping: result.ttl),
                    data: try RecordData(type, &reader)))
            index += 1
        }
        return records
    }

    /// The names the CNAME records of the answer lead to, in order.
    private func aliases(_ result: ub_result) throws(SyntaxError) -> [Name] {
        guard let packet = result.answer_packet, type != .cname else { return [] }
        let raw = UnsafeRawBufferPointer(start: packet, count: Int(result.answer_len))
        let message = try Message(parsing: Array(raw))
        var aliases: [Name] = []
        var current = name
        while aliases.count < Self.maximumAliases,
            let record = message.answers.first(where: { $0.owner == current && $0.type == .cname }),
            case .cname(let target) = record.data
        {
            aliases.append(target)
            current = target
        }
        return aliases
    }
}
