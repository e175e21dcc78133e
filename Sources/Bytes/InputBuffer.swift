// SPDX-License-Identifier: Apache-2.0

/// Octets that have arrived and wait to be understood.
///
/// An empty buffer takes an arriving array over without copying it, and gives its memory back
/// when everything is consumed, so that an idle session holds nothing. Who fills it bounds it:
/// a session stops asking for octets while it holds more than it can use.
package struct InputBuffer: Sendable {
    private var storage: [UInt8] = []
    private var start = 0
    /// How far from `start` a search for the line end has already looked.
    private var searched = 0

    package init() {}

    package var count: Int { storage.count - start }
    package var isEmpty: Bool { start == storage.count }

    /// The octets not consumed yet.
    package var unread: ArraySlice<UInt8> { storage[start...] }

    /// Takes octets that arrived, behind those that are not read yet.
    package mutating func append(_ octets: consuming [UInt8]) {
        if isEmpty {
            storage = octets
            start = 0
            searched = 0
        } else {
            if start > 0 {
                storage.removeFirst(start)
                start = 0
            }
            storage += octets
        }
    }

    /// Drops octets that have been read; `count` is at most what is there.
    package mutating func consume(_ count: Int) {
        precondition(count <= self.count, "more consumed than there is")
        start += count
        searched = 0
        if isEmpty { removeAll() }
    }

    /// Drops everything: what came before TLS must not count after it.
    package mutating func removeAll() {
        storage = []
        start = 0
        searched = 0
    }

    /// A line, or why the octets up to the next line end are none.
    package enum Line: Sendable, Equatable {
        /// The octets before CRLF.
        case line([UInt8])
        /// More than `limit` octets before the line end; the line is consumed in pieces.
        case tooLong
        /// LF without CR before it (consumed up to it).
        case bareLineFeed
        /// CR without LF after it (consumed up to it).
        case bareCarriageReturn
    }

    /// The next line, strictly ended by CRLF (RFC 5321 §2.3.8), nil while it is not complete.
    ///
    /// `limit` is in octets without the CRLF. `tooLong` consumes what is there: ask again, and
    /// treat what follows up to the next line end as the rest of that line.
    package mutating func nextLine(limit: Int) -> Line? {
        var index = start + searched
        while index < storage.count {
            let octet = storage[index]
            if octet == .lineFeed {
                consume(index + 1 - start)
                return .bareLineFeed
            }
            if octet == .carriageReturn {
                guard index + 1 < storage.count else { break }
                guard storage[index + 1] == .lineFeed else {
                    consume(index + 1 - start)
                    return .bareCarriageReturn
                }
                let line = Array(storage[start..<index])
                consume(index + 2 - start)
                return .line(line)
            }
            index += 1
            // Here, not at the end of what has arrived: however the octets are cut into
            // arrivals, a line is refused at the same octet.
            if index - start > limit {
                consume(index - start)
                return .tooLong
            }
        }
        searched = index - start
        return nil
    }
}
