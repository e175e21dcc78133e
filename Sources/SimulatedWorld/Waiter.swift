// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// A task that waits for something in the simulation; woken once, later calls are nothing.
final class Waiter: @unchecked Sendable {
    typealias Result = Swift.Result<Void, NetworkFailure>

    private let purpose: StaticString
    private let subject: Subject
    private var result: Result?
    private var continuation: CheckedContinuation<Result, Never>?

    /// Whose waiting it is, told only when somebody asks.
    enum Subject {
        case nothing
        case address(SocketAddress)
        case path(SocketAddress, SocketAddress)
    }

    init(_ purpose: StaticString, _ subject: Subject) {
        self.purpose = purpose
        self.subject = subject
    }

    func wake(_ result: Result = .success(())) {
        guard self.result == nil else { return }
        self.result = result
        continuation?.resume(returning: result)
        continuation = nil
    }

    func park(_ continuation: CheckedContinuation<Result, Never>) {
        if let result {
            continuation.resume(returning: result)
        } else {
            self.continuation = continuation
        }
    }

    var description: String {
        switch subject {
        case .nothing: "\(purpose)"
        case .address(let address): "\(purpose) \(address)"
        case .path(let from, let to): "\(from) \(purpose) \(to)"
        }
    }
}

extension Simulation {
    /// Waits until the waiter is woken, the deadline passes, or the task is cancelled.
    ///
    /// `register` puts the waiter where it will be found by what it waits for.
    func wait(
        _ purpose: StaticString, _ subject: Waiter.Subject, until deadline: Instant,
        heedingCancellation: Bool = true, _ register: (Waiter) -> Void
    ) async throws(NetworkFailure) {
        turn()
        guard deadline > now else { throw .deadlinePassed }
        let waiter = Waiter(purpose, subject)
        register(waiter)
        // A deadline nobody will see is none: an idle server must not turn the clock to the end.
        let timer =
            deadline.nanoseconds < Int64.max / 2
            ? at(deadline) { waiter.wake(.failure(.deadlinePassed)) } : nil
        let number = enter(waiter)
        let result: Waiter.Result
        if heedingCancellation {
            result = await withTaskCancellationHandler {
                await withCheckedContinuation { waiter.park($0) }
            } onCancel: {
                waiter.wake(.failure(.cancelled))
            }
        } else {
            result = await withCheckedContinuation { waiter.park($0) }
        }
        leave(number)
        if let timer { callOff(timer) }
        try result.get()
    }
}
