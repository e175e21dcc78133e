// SPDX-License-Identifier: Apache-2.0

import Testing

/// mbsync, which keeps a Maildir and the mailboxes of an account the same.
struct Mbsync {
    private let host: Postreiter
    private let configuration: String

    /// `folder` ends with a slash.
    init(_ host: Postreiter, _ user: String, _ folder: String) throws {
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
            Far :far:
            Near :near:
            Patterns *
            Create Both
            Expunge Both
            SyncState *

            """, to: "mbsyncrc")
    }

    func run() async throws {
        let done = try await host.stage.run(
            "mbsync", ["-c", configuration, "-a"], within: .seconds(60))
        try #require(done.status == 0, "\(done.output)\n\(host.log)")
    }
}
