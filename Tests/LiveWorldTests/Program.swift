// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A child process of a test; its output is read to the end.
struct Program {
    private let process = Process()
    private let output = Pipe()
    private let input = Pipe()

    /// Where a program is, nil if it is not installed.
    static func path(_ name: String) -> String? {
        ["/usr/bin", "/usr/sbin", "/bin"].map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    init(_ name: String, _ arguments: [String]) throws {
        process.executableURL = URL(fileURLWithPath: Self.path(name) ?? name)
        process.arguments = arguments
        process.standardOutput = output
        process.standardError = output
        process.standardInput = input
        try process.run()
    }

    func write(_ text: String) { input.fileHandleForWriting.write(Data(text.utf8)) }

    func endInput() { try? input.fileHandleForWriting.close() }

    /// Everything it prints; it is killed if it takes longer than 20 seconds.
    func output() async -> String {
        let process = process
        let limit = Task {
            try await Task.sleep(for: .seconds(20))
            process.terminate()
        }
        defer { limit.cancel() }
        let handle = output.fileHandleForReading
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let data = (try? handle.readToEnd()) ?? Data()
                process.waitUntilExit()
                continuation.resume(returning: String(decoding: data, as: UTF8.self))
            }
        }
    }
}
