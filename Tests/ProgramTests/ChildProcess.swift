// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// A program that a test has started: it is ended and reaped with its `Stage` at the latest.
///
/// Unchecked: `Process` is used by the one task of its test.
final class ChildProcess: @unchecked Sendable {
    /// Of the output, as much as a failing test can usefully show.
    static let keptOctets = 1 << 20
    /// Between SIGTERM and SIGKILL.
    private static let grace = Duration.seconds(5)

    let name: String
    private let process = Process()
    private let log: URL

    /// Starts `program` with standard output and error going into the file `log`.
    init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        input: String? = nil, log: URL
    ) throws {
        name = program
        self.log = log
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        let output = try FileHandle(forWritingTo: log)
        process.executableURL = URL(fileURLWithPath: try #require(path(of: program)))
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment
            .merging(["LC_ALL": "C"]) { $1 }.merging(environment) { $1 }
        process.standardOutput = output
        process.standardError = output
        let pipe = Pipe()
        process.standardInput = input == nil ? FileHandle.nullDevice : pipe
        try Self.withSignalsOpen { try process.run() }
        try output.close()
        if let input {
            try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try pipe.fileHandleForWriting.close()
        }
    }

    /// Threads of the concurrency runtime block all signals, and a child would inherit that.
    private static func withSignalsOpen(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    var id: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }

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
        if await isTrue(within: limit, { !process.isRunning }) { return process.terminationStatus }
        await end()
        return nil
    }

    /// Waits until its output contains `text`.
    func hasPrinted(_ text: String, within limit: Duration = .seconds(20)) async -> Bool {
        await isTrue(within: limit) { output.contains(text) || !process.isRunning }
            && output.contains(text)
    }

    /// SIGTERM, after a while SIGKILL; returns when the system has forgotten it.
    func end(within grace: Duration = grace) async {
        guard process.isRunning else { return }
        kill(id, SIGTERM)
        if await isTrue(within: grace, { !process.isRunning }) { return }
        kill(id, SIGKILL)
        _ = await isTrue(within: Self.grace) { !process.isRunning }
    }

    /// kill -9, as a power failure for one program.
    func crash() async {
        kill(id, SIGKILL)
        _ = await isTrue(within: Self.grace) { !process.isRunning }
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
