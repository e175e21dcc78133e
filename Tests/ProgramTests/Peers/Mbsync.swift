// SPDX-License-Identifier: Apache-2.0

import Testing

/// mbsync, which keeps a Maildir and the mailboxes of an account, or one that it sees, the same.
struct Mbsync {
    private let host: Postreiter
    private let configuration: String

    /// `folder` ends with a slash; with `place` the mailbox of that name is INBOX below it.
    init(
        _ host: Postreiter, _ user: String, _ folder: String, place: String? = nil
    ) throws {
        self.host = host
        configuration = try host.stage.write(
            """
            IMAPAccount server
            Host \(host.address)
            Port \(Postreiter.Port.imap)
            User \(user)
            Pass "\(host.password)"
            SSLType None
            AuthMechs *

            IMAPStore far
            Account server

            MaildirStore near
            Path \(folder)
            Inbox \(folder)INBOX
            SubFolders Verbatim

            Channel all
            Far ":far:\(place ?? "")"
            Near :near:
            \(place == nil ? "Patterns *" : "CopyArrivalDate no")
            Create \(place == nil ? "Both" : "Near")
            Expunge Both
            SyncState *

            """, to: folder.split(separator: "/").last.map { "\($0).mbsyncrc" } ?? "mbsyncrc")
    }

    func synchronize() async throws -> (status: Int32?, output: String) {
        try await host.stage.run("mbsync", ["-c", configuration, "-a"], within: .seconds(60))
    }

    func run() async throws {
        let done = try await synchronize()
        try #require(done.status == 0, "\(done.output)\n\(host.log)")
    }
}
