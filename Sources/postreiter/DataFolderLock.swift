// SPDX-License-Identifier: Apache-2.0

import Glibc
import LiveWorld

/// What must be known of a data folder before its store is opened.
enum DataFolderLock {
    /// Says so if another process holds the folder: sooner than that its ports are in use.
    static func refuseIfHeld(_ folder: String) throws(CommandFailure) {
        let descriptor = open(folder + "/lock", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) != 0 else {
            // Not left to close(2): a child just forked may hold a copy of the descriptor.
            flock(descriptor, LOCK_UN)
            return
        }
        throw .temporary(
            "the data folder \(folder) is in use by another server: stop that one first, or set"
                + " another data folder")
    }

    /// Makes the user the owner of a folder that this process has just made, and of all in it.
    static func give(_ folder: String, to user: ServerUser) throws(CommandFailure) {
        for name in try Files.list(folder) {
            for inner in try Files.list("\(folder)/\(name)") {
                try own("\(folder)/\(name)/\(inner)", user)
            }
            try own("\(folder)/\(name)", user)
        }
        try own(folder, user)
    }

    private static func own(_ path: String, _ user: ServerUser) throws(CommandFailure) {
        guard lchown(path, user.userID, user.groupID) == 0 else {
            throw .cannotCreate("\(path) cannot be given to \(user.name): \(Files.systemError())")
        }
    }

    /// Makes the folder for the user if it is not there yet; one that is another's is refused.
    static func prepare(_ folder: String, for user: ServerUser) throws(CommandFailure) {
        if !Files.exists(folder) {
            try Files.makeFolder(folder, mode: 0o700)
            guard chown(folder, user.userID, user.groupID) == 0 else {
                throw .cannotCreate(
                    "the folder \(folder) cannot be given to \(user.name): \(Files.systemError())")
            }
        }
        for path in [folder, folder + "/postreiter.sqlite", folder + "/lock", folder + "/bodies"] {
            var facts = stat()
            guard lstat(path, &facts) == 0, facts.st_uid != user.userID else { continue }
            throw .configuration(
                "\(path) does not belong to \(user.name), whom `user` names:"
                    + " `chown -R \(user.name): \(folder)`")
        }
    }
}
