// SPDX-License-Identifier: Apache-2.0

import Bytes
import Defence
import HTTP
import World

/// Asks rspamd about a message (HTTP `POST /checkv2`).
struct RspamdClient: Sendable {
    /// Why there is no report.
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    /// What rspamd is told beside the message.
    struct Envelope: Sendable {
        var client: IPAddress
        var hello: String
        var sender: String
        var recipients: [String]
        var queueID: String
        var user: String?
    }

    let address: SocketAddress
    let surroundings: Surroundings

    /// More than rspamd takes for a message (its own task timeout is 8 seconds).
    static let patience = Duration.seconds(15)
    /// Of many recipients it is told so many.
    static let maximumRecipients = 100

    func report(on message: [UInt8], _ envelope: Envelope) async throws(Fault) -> ScanReport {
        let deadline = surroundings.time.now + Self.patience
        let result: (status: Int, body: [UInt8])
        do {
            let connection = try await surroundings.network.connect(
                to: address, from: nil, deadline: deadline)
            do {
                connection.write(head(envelope, message.count) + message)
                result = try await answer(on: connection, deadline)
                await connection.close()
            } catch {
                await connection.close()
                throw error
            }
        } catch {
            throw Fault(description: "\(error)")
        }
        guard result.status == 200 else { throw Fault(description: "it answers \(result.status)") }
        guard let json = try? JSON(parsing: result.body), let report = ScanReport(json) else {
            throw Fault(description: "its report cannot be understood")
        }
        return report
    }

    private func answer(
        on connection: any Connection, _ deadline: Instant
    ) async throws -> (status: Int, body: [UInt8]) {
        var response = Response()
        while true {
            if let result = try response.result() { return result }
            if let octets = try await connection.receive(deadline: deadline) {
                response.receive(octets)
            } else {
                response.receiveEnd()
            }
        }
    }

    private func head(_ envelope: Envelope, _ length: Int) -> [UInt8] {
        var fields = [
            ("Host", "\(address)"), ("Connection", "close"), ("Content-Length", "\(length)"),
            ("IP", envelope.client.unmapped.description), ("Helo", envelope.hello),
            ("From", envelope.sender), ("Queue-Id", envelope.queueID),
        ]
        fields += envelope.recipients.prefix(Self.maximumRecipients).map { ("Rcpt", $0) }
        if let user = envelope.user { fields.append(("User", user)) }
        let lines = ["POST /checkv2 HTTP/1.1"] + fields.map { "\($0): \(Self.value($1))" }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    /// What comes from the client makes no second field.
    private static func value(_ text: String) -> String {
        String(lossy: text.utf8.prefix(1_000).map { $0 < 0x20 || $0 == 0x7F ? 0x3F : $0 })
    }
}
