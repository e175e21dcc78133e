// SPDX-License-Identifier: Apache-2.0

import CSockets
package import Glibc

/// Starts programs of this machine (posix_spawn(3)).
///
/// Not by Foundation's `Process`: that walks through all open files first, and reads beyond its
/// memory when this process has thousands of them.
package enum ChildProgram {
    /// What a program finds behind one of its first three descriptors.
    package enum Stream: Sendable {
        case descriptor(CInt)
        /// A file, opened with these flags; one that is made is its owner's alone.
        case file(String, flags: CInt)
    }

    /// Why a program was not started, in the system's words.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Starts the program at the path `arguments[0]`, as the leader of a group of its own, without
    /// any other open file and with no signal blocked; returns its number.
    ///
    /// What it says to people goes where this process's own words go, unless `errors` is given.
    package static func spawn(
        _ arguments: [String], environment: [String], input: Stream, output: Stream,
        errors: Stream? = nil
    ) throws(Failure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (place, stream) in [input, output, errors].enumerated() {
            let place = CInt(place)
            switch stream {
            case .descriptor(let descriptor)?:
                posix_spawn_file_actions_adddup2(&actions, descriptor, place)
            case .file(let path, let flags)?:
                posix_spawn_file_actions_addopen(&actions, place, path, flags, 0o600)
            case nil: break
            }
        }
        _ = spawn_close_from(&actions, 3)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of the concurrency runtime block all signals, and a child would inherit that.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var words = arguments.map { strdup($0) } + [nil]
        var variables = environment.map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        var id: pid_t = 0
        let code = posix_spawn(
            &id, arguments.first ?? "", &actions, &attributes, &words, &variables)
        guard code == 0 else { throw Failure(description: String(cString: strerror(code))) }
        return id
    }
}
