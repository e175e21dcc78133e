// SPDX-License-Identifier: Apache-2.0

import Bytes

extension [UInt8] {
    /// What stands for NUL where it must not be: no text in ASCII or UTF-8 has it.
    private static var substitute: UInt8 { 0x80 }

    /// Whether NUL is among the octets from `start` on.
    func holdsNull(from start: Int) -> Bool {
        withUnsafeBytes { $0.position(of: 0, from: start) } != nil
    }

    /// A literal must not hold NUL (RFC 9051 §9, `literal`): messages that came with it show
    /// another octet in its place, and BINARY[] shows what it is.
    mutating func hideNulls(from start: Int) {
        var next = start
        while let null = withUnsafeBytes({ $0.position(of: 0, from: next) }) {
            self[null] = Self.substitute
            next = null + 1
        }
    }
}
