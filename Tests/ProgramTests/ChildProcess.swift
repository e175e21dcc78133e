// SPDX-License-Identifier: Apache-2.0

import Foundation
import Spawning
import Synchronization
import Testing

/// A program that a test has started: it is ended and reaped with its `Stage` at the latest.
///
final class ChildProcess: Sendable {
    /// Of the output, as much as a failing test can usefully show.
    static let keptOctets = 1 << 20
    /// Between SIGTERM and SIGKILL.
    private static let grace = Duration.seconds(5)

    let name: String
    let id: Int32
    private let log: URL
    /// As waitpid(2) gave it; nil while it runs.
    private let ending = Mutex<Int32?>(nil)

    /// Starts `program` with standard output and error going into the file `log`.
    init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        input: String? = nil, log: URL
    ) throws {
        name = program
        self.log = log
        let file = try #require(path(of: program))
        var variables = ProcessInfo.processInfo.environment
        variables.merge(["LC_ALL": "C"]) { $1 }
        variables.merge(environment) { $1 }
        let pipe = input == nil ? nil : Pipe()
        id = try ChildProgram.spawn(
            [file] + arguments, environment: variables.map { "\($0)=\($1)" },
            input: pipe.map { .descriptor($0.fileHandleForReading.fileDescriptor) }
                ?? .file("/dev/null", flags: O_RDONLY),
            output: .file(log.path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_APPEND),
            errors: .descriptor(1))
        guard let pipe, let input else { return }
        try pipe.fileHandleForReading.close()
        signal(SIGPIPE, SIG_IGN)
        try? pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try pipe.fileHandleForWriting.close()
    }

    var isRunning: Bool {
        ending.withLock { ending in
            if ending == nil {
                var status: Int32 = 0
                if waitpid(id, &status, WNOHANG) == id { ending = status }
            }
            return ending == nil
        }
    }

    /// The exit status, or the signal that ended it.
    private var endingStatus: Int32 {
        ending.withLock { ending in
            let status = ending ?? 0
            return status & 0x7F == 0 ? (status >> 8) & 0xFF : status & 0x7F
        }
    }

    /// What it has printed so far, its first MiB.
    var output: String {
        guard let handle = try? FileHandle(forReadingFrom: log),
            let data = try? handle.read(upToCount: Self.keptOctets)
        else { return "" }
        return String(decoding: data, as: UTF8.self)
    }

    /// Waits for its end and returns its exit status; ends it, and returns nil, after `limit`.
    @discardableResult
    func status(within limit: Duration = .seconds(30)) async -> Int32? {
        if await isTrue(within: limit, { !isRunning }) { return endingStatus }
        await end()
        return nil
    }

    /// Waits until its output contains `text`.
    func hasPrinted(_ text: String, within limit: Duration = .seconds(20)) async -> Bool {
        await isTrue(within: limit) { output.contains(text) || !isRunning }
            && output.contains(text)
    }

    /// SIGTERM, after a while SIGKILL; returns when the system has forgotten it.
    func end(within grace: Duration = grace) async {
        guard isRunning else { return }
        kill(id, SIGTERM)
        if await isTrue(within: grace, { !isRunning }) { return }
        kill(id, SIGKILL)
        _ = await isTrue(within: Self.grace) { !isRunning }
    }

    /// kill -9, as a power failure for one program.
    func crash() async {
        kill(id, SIGKILL)
        _ = await isTrue(within: Self.grace) { !isRunning }
    }
}

/// Where a program is, nil if it is not installed; a name with a slash is a path already.
func path(of program: String) -> String? {
    guard !program.contains("/") else { return program }
    return ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].map { "\($0)/\(program)" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
}

/// Looks again and again until something is so, or the limit has passed.
func isTrue(within limit: Duration, _ condition: () async -> Bool) async -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while true {
        if await condition() { return true }
        guard clock.now < end else { return false }
        try? await Task.sleep(for: .milliseconds(20))
    }
}

extension Trait where Self == ConditionTrait {
    /// Skips the test, naming what is missing, unless all these programs are installed.
    static func installed(_ programs: String...) -> Self {
        let missing = programs.filter { path(of: $0) == nil }
        return .enabled(
            if: missing.isEmpty,
            "not installed: \(missing.joined(separator: ", ")) (Scripts/packages test)")
    }

    /// Skips the test unless git can send mail.
    static var gitSendEmail: Self {
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/lib/git-core/git-send-email"),
            "not installed: git-email (Scripts/packages test)")
    }

    /// Skips the test unless Exim is unpacked.
    static var exim: Self {
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: Exim.program),
            "Exim is not unpacked (Scripts/packages test)")
    }

    /// Skips the test unless it runs as root.
    static var asRoot: Self {
        .enabled(if: getuid() == 0, "needs root: Postfix starts as root only")
    }
}
