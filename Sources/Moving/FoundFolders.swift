// SPDX-License-Identifier: Apache-2.0

import IMAP
import MailFolders

/// Folders as they are found on a disk: each under a name of its own, whatever it is called there,
/// and each use left to the first that has it.
struct FoundFolders {
    private(set) var folders: [SourceFolder] = []
    private var names: Set<MailboxName> = []
    private var uses: Set<String> = []

    mutating func add(
        _ levels: [some Collection<UInt8>], _ place: String, obstacle: String? = nil
    ) {
        guard let name = FolderName.mailbox(levels, isTaken: names.contains) else { return }
        names.insert(name)
        var folder = SourceFolder(name: name, use: nil, place: place)
        folder.obstacle = obstacle
        if obstacle == nil, let use = FolderUse.use(of: name), uses.insert(use).inserted {
            folder.use = use
        }
        folders.append(folder)
    }
}
