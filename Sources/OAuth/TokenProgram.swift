// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Directory
import Mail
package import World

/// A program of the operator's that knows tokens.
///
/// It reads the token from its standard input. It prints the address of the account and ends with 0;
/// with 75 (EX_TEMPFAIL) it asks to be asked later; with any other status it refuses.
package struct TokenProgram: TokenSource {
    private let command: [String]
    private let programs: any Programs

    /// A few processes beside those that carry mail.
    package let maximumAtOnce = 16
    /// An address and its line end.
    private static let maximumOutputOctets = 1024
    /// EX_TEMPFAIL of sysexits(3).
    private static let temporaryFailure = 75

    /// `command` begins with the program's whole path.
    package init(_ command: [String], on programs: any Programs) {
        self.command = command
        self.programs = programs
    }

    package func find(
        _ token: String, deadline: Instant
    ) async -> (TokenVerdict, validity: Duration?) {
        let name = command.first ?? ""
        guard token.utf8.count <= ProgramRun.maximumInputOctets else {
            return (.refused("it is too long"), nil)
        }
        do throws(ProgramFailure) {
            let run = try await programs.run(
                command, input: Array(token.utf8), outputLimit: Self.maximumOutputOctets,
                deadline: deadline)
            return (Self.verdict(run, name), nil)
        } catch {
            return (.unavailable("the program \(name) says nothing: \(error)"), nil)
        }
    }

    private static func verdict(_ run: ProgramRun, _ name: String) -> TokenVerdict {
        switch run.status {
        case 0:
            let text = String(lossy: run.output.prefix { $0 != .lineFeed && $0 != .carriageReturn })
            guard let owner = try? Address(text) else {
                return .unavailable("the program \(name) prints `\(text)`, which is no address")
            }
            return .owner(owner)
        case temporaryFailure:
            return .unavailable("the program \(name) asks to be asked later")
        default: return .refused("the program \(name) ends with \(run.status)")
        }
    }
}
