// SPDX-License-Identifier: Apache-2.0

import Glibc
import LiveWorld
import Settings

/// Whether the data folder is the server's own, and has room.
struct DataFolderChecks {
    private let settings: ServerSettings

    /// Less than this is a matter of hours on a busy host.
    private static let lowOctets = 1 << 30
    /// Less than this is as good as nothing: the log of the database alone may take 64 MiB.
    private static let leastOctets = 128 << 20

    init(_ settings: ServerSettings) { self.settings = settings }

    func findings() -> [Finding] {
        let folder = settings.dataFolder
        var facts = stat()
        guard stat(folder, &facts) == 0 else {
            return [
                Finding(
                    .error, "data-folder", "\(folder) cannot be used: \(Files.systemError())",
                    advice: "`postreiter setup DOMAIN` makes it; else correct `data-folder`")
            ]
        }
        return [rights(folder, facts), space(folder)] + keyRights() + strangers(folder, facts)
    }

    private func rights(_ folder: String, _ facts: stat) -> Finding {
        if facts.st_mode & S_IFMT != S_IFDIR {
            return Finding(.error, "data-folder", "\(folder) is no folder")
        }
        if facts.st_mode & 0o022 != 0 {
            return Finding(
                .error, "data-folder", "others than its owner may write into \(folder)",
                advice: "chmod go-w \(folder)")
        }
        if facts.st_mode & 0o044 != 0 {
            return Finding(
                .warning, "data-folder", "others than its owner may list \(folder)",
                advice: "chmod go-r \(folder)")
        }
        guard access(folder, R_OK | W_OK | X_OK) == 0 else {
            return Finding(
                .warning, "data-folder", "\(folder) belongs to another user than you",
                advice: "run this command as root or as the server's user")
        }
        return Finding(.fine, "data-folder", "\(folder) is its owner's alone")
    }

    /// Whoever reads the key reads the passwords at smarthosts.
    private func keyRights() -> [Finding] {
        let path = settings.secretKeyFile
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_mode & 0o077 != 0 else { return [] }
        return [
            Finding(
                .error, "data-folder", "others than its owner may use \(path)",
                advice: "chmod 600 \(path)")
        ]
    }

    private func space(_ folder: String) -> Finding {
        guard let space = MachineFacts.space(at: folder) else {
            return Finding(.warning, "space", "the free space at \(folder) cannot be told")
        }
        let text = "\(folder) has \(space.free >> 20) MiB free of \(space.total >> 20) MiB"
        if space.free < Self.leastOctets {
            return Finding(
                .error, "space", text, advice: "make room: senders will soon be told to wait")
        }
        if space.free < Self.lowOctets {
            return Finding(.warning, "space", text, advice: "make room, or watch it")
        }
        return Finding(.fine, "space", text)
    }

    /// Files that the folder's owner could not write: left by a command that ran as root.
    private func strangers(_ folder: String, _ facts: stat) -> [Finding] {
        // What cannot be listed belongs to another user, and that is found anyway.
        let foreign = ((try? Files.list(folder)) ?? []).filter {
            var file = stat()
            return lstat("\(folder)/\($0)", &file) == 0 && file.st_uid != facts.st_uid
        }
        guard let first = foreign.first else { return [] }
        return [
            Finding(
                .error, "data-folder",
                "\(folder)/\(first) belongs to another user than the folder itself",
                advice: "chown -R --reference=\(folder) \(folder)")
        ]
    }
}
