// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Directory
import Storage

/// Why a command was not carried out: one sentence for people, and sysexits(3)'s number.
package struct ControlFailure: Error, Equatable, CustomStringConvertible {
    package let description: String
    package let exitCode: Int32

    /// EX_USAGE: the command was used incorrectly.
    package static func usage(_ text: String) -> Self { Self(description: text, exitCode: 64) }
    /// EX_DATAERR: what was given is wrong in some way.
    package static func data(_ text: String) -> Self { Self(description: text, exitCode: 65) }
    /// EX_UNAVAILABLE: something needed is not there.
    package static func unavailable(_ text: String) -> Self {
        Self(description: text, exitCode: 69)
    }
    /// EX_TEMPFAIL: later it may work.
    package static func temporary(_ text: String) -> Self {
        Self(description: text, exitCode: 75)
    }
    /// EX_CONFIG: something was configured wrongly.
    package static func configuration(_ text: String) -> Self {
        Self(description: text, exitCode: 78)
    }

    init(_ error: any Error) {
        switch error {
        case let failure as ControlFailure: self = failure
        case let failure as DirectoryFailure:
            if case .storage(let storage) = failure {
                self = .temporary(storage.description)
            } else {
                self = .data(failure.description)
            }
        case let failure as StorageFailure: self = .temporary(failure.description)
        default: self = .temporary("\(error)")
        }
    }

    /// As it crosses the socket.
    package var json: JSON {
        ["error": .string(description), "exit": .integer(Int64(exitCode))]
    }

    /// Reads what `json` wrote.
    package init?(_ json: JSON) {
        guard let text = json["error"]?.string, let code = json["exit"]?.integer else {
            return nil
        }
        self.init(description: text, exitCode: Int32(truncatingIfNeeded: code))
    }

    private init(description: String, exitCode: Int32) {
        self.description = description
        self.exitCode = exitCode
    }
}
