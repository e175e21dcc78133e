// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Holds a message's header back until it is complete, so that trace and missing fields can be
/// put before it; everything behind the header passes through untouched.
struct HeaderIntake {
    /// More than any honest header; its length bounds the memory of a session.
    static let maximumOctets = 256 * 1024

    private(set) var octets: [UInt8] = []
    private(set) var isComplete = false
    /// How far the search for the empty line has come.
    private var searched = 0

    enum Progress: Equatable {
        case needsMore
        /// `octets` is complete with its empty line; these octets follow it.
        case complete(rest: ArraySlice<UInt8>)
        case tooLarge
    }

    /// Takes octets until the empty line; call no more once it is `complete`.
    mutating func take(_ arriving: ArraySlice<UInt8>) -> Progress {
        precondition(!isComplete, "the header is complete already")
        let before = octets.count
        octets += arriving
        guard let end = endOfHeader() else {
            return octets.count > Self.maximumOctets ? .tooLarge : .needsMore
        }
        guard end <= Self.maximumOctets else { return .tooLarge }
        octets.removeLast(octets.count - end)
        return .complete(rest: arriving.dropFirst(end - before))
    }

    /// The header has been passed on: what follows is body, and nothing is held any more.
    mutating func complete() {
        isComplete = true
        octets = []
    }

    /// Behind CRLF CRLF, or behind a CRLF that is the first thing there is.
    private mutating func endOfHeader() -> Int? {
        if octets.starts(with: [.carriageReturn, .lineFeed]) { return 2 }
        var index = searched
        while index + 3 < octets.count {
            // Lines end with CRLF here (bare ones were refused), so LF CR begins an empty line.
            if octets[index + 1] == .lineFeed, octets[index + 2] == .carriageReturn {
                return index + 4
            }
            index += 1
        }
        searched = max(0, octets.count - 3)
        return nil
    }
}
