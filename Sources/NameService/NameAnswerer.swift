// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import World

/// Answers queries from the latest zones: one for each thread or connection.
final class NameAnswerer: DatagramAnswerer {
    private let box: ZoneBox
    private let time: any Time
    private var responder: Responder
    private var generation: Int
    /// Kept, while `latest` is used: threads that share it must not count its references.
    private var zones: ZoneSnapshot
    private var latest: Unmanaged<ZoneSnapshot>
    private var asker: Responder.Asker
    private let counts: AnswerTally.Counts
    private let leave: Leave?

    /// Takes a request that is answered later.
    typealias Leave = @Sendable (TransactionDesk.Request, any DatagramReturn) -> Void

    init(
        _ box: ZoneBox, _ policy: Responder.Policy, _ time: any Time,
        _ counts: AnswerTally.Counts, isStream: Bool = false, leave: Leave? = nil
    ) {
        self.leave = leave
        self.counts = counts
        self.box = box
        self.time = time
        responder = Responder(policy)
        // Read before the snapshot: a change between the two is looked for once more.
        generation = box.generation
        zones = box.snapshot
        latest = Unmanaged.passUnretained(zones)
        asker = Responder.Asker(isStream: isStream)
    }

    var maximumReplyOctets: Int { Responder.datagramOctets }

    func begin() {
        asker.now = time.now
        asker.seconds = UInt32(truncatingIfNeeded: time.timestamp.seconds)
        let changed = box.generation
        guard changed != generation else { return }
        generation = changed
        zones = box.snapshot
        latest = Unmanaged.passUnretained(zones)
    }

    func reply(
        to datagram: UnsafeRawBufferPointer, from peer: IPAddress,
        into reply: UnsafeMutableRawBufferPointer
    ) -> Int {
        asker.address = peer
        let count = latest._withUnsafeGuaranteedRef {
            responder.respond(to: datagram, into: reply, from: $0, for: asker)
        }
        guard !responder.hasLeft else { return 0 }
        // RFC 1035 §4.1.1: TC, and the lower four bits of the code.
        counts.count(
            code: count == 0 ? nil : reply[3] & 15, isTruncated: count > 0 && reply[2] & 2 != 0)
        return count
    }

    /// Whether the last request is for the desk.
    var isLeftForLater: Bool { responder.hasLeft }

    func answerLater(_ datagram: [UInt8], from peer: IPAddress, by way: any DatagramReturn) {
        leave?(TransactionDesk.Request(octets: datagram, peer: peer, isStream: false), way)
    }
}
