// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import Testing

/// What one test has set up: a temporary folder, loopback addresses, programs.
///
/// Made by `withStage`, which ends every program and removes the folder, whatever happens.
///
/// Unchecked: used by the one task of its test.
final class Stage: @unchecked Sendable {
    let folder: URL
    private var children: [ChildProcess] = []

    private static let stages = Atomic(0)
    private let number: Int
    private var addresses = 0

    init() throws {
        number = Self.stages.wrappingAdd(1, ordering: .relaxed).newValue
        folder = URL(fileURLWithPath: "/tmp/postreiter-\(getpid())-\(number)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// A loopback address that no other test of this or another run uses at the same time.
    func address() -> String {
        addresses += 1
        return "127.\(64 + Int(getpid()) % 128).\(number % 250).\(addresses)"
    }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Writes a file into the folder, with folders on the way, and returns its path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let url = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
        return url.path
    }

    @discardableResult
    func makeFolder(_ name: String) throws -> String {
        let url = folder.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return url.path
    }

    /// Starts a program that runs as long as the test.
    func start(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        input: String? = nil
    ) throws -> ChildProcess {
        let log = folder.appendingPathComponent("output-\(children.count)")
        let child = try ChildProcess(
            program, arguments, environment: environment, input: input, log: log)
        children.append(child)
        return child
    }

    /// Runs a program to its end.
    func run(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        input: String? = nil, within limit: Duration = .seconds(30)
    ) async throws -> (status: Int32?, output: String) {
        let child = try start(program, arguments, environment: environment, input: input)
        let status = await child.status(within: limit)
        return (status, child.output)
    }

    func end() async {
        for child in children.reversed() { await child.end() }
        try? FileManager.default.removeItem(at: folder)
    }
}

/// Lets only a few tests play at a time: each starts programs of its own, and all share the cores.
private actor Theatre {
    static let one = Theatre()
    private var freeStages = max(4, 2 * ProcessInfo.processInfo.activeProcessorCount)
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func enter() async {
        if freeStages > 0 {
            freeStages -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func leave() {
        if waiting.isEmpty { freeStages += 1 } else { waiting.removeFirst().resume() }
    }
}

/// Gives a test its stage when one is free, and clears it afterwards.
func withStage(_ body: (Stage) async throws -> Void) async throws {
    await Theatre.one.enter()
    do {
        try await play(body)
    } catch {
        await Theatre.one.leave()
        throw error
    }
    await Theatre.one.leave()
}

private func play(_ body: (Stage) async throws -> Void) async throws {
    let stage = try Stage()
    do {
        try await body(stage)
    } catch {
        await stage.end()
        throw error
    }
    await stage.end()
}

/// Waits until something listens there.
func isListening(_ address: String, _ port: Int, within limit: Duration = .seconds(20)) async
    -> Bool
{
    await isTrue(within: limit) { canConnect(address, port) }
}

/// Whether a TCP connection can be made.
private func canConnect(_ address: String, _ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var peer = sockaddr_in()
    peer.sin_family = sa_family_t(AF_INET)
    peer.sin_port = UInt16(port).bigEndian
    inet_pton(AF_INET, address, &peer.sin_addr)
    return withUnsafePointer(to: &peer) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
