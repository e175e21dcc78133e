// SPDX-License-Identifier: Apache-2.0

import Logging
import World

/// The log, on standard error: one line for each event, the queue id on each that has one.
enum Log {
    static func make(level: String) -> Logger {
        LoggingSystem.bootstrap { _ in LineLogHandler() }
        var log = Logger(label: "postreiter")
        log.logLevel = Logger.Level(rawValue: level) ?? .info
        return log
    }
}

/// `2026-11-21T06:11:37Z info 0A4XF7K9Q2MZB accepted …`, written in one piece.
///
/// A line for every message accepted and delivered must cost next to nothing: this formats no
/// locale and takes no lock.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    /// Of the open file to write to.
    var descriptor: Int32 = 2

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = CalendarDate(Live.surroundings.time.timestamp).internetFormat
        line += " \(event.level) "
        if let id = event.metadata?["id"] ?? metadata["id"] { line += "\(id) " }
        Self.append(event.message.description, to: &line)
        var details = event.metadata ?? [:]
        // What the logger itself carries, such as a session and its peer.
        if !metadata.isEmpty { details.merge(metadata) { own, _ in own } }
        for key in details.keys.sorted() where key != "id" {
            line += " \(key)="
            Self.append(details[key]?.description ?? "", to: &line)
        }
        line += "\n"
        Output.octets(Array(line.utf8), to: descriptor)
    }

    /// An event is one line, whatever a peer has put into a name or a reply.
    private static func append(_ text: String, to line: inout String) {
        for scalar in text.unicodeScalars {
            line.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? "?" : scalar)
        }
    }
}
