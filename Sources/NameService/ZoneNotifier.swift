// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Logging
import Synchronization
import World
import ZoneStore
import ZoneTransfer

/// Tells other name servers that zones have changed, until they say that they know (RFC 1996).
final class ZoneNotifier: Sendable {
    private struct Job: Hashable, Sendable {
        let origin: Name
        let peer: ZonePeer
    }

    private struct State {
        /// Those under way, and whether there was news meanwhile.
        var jobs: [Job: Bool] = [:]
    }

    private let box: ZoneBox
    private let peers: ZonePeers
    private let client: TransferClient
    private let log: Logger
    private let state = Mutex(State())
    private let line = AsyncStream.makeStream(of: Job.self)

    /// Servers that are told at a time.
    private static let maximumJobs = 64

    init(box: ZoneBox, peers: ZonePeers, client: TransferClient, log: Logger) {
        self.box = box
        self.peers = peers
        self.client = client
        self.log = log
    }

    /// Has everyone told who is to know of these zones' changes.
    func announce(_ origins: [Name]) {
        let book = peers.book
        for origin in origins {
            for peer in book.peering(of: origin).notified {
                let job = Job(origin: origin, peer: peer)
                let isNew = state.withLock { state in
                    let isNew = state.jobs[job] == nil
                    state.jobs[job] = !isNew
                    return isNew
                }
                if isNew { line.continuation.yield(job) }
            }
        }
    }

    /// Tells until the task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            var count = 0
            for await job in line.stream {
                if count >= Self.maximumJobs {
                    await group.next()
                    count -= 1
                }
                count += 1
                group.addTask { await self.tell(job) }
            }
            group.cancelAll()
        }
    }

    private func tell(_ job: Job) async {
        repeat {
            await tellOnce(job)
        } while state.withLock { state in
            guard state.jobs[job] == true, !Task.isCancelled else {
                state.jobs[job] = nil
                return false
            }
            state.jobs[job] = false
            return true
        }
    }

    private func tellOnce(_ job: Job) async {
        var reason = ""
        for pause in ZoneNotice.pauses {
            guard !Task.isCancelled, let zone = box.zones[job.origin], !zone.isExpired else {
                return
            }
            let id = UInt16(truncatingIfNeeded: client.world.entropy.next())
            do throws(TransferClient.Failure) {
                let response = try await client.askByDatagram(
                    ZoneNotice.octets(start: zone.start, id: id), job.peer, peers.book, wait: pause)
                guard ZoneNotice.isResponse(response, to: job.origin, id: id) else {
                    reason = "it answers something else"
                    continue
                }
                let code = ResponseCode(rawValue: UInt16(response[3] & 15))
                if code != .noError {
                    log.notice(
                        "\(job.peer.address) does not want to know of \(job.origin): \(code)")
                }
                return
            } catch {
                reason = error.description
                switch error {
                case .network(.deadlinePassed): break
                case .network:
                    try? await client.world.time.sleep(for: pause)
                default:
                    // It would say the same again.
                    log.warning(
                        "\(job.peer.address) could not be told of \(job.origin): \(reason)")
                    return
                }
            }
        }
        log.warning(
            "\(job.peer.address) could not be told that \(job.origin) has changed: \(reason)")
    }
}
