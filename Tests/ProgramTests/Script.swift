// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Plays a dialogue with a server and compares what it says.
///
/// ```
/// S: 220                 the last line of the next reply begins so
/// C: EHLO client.test    a line with CRLF; several in a row go out in one piece
/// C| raw octets          no CRLF behind it
/// S: closed              the server ends the connection
/// ```
/// `\r`, `\n`, `\0` and `\\` in client lines stand for these octets.
func play(
    _ script: String, _ address: String, _ port: Int,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    let failure = try await onThread { () -> String? in
        let wire = try Wire(address, port)
        var transcript = ""
        var pending = ""
        for line in script.split(separator: "\n") {
            transcript += line.prefix(200) + "\n"
            let text = line.dropFirst(3)
            switch line.prefix(2) {
            case "C:": pending += unescaped(text) + "\r\n"
            case "C|": pending += unescaped(text)
            case "S:":
                try wire.write(pending)
                pending = ""
                let reply = try wire.readReply() ?? "closed"
                let last = reply.split(separator: "\n").last ?? ""
                guard last.hasPrefix(text) else {
                    return "\(transcript)but the server said:\n\(reply)"
                }
            default: return "not a line of a script: \(line)"
            }
        }
        return nil
    }
    if let failure { Issue.record("\(failure)", sourceLocation: sourceLocation) }
}

private func unescaped(_ text: Substring) -> String {
    var result = ""
    var isEscaped = false
    for character in text {
        guard isEscaped || character == "\\" else {
            result.append(character)
            continue
        }
        if isEscaped {
            switch character {
            case "r": result.append("\r")
            case "n": result.append("\n")
            case "0": result.append("\0")
            default: result.append(character)
            }
        }
        isEscaped.toggle()
    }
    return result
}
