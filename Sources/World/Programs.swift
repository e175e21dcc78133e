// SPDX-License-Identifier: Apache-2.0

/// The way to other programs of this machine.
package protocol Programs: Sendable {
    /// Runs a program to its end; `arguments` begins with its whole path.
    ///
    /// It reads `input`, at most `ProgramRun.maximumInputOctets`, from its standard input; what it
    /// writes to its standard output comes back, as far as `outputLimit`. It is ended by force at
    /// the deadline, with what it has started.
    func run(
        _ arguments: [String], input: [UInt8], outputLimit: Int, deadline: Instant
    ) async throws(ProgramFailure) -> ProgramRun
}

/// How a program has ended.
package struct ProgramRun: Sendable, Hashable {
    /// Its exit status; that of a signal is 128 more.
    package var status: Int
    package var output: [UInt8]

    /// What a pipe takes at once (pipe(7)), so that nobody waits for a program that does not read.
    package static let maximumInputOctets = 64 << 10

    package init(status: Int, output: [UInt8]) {
        self.status = status
        self.output = output
    }
}

/// Why a program has no end to tell of.
package enum ProgramFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The system's words.
    case cannotStart(String)
    case deadlinePassed

    package var description: String {
        switch self {
        case .cannotStart(let reason): "it cannot be started: \(reason)"
        case .deadlinePassed: "it took too long"
        }
    }
}
