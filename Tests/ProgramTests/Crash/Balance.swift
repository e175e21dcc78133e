// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What was acknowledged against what was found.
struct Balance: CustomStringConvertible {
    let acknowledged: Int
    let local: Int
    let remote: Int
    let refused: Int
    var lostLocally: [Int] = []
    var lostRemotely: [Int] = []
    /// Refused elsewhere, and nobody was told.
    var unnoticed: [Int] = []
    /// Notified about although nobody refused it: never.
    var falseNotices: [Int] = []
    /// Numbers that stand in the mailbox more than once: never.
    var localDuplicates: [Int] = []
    /// Allowed: the sink had the message, and we were killed before we knew.
    var remoteDuplicates = 0
    var noticeDuplicates = 0
    var damaged = 0
    /// In the mailbox without an acknowledgement: killed between commit and reply.
    var unacknowledged = 0

    init(
        acknowledged: [NumberedMessage], mailbox: [Data], sink: RecordingSink.Arrivals
    ) {
        var counts: [Int: Int] = [:]
        damaged = sink.damaged
        for message in mailbox {
            guard let (number, isWhole) = NumberedMessage.recognise(Array(message)) else {
                damaged += 1
                continue
            }
            counts[number, default: 0] += 1
            if !isWhole { damaged += 1 }
        }
        self.acknowledged = acknowledged.count
        local = acknowledged.count { $0.isLocal }
        remote = acknowledged.count { $0.isRemote }
        refused = acknowledged.count { $0.isRefused }
        for message in acknowledged {
            if message.isLocal, counts[message.number] == nil {
                lostLocally.append(message.number)
            }
            if message.isRemote, sink.counts[message.number] == nil {
                lostRemotely.append(message.number)
            }
            let isNoticed = sink.notices[message.number] != nil
            if message.isRefused, !isNoticed { unnoticed.append(message.number) }
            if !message.isRefused, isNoticed { falseNotices.append(message.number) }
        }
        localDuplicates = counts.filter { $0.value > 1 }.keys.sorted()
        remoteDuplicates = sink.counts.values.reduce(0) { $0 + $1 - 1 }
        noticeDuplicates = sink.notices.values.reduce(0) { $0 + $1 - 1 }
        let known = Set(acknowledged.lazy.filter(\.isLocal).map(\.number))
        unacknowledged = counts.keys.count { !known.contains($0) }
    }

    var description: String {
        """
          acknowledged       \(acknowledged) messages
          for the mailbox    \(local), found \(local - lostLocally.count)
          for the sink       \(remote), found \(remote - lostRemotely.count)
          refused elsewhere  \(refused), notified \(refused - unnoticed.count)
          lost               \(lostLocally.count + lostRemotely.count + unnoticed.count)
          local duplicates   \(localDuplicates.count)
          damaged            \(damaged)
          remote duplicates  \(remoteDuplicates) and \(noticeDuplicates) notifications \
        (killed before the sink's answer was recorded)
          unacknowledged     \(unacknowledged) in the mailbox (killed before our answer was sent)
        """
    }
}
