// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A subject without what replies and forwards add to it (RFC 5256 §2.1).
package struct BaseSubject: Hashable, Sendable {
    /// In UTF-8, as written otherwise.
    package let text: [UInt8]
    /// Something was removed that says "reply" or "forward" (RFC 5256 §3, REFERENCES (5)).
    package let isReplyOrForward: Bool

    /// A longer subject is cut: reading prefixes takes time by the square of their number.
    package static let maximumOctets = 2048

    /// Takes a subject whose encoded words are decoded, in UTF-8.
    package init(_ subject: some Collection<UInt8>) {
        var parser = Parser(subject)
        parser.parse()
        text = Array(parser.text[parser.start..<parser.end])
        isReplyOrForward = parser.isReplyOrForward
    }

    private struct Parser {
        var text: [UInt8] = []
        var start = 0
        var end: Int
        var isReplyOrForward = false

        /// Step 1: tabs, line ends and runs of spaces become one space.
        init(_ subject: some Collection<UInt8>) {
            text.reserveCapacity(min(subject.count, maximumOctets))
            for octet in subject {
                if text.count >= maximumOctets { break }
                guard octet.isSpaceOrLineEnd else {
                    text.append(octet)
                    continue
                }
                if text.last != .space { text.append(.space) }
            }
            end = text.count
        }

        mutating func parse() {
            repeat {
                removeTrailers()
                while removeLeader() || removeBlob() {}
            } while removeForward()
        }

        // Step 2: subj-trailer = "(fwd)" / WSP
        private mutating func removeTrailers() {
            while true {
                if end > start, text[end - 1] == .space {
                    end -= 1
                } else if end - start >= 5, matches("(fwd)", at: end - 5) {
                    end -= 5
                    isReplyOrForward = true
                } else {
                    return
                }
            }
        }

        // Step 3: subj-leader = (*subj-blob subj-refwd) / WSP
        private mutating func removeLeader() -> Bool {
            guard start < end else { return false }
            if text[start] == .space {
                start += 1
                return true
            }
            var index = start
            while let next = blob(at: index) { index = next }
            // subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
            if matches("re", at: index) {
                index += 2
            } else if matches("fw", at: index) {
                index += matches("fwd", at: index) ? 3 : 2
            } else {
                return false
            }
            while index < end, text[index] == .space { index += 1 }
            index = blob(at: index) ?? index
            guard index < end, text[index] == UInt8(ascii: ":") else { return false }
            start = index + 1
            isReplyOrForward = true
            return true
        }

        /// Step 4: a blob before the rest, unless it is all there is.
        private mutating func removeBlob() -> Bool {
            guard let next = blob(at: start), next < end else { return false }
            start = next
            return true
        }

        // Step 6: subj-fwd = "[fwd:" subject "]"
        private mutating func removeForward() -> Bool {
            guard end - start >= 6, matches("[fwd:", at: start), text[end - 1] == UInt8(ascii: "]")
            else { return false }
            start += 5
            end -= 1
            isReplyOrForward = true
            return true
        }

        /// `subj-blob = "[" *BLOBCHAR "]" *WSP`; where it ends.
        private func blob(at index: Int) -> Int? {
            guard index < end, text[index] == UInt8(ascii: "[") else { return nil }
            var index = index + 1
            while index < end, text[index] != UInt8(ascii: "]") {
                if text[index] == UInt8(ascii: "[") { return nil }
                index += 1
            }
            guard index < end else { return nil }
            index += 1
            while index < end, text[index] == .space { index += 1 }
            return index
        }

        private func matches(_ word: StaticString, at index: Int) -> Bool {
            let count = word.utf8CodeUnitCount
            guard index >= start, index + count <= end else { return false }
            for offset in 0..<count
            where text[index + offset].lowercased != word.utf8Start[offset] {
                return false
            }
            return true
        }
    }
}
