// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Octets that belong to a command or to its answer: JSON on one line, LF, and then they.
enum CommandOctets {
    static let contentType = "application/octet-stream"
    /// Of one message whose octets are taken as they come.
    static let streamType = "application/vnd.postreiter.stream"

    static func encode(_ json: JSON, _ octets: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(octets.count + 1024)
        json.write(to: &result)
        result.append(.lineFeed)
        result += octets
        return result
    }

    static func parse(_ body: [UInt8]) throws(ControlFailure) -> (JSON, [UInt8]) {
        let end = body.firstIndex(of: .lineFeed) ?? body.endIndex
        do {
            return (try JSON(parsing: body[..<end]), Array(body[end...].dropFirst()))
        } catch {
            throw .usage("there is no line of JSON before the octets: \(error)")
        }
    }
}
