// SPDX-License-Identifier: Apache-2.0

import Bytes
import LiveWorld
import Logging
import Synchronization
import World

/// The log, on standard error: one line for each event, the queue id on each that has one.
enum Log {
    private static let level = Atomic(Logger.Level.info.number)
    private static let isJSON = Atomic(false)
    fileprivate static let standardError = output(to: 2)

    /// For those who have no log.
    static let silent = Logger(label: "postreiter") { _ in SwiftLogNoOpLogHandler() }

    static func make(level: String, format: String = "text") -> Logger {
        change(level: level, format: format)
        LoggingSystem.bootstrap { _ in LineLogHandler() }
        return Logger(label: "postreiter")
    }

    /// What is logged, and how, from now on.
    static func change(level: String, format: String) {
        let level = Logger.Level(rawValue: level) ?? .info
        Self.level.store(level.number, ordering: .relaxed)
        isJSON.store(format == "json", ordering: .relaxed)
    }

    /// Lines for a descriptor.
    static func output(to descriptor: Int32) -> LogOutput {
        LogOutput(descriptor: descriptor) { dropped in
            var line: [UInt8] = []
            LogLine(
                level: .warning, id: nil,
                message: "\(dropped) lines of the log were dropped: nobody took them in time",
                details: []
            ).append(to: &line, isJSON: Log.isJSON.load(ordering: .relaxed), second: LogSecond())
            return line
        }
    }

    /// Before the process ends.
    static func flush() { standardError.flush() }

    fileprivate static var currentLevel: Logger.Level {
        Logger.Level(number: level.load(ordering: .relaxed))
    }

    fileprivate static func write(_ line: LogLine, to output: LogOutput) {
        let isJSON = isJSON.load(ordering: .relaxed)
        let second = LogSecond()
        output.append { line.append(to: &$0, isJSON: isJSON, second: second) }
    }
}

/// Makes a line of each event and leaves the writing to a thread.
///
/// A line for every message accepted and delivered must cost next to nothing: this formats no
/// locale and waits for nobody.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    /// What this logger was set to by itself; else it follows the configuration.
    private var ownLevel: Logger.Level?
    private let output: LogOutput

    init(output: LogOutput = Log.standardError) { self.output = output }

    var logLevel: Logger.Level {
        get { ownLevel ?? Log.currentLevel }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var id = event.metadata?["id"] ?? metadata["id"]
        var details: [(key: String, value: String)] = []
        if let own = event.metadata, own.count > (own["id"] == nil ? 0 : 1) {
            details = own.map { ($0, $1.description) }
        }
        // What the logger itself carries, such as a session and its peer.
        for (key, value) in metadata where event.metadata?[key] == nil {
            details.append((key, value.description))
        }
        details.removeAll { $0.key == "id" }
        if details.count > 1 { details.sort { $0.key < $1.key } }
        Log.write(
            LogLine(
                level: event.level, id: id.take()?.description,
                message: event.message.description, details: details), to: output)
    }
}

/// One event, about to become a line.
struct LogLine {
    let level: Logger.Level
    let id: String?
    let message: String
    let details: [(key: String, value: String)]

    func append(to line: inout [UInt8], isJSON: Bool, second: LogSecond) {
        if isJSON { appendJSON(to: &line, second) } else { appendText(to: &line, second) }
        line.append(.lineFeed)
    }

    /// Such as `2026-11-21T06:11:37Z info 0A4XF7K9Q2MZB accepted`.
    private func appendText(to line: inout [UInt8], _ second: LogSecond) {
        line += second.text.utf8
        line.append(.space)
        line += level.rawValue.utf8
        line.append(.space)
        if let id {
            line += id.utf8
            line.append(.space)
        }
        Self.appendPrintable(message, to: &line)
        for (key, value) in details {
            line.append(.space)
            line += key.utf8
            line.append(UInt8(ascii: "="))
            Self.appendPrintable(value, to: &line)
        }
    }

    /// An object with `time`, `level`, `id` and `message`, then the details by their names.
    private func appendJSON(to line: inout [UInt8], _ second: LogSecond) {
        line += "{\"time\":\"".utf8
        line += second.text.utf8
        line += "\",\"level\":\"".utf8
        line += level.rawValue.utf8
        line.append(UInt8(ascii: "\""))
        if let id { Self.appendMember("id", id, to: &line) }
        Self.appendMember("message", message, to: &line)
        for (key, value) in details { Self.appendMember(key, value, to: &line) }
        line.append(UInt8(ascii: "}"))
    }

    private static func appendMember(_ key: String, _ value: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: ","))
        line += JSON.string(key).description.utf8
        line.append(UInt8(ascii: ":"))
        line += JSON.string(value).description.utf8
    }

    /// An event is one line, whatever a peer has put into a name or a reply.
    private static func appendPrintable(_ text: String, to line: inout [UInt8]) {
        var text = text
        text.withUTF8 { octets in
            for octet in octets {
                line.append(octet < 0x20 || octet == 0x7F ? UInt8(ascii: "?") : octet)
            }
        }
    }
}

/// The present second as a line shows it; made once for all lines of that second.
struct LogSecond {
    let text: String

    private static let latest = Mutex((seconds: Int64.min, text: ""))

    init() {
        let now = Live.surroundings.time.timestamp
        text = Self.latest.withLock { latest in
            if latest.seconds != now.seconds {
                latest = (now.seconds, CalendarDate(now).internetFormat)
            }
            return latest.text
        }
    }
}

extension Logger.Level {
    fileprivate var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    fileprivate init(number: Int) { self = Self.allCases[number] }
}
