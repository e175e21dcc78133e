// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// The user that a server becomes once it has taken its ports.
package struct ServerUser: Sendable, Equatable {
    package let name: String
    package let userID: UInt32
    package let groupID: UInt32

    /// Why a user cannot be found, or become ours.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Looks the names up; the group is the user's own if none is named.
    package init(user: String, group: String? = nil) throws(Failure) {
        guard let entry = getpwnam(user) else {
            throw Failure(
                description: "there is no user \(user); `useradd --system \(user)` makes one")
        }
        name = user
        userID = entry.pointee.pw_uid
        if let group {
            guard let entry = getgrnam(group) else {
                throw Failure(description: "there is no group \(group)")
            }
            groupID = entry.pointee.gr_gid
        } else {
            groupID = entry.pointee.pw_gid
        }
    }

    /// Whether this process may become another user.
    package static var isRoot: Bool { geteuid() == 0 }

    /// Whether the process is this user already.
    package var isCurrent: Bool { geteuid() == userID }

    /// Becomes this user for good, in all threads; returns only if there is no way back.
    package func become() throws(Failure) {
        // Root sets real, effective and saved ids at once. In this order: who has given up the user may not change groups any more.
        var groups = [groupID]
        guard setgroups(1, &groups) == 0, setgid(groupID) == 0,
            setuid(userID) == 0
        else {
            throw Failure(
                description: "cannot become the user \(name): \(String(cString: strerror(errno)))")
        }
        guard userID != 0 else { return }
        try refuseThreads()
        // What POSIX leaves open (saved ids, capabilities) is not left to hope.
        guard setuid(0) != 0, seteuid(0) != 0, getuid() == userID, geteuid() == userID,
            getgid() == groupID, getegid() == groupID
        else {
            throw Failure(description: "having become \(name), the process could still be root")
        }
    }

    /// Each thread has credentials of its own for the kernel, whatever the C library promises.
    private func refuseThreads() throws(Failure) {
        let threads =
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        for thread in threads {
            let facts = try? FileManager.default.attributesOfItem(
                atPath: "/proc/self/task/\(thread)")
            guard let owner = facts?[.ownerAccountID] as? Int, owner != Int(userID) else {
                continue
            }
            throw Failure(description: "having become \(name), thread \(thread) is another user")
        }
    }
}
