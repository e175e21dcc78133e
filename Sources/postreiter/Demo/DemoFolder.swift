// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc

/// The demo's temporary folder: everything it writes is in there.
struct DemoFolder: Sendable {
    let path: String

    init() throws(CommandFailure) {
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(parent)/postreiter-demo-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .cannotCreate(
                "no temporary folder can be made in \(parent): \(Files.systemError())")
        }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    /// Opens a new log file for appending.
    func openLog(_ name: String) throws(CommandFailure) -> Int32 {
        let descriptor = open(
            "\(path)/\(name).log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .cannotCreate("\(path)/\(name).log cannot be written: \(Files.systemError())")
        }
        return descriptor
    }

    /// The last lines of every log, for the one who looks for the reason of a failure.
    var logTails: [(name: String, text: String)] {
        ((try? Files.list(path)) ?? []).filter { $0.hasSuffix(".log") }.map { name in
            let octets = (try? Files.read("\(path)/\(name)")) ?? []
            let lines = String(decoding: octets, as: UTF8.self).split(separator: "\n")
            return (name, lines.suffix(8).joined(separator: "\n"))
        }
    }
}
