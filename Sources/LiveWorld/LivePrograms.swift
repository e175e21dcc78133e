// SPDX-License-Identifier: Apache-2.0

import CSockets
import Foundation
import Glibc
import Spawning
package import World

/// Programs of this machine, each looked after by a thread of its own while it runs.
package struct LivePrograms: Programs {
    /// Few of the server's secrets are in its environment, and a program needs none of them.
    private static let environment = ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"]
    /// How often it is asked whether a program has ended that has closed its output.
    private static let poll = Duration.milliseconds(2)

    package init() {}

    package func run(
        _ arguments: [String], input: [UInt8], outputLimit: Int, deadline: Instant
    ) async throws(ProgramFailure) -> ProgramRun {
        precondition(input.count <= ProgramRun.maximumInputOctets, "a pipe takes no more")
        let result = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    returning: Self.perform(arguments, input, outputLimit, deadline))
            }
        }
        return try result.get()
    }

    private static func perform(
        _ arguments: [String], _ input: [UInt8], _ limit: Int, _ deadline: Instant
    ) -> Result<ProgramRun, ProgramFailure> {
        do throws(ProgramFailure) {
            let (id, output) = try start(arguments, input)
            defer { close(output) }
            let octets = read(output, limit: limit, deadline)
            guard let octets, let status = end(of: id, deadline) else {
                // With all that it has started: it leads a group.
                kill(-id, SIGKILL)
                var status: Int32 = 0
                while waitpid(id, &status, 0) < 0, errno == EINTR {}
                return .failure(.deadlinePassed)
            }
            return .success(ProgramRun(status: status, output: octets))
        } catch {
            return .failure(error)
        }
    }

    /// The program's number, and where its output can be read.
    private static func start(
        _ arguments: [String], _ input: [UInt8]
    ) throws(ProgramFailure) -> (id: pid_t, output: CInt) {
        let (standardInput, output) = (try Pipe(), try Pipe())
        // All of it fits, so it is there before anybody reads.
        var sent = 0
        while sent < input.count {
            let count = input[sent...].withUnsafeBytes {
                write(standardInput.writeEnd, $0.baseAddress, $0.count)
            }
            guard count > 0 else { break }
            sent += count
        }
        close(standardInput.writeEnd)
        defer {
            close(standardInput.readEnd)
            close(output.writeEnd)
        }
        do throws(ChildProgram.Failure) {
            let id = try ChildProgram.spawn(
                arguments, environment: environment, input: .descriptor(standardInput.readEnd),
                output: .descriptor(output.writeEnd))
            return (id, output.readEnd)
        } catch {
            close(output.readEnd)
            throw .cannotStart(error.description)
        }
    }

    private struct Pipe {
        let readEnd: CInt
        let writeEnd: CInt

        init() throws(ProgramFailure) {
            var ends: [CInt] = [-1, -1]
            guard descriptor_pipe(&ends, O_CLOEXEC) == 0 else {
                throw .cannotStart(String(cString: strerror(errno)))
            }
            (readEnd, writeEnd) = (ends[0], ends[1])
        }
    }

    /// What it writes until it closes its output; nil if it does not.
    private static func read(_ output: CInt, limit: Int, _ deadline: Instant) -> [UInt8]? {
        let time = LiveTime()
        var octets: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let rest = (deadline - time.now).nanoseconds / 1_000_000 + 1
            guard rest > 0 else { return nil }
            var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&descriptor, 1, CInt(clamping: rest)) != 0 else { return nil }
            let count = Glibc.read(output, &buffer, buffer.count)
            if count == 0 { return octets }
            guard count > 0 else {
                if errno == EINTR { continue }
                return octets
            }
            // What is more is read and forgotten, so that it comes to its end.
            octets += buffer.prefix(min(count, limit - octets.count))
        }
    }

    /// Its exit status; nil if it does not end.
    private static func end(of id: pid_t, _ deadline: Instant) -> Int? {
        let time = LiveTime()
        while true {
            var status: Int32 = 0
            if waitpid(id, &status, WNOHANG) == id {
                return Int(status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + status & 0x7F)
            }
            guard time.now < deadline else { return nil }
            usleep(UInt32(poll.nanoseconds / 1000))
        }
    }
}
