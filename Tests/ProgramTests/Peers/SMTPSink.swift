// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Postfix's smtp-sink: takes everything and writes each message into a file.
struct SMTPSink {
    let address: String
    let port: Int
    private let folder: URL
    private let process: ChildProcess

    /// `options` as in smtp-sink(1), for instance `-f RCPT` to refuse, or `-H 5` to be slow.
    init(
        _ stage: Stage, address: String, port: Int = 2525, options: [String] = []
    ) async throws {
        self.address = address
        self.port = port
        folder = URL(fileURLWithPath: try stage.makeFolder("sink-\(address)"))
        process = try stage.start(
            "smtp-sink",
            ["-u", NSUserName(), "-h", "sink.test"] + options + [
                "-d", folder.path + "/message.", "\(address):\(port)", "100",
            ])
        let isUp = await isListening(address, port)
        try #require(isUp, "smtp-sink did not start: \(process.output)")
    }

    /// The messages taken so far, with the envelope as fields before them.
    var messages: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.sorted().compactMap {
            try? String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
        }
    }

    func end() async { await process.end() }
}
