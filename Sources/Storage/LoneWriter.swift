// SPDX-License-Identifier: Apache-2.0

/// Who may commit on its own thread, because it has been the only one who writes.
///
/// To wake the committer and to be woken by it takes a third as long as a commit, and is worth it
/// only if others share the commit. But the thread is often an event loop, and during a commit it
/// serves nobody else; so the disk must have been quick for as long, and one slow commit, or one of
/// anybody else, is enough to leave all to the committer again.
struct LoneWriter {
    private var writer: WriterIdentity?
    /// So many commits one after the other were quick, and of that writer only.
    private var streak = 0

    /// How many commits it takes to believe that nobody else writes, and that the disk is quick.
    static let patience = 16
    /// What a commit may take: no more than the way through a network.
    static let quick = Duration.milliseconds(1)

    func isAlone(_ writer: WriterIdentity) -> Bool {
        self.writer === writer && streak >= Self.patience
    }

    /// Takes note of a commit, whoever made it.
    mutating func note(_ batch: [PendingWrite], took duration: Duration) {
        let only = batch.count == 1 ? batch[0].writer : nil
        if only !== writer { streak = 0 }
        writer = only
        streak = duration > Self.quick ? 0 : streak + 1
    }
}
