// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
package import Bytes
import Foundation
import Glibc
import Hummingbird
package import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// Takes commands on the control socket: `POST /v1/account.list` with a JSON object.
///
/// The socket lies in the data folder with mode 0600: who can open it may administer. It speaks
/// HTTP, so `curl --unix-socket control.sock -d '{}' http://localhost/v1/queue.list` works too.
/// Commands that move messages have octets behind the JSON, in the request or in the answer
/// (`CommandOctets`).
package struct ControlServer: Sendable {
    private let path: String
    private let administration: Administration
    private let ownCommands: [String: OwnCommand]
    private let log: Logger

    /// A command about the server itself rather than about what it keeps.
    package typealias OwnCommand = @Sendable (JSON) async throws(ControlFailure) -> JSON

    /// A zone of half a million records, a relay domain's recipients, a message of the largest
    /// that is imported, with what is said of it.
    static let maximumRequestOctets = 72 << 20

    /// `ownCommands` go before those of `administration`.
    package init(
        path: String, administration: Administration, ownCommands: [String: OwnCommand] = [:],
        log: Logger
    ) {
        self.path = path
        self.administration = administration
        self.ownCommands = ownCommands
        self.log = log
    }

    /// Serves until the task is cancelled; `whenReady` is called once commands are taken.
    package func run(whenReady: @escaping @Sendable () -> Void = {}) async throws {
        // Who gets here holds the store's lock: a socket that lies there is left from a crash.
        unlink(path)
        defer { unlink(path) }
        let router = Router()
        let (administration, ownCommands) = (administration, ownCommands)
        router.post("v1/:command") { request, context in
            if request.headers[.contentType] == CommandOctets.streamType {
                return await Self.file(request.body, administration)
            }
            let body = try await request.body.collect(upTo: Self.maximumRequestOctets)
            let name = context.parameters.get("command") ?? ""
            if request.headers[.contentType] == CommandOctets.contentType {
                return await Self.transfer(name, [UInt8](buffer: body), administration)
            }
            return await Self.respond([UInt8](buffer: body)) { (arguments) throws(ControlFailure) in
                if let own = ownCommands[name] { return try await own(arguments) }
                return try await administration.perform(name, arguments)
            }
        }
        var quiet = log
        // What fails is told to the client, or thrown; its stopping is no error of ours.
        quiet.logLevel = .critical
        let path = path
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(
                address: .unixDomainSocket(path: path), serverName: "postreiter"),
            onServerRunning: { _ in
                _ = chmod(path, 0o600)
                whenReady()
            }, logger: quiet)
        try await application.run()
    }

    private static func respond(
        _ body: [UInt8], _ perform: (JSON) async throws(ControlFailure) -> JSON
    ) async -> Response {
        do throws(ControlFailure) {
            let arguments: JSON
            do {
                arguments = body.isEmpty ? [:] : try JSON(parsing: body)
            } catch {
                throw .usage("the request is no JSON: \(error)")
            }
            return response(.ok, try await perform(arguments))
        } catch {
            return response(error.exitCode == 75 ? .serviceUnavailable : .badRequest, error.json)
        }
    }

    private static func transfer(
        _ name: String, _ body: [UInt8], _ administration: Administration
    ) async -> Response {
        do throws(ControlFailure) {
            let (arguments, octets) = try CommandOctets.parse(body)
            let (answer, answered) = try await administration.transfer(name, arguments, octets)
            return Response(
                status: .ok, headers: [.contentType: CommandOctets.contentType],
                body: ResponseBody(
                    byteBuffer: ByteBuffer(bytes: CommandOctets.encode(answer, answered))))
        } catch {
            return response(error.exitCode == 75 ? .serviceUnavailable : .badRequest, error.json)
        }
    }

    /// `mailbox.file` of one large message.
    private static func file(
        _ body: RequestBody, _ administration: Administration
    ) async -> Response {
        do {
            let command = try await ArrivingCommand(body)
            return response(.ok, try await administration.file(command.arguments, command))
        } catch {
            let failure = ControlFailure(error)
            return response(
                failure.exitCode == 75 ? .serviceUnavailable : .badRequest, failure.json)
        }
    }

    private static func response(_ status: HTTPResponse.Status, _ json: JSON) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: json.description + "\n")))
    }
}

/// Asks a running server to carry a command out.
package struct ControlClient: Sendable {
    private let path: String

    /// A server that answers nothing in this time is not well.
    static let timeoutSeconds: Int64 = 60
    /// The largest message on a slow disk.
    static let streamTimeoutSeconds: Int64 = 1800
    /// A queue of many thousand messages, listed.
    static let maximumReplyOctets = 256 << 20

    package init(path: String) { self.path = path }

    /// The answer; nil when no server runs at the socket.
    package func perform(_ command: String, _ arguments: JSON) async throws(ControlFailure) -> JSON?
    {
        guard
            let octets = try await exchange(
                command, "application/json",
                .bytes(ByteBuffer(string: arguments.description)))
        else { return nil }
        return try Self.answer(octets)
    }

    /// As `perform`, with octets that belong to the command and to the answer.
    package func transfer(
        _ command: String, _ arguments: JSON, _ octets: [UInt8]
    ) async throws(ControlFailure) -> (answer: JSON, octets: [UInt8])? {
        let body = ByteBuffer(bytes: CommandOctets.encode(arguments, octets))
        guard let reply = try await exchange(command, CommandOctets.contentType, .bytes(body))
        else {
            return nil
        }
        // A refusal is plain JSON: a line, too.
        let (answer, answered) = try CommandOctets.parse(reply)
        if let failure = ControlFailure(answer) { throw failure }
        return (answer, answered)
    }

    /// As `transfer`, with octets that are read as they are sent; there are none in the answer.
    package func file(
        _ arguments: JSON, _ source: OctetSource
    ) async throws(ControlFailure) -> JSON? {
        let head = ByteBuffer(bytes: CommandOctets.encode(arguments, []))
        let body = HTTPClientRequest.Body.stream(
            SentCommand(head, source), length: .known(Int64(head.readableBytes + source.octets)))
        guard
            let reply = try await exchange(
                "mailbox.file", CommandOctets.streamType, body,
                timeoutSeconds: Self.streamTimeoutSeconds)
        else { return nil }
        return try Self.answer(reply)
    }

    private static func answer(_ octets: [UInt8]) throws(ControlFailure) -> JSON {
        guard let reply = try? JSON(parsing: octets) else {
            throw .unavailable("the server answers something that is no JSON")
        }
        if let failure = ControlFailure(reply) { throw failure }
        return reply
    }

    /// What the server answers to a request; nil when none runs at the socket.
    private func exchange(
        _ command: String, _ contentType: String, _ body: HTTPClientRequest.Body,
        timeoutSeconds: Int64 = timeoutSeconds
    ) async throws(ControlFailure) -> [UInt8]? {
        guard access(path, F_OK) == 0 else { return nil }
        guard let url = URL(httpURLWithSocketPath: path, uri: "/v1/\(command)") else {
            throw .configuration("the socket \(path) cannot be named in a request")
        }
        do {
            var request = HTTPClientRequest(url: url.absoluteString)
            request.method = .POST
            request.headers.add(name: "Content-Type", value: contentType)
            request.body = body
            let response = try await HTTPClient.shared.execute(
                request, timeout: .seconds(timeoutSeconds))
            return [UInt8](
                buffer: try await response.body.collect(upTo: Self.maximumReplyOctets))
        } catch {
            // A socket without a listener is what a killed server leaves.
            if Self.isUnheard(error) { return nil }
            throw .unavailable("the server at \(path) does not answer: \(error)")
        }
    }

    private static func isUnheard(_ error: any Error) -> Bool {
        if let failure = error as? IOError { return failure.errnoCode == ECONNREFUSED }
        return (error as? NIOConnectionError).map {
            $0.connectionErrors.contains { ($0.error as? IOError)?.errnoCode == ECONNREFUSED }
        } ?? false
    }
}
