// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import World

/// Says how far a command is that takes long (RFC 9585 INPROGRESS).
extension IMAPVisit {
    /// RFC 9585 §4: every 10 to 15 seconds.
    private static let progressInterval = Duration.seconds(10)
    /// Fewer are copied before anybody could wonder.
    private static let manyMessages = 1000

    /// A command has treated the messages below a UID.
    mutating func tellProgress(_ next: UInt32, of open: OpenMailbox) async throws(Ending) {
        let now = service.surroundings.time.now
        guard now - toldProgress >= Self.progressInterval else { return }
        let uids = open.view.uids
        guard next > 1 else { return }
        let done = uids.numbers(of: NumberSet(1...next - 1)).max ?? 0
        // §4: the end is told by the tagged response.
        guard done < uids.count else { return }
        try await tell(
            done: UInt64(done), goal: UInt64(uids.count), "\(done) of \(uids.count) messages")
    }

    private mutating func tell(
        done: UInt64?, goal: UInt64?, _ text: String
    ) async throws(Ending) {
        toldProgress = service.surroundings.time.now
        writer.untagged(
            .ok(
                .inProgress(tag: String(lossy: session.currentTag), done: done, goal: goal), text))
        try await send()
        try await push()
    }

    /// Does what cannot be cut into parts, and meanwhile says that it is going on.
    mutating func tellingProgress<Result: Sendable>(
        of messages: NumberSet, _ work: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard messages.count >= Self.manyMessages else { return try await work() }
        let time = service.surroundings.time
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await work() }
            var result: Result?
            while result == nil {
                // A server that stops lets the work come to its end.
                if !Task.isCancelled {
                    group.addTask {
                        try? await time.sleep(for: Self.progressInterval)
                        return nil
                    }
                }
                result = try await group.next() ?? nil
                if result == nil, !Task.isCancelled {
                    try await tell(done: nil, goal: nil, "still at it")
                }
            }
            group.cancelAll()
            guard let result else { throw CancellationError() }
            return result
        }
    }
}
