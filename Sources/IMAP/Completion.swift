// SPDX-License-Identifier: Apache-2.0

import Bytes

/// How a command ended: its tagged response (RFC 9051 §7.1).
package struct Completion: Hashable, Sendable, Error {
    /// The first word behind the tag.
    package enum Status: Hashable, Sendable { case ok, no, bad }
    package var status: Status
    package var code: ResponseCode?
    /// One line for people, in ASCII unless UTF-8 is enabled.
    package var text: String

    package init(_ status: Status, _ code: ResponseCode?, _ text: String) {
        self.status = status
        self.code = code
        self.text = text
    }

    /// It was done.
    package static func ok(_ code: ResponseCode? = nil, _ text: String = "done") -> Self {
        Self(.ok, code, text)
    }
    /// It was well said, and was not done.
    package static func no(_ code: ResponseCode?, _ text: String) -> Self { Self(.no, code, text) }
    /// It was not understood, or may not be said here.
    package static func bad(_ code: ResponseCode? = nil, _ text: String) -> Self {
        Self(.bad, code, text)
    }

    /// The response line; `tag` is `*` where there is none.
    func write(tag: [UInt8], to octets: inout [UInt8]) {
        octets += tag
        switch status {
        case .ok: octets.append(" OK ")
        case .no: octets.append(" NO ")
        case .bad: octets.append(" BAD ")
        }
        code?.write(to: &octets)
        // Whatever a text was made of: one line, and never empty (RFC 9051 §9, `text`).
        let isPlain = text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
        if isPlain, !text.isEmpty {
            octets.append(text)
        } else {
            octets += text.utf8.map { $0 >= 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "?") }
            if text.isEmpty { octets.append("-") }
        }
        octets.append("\r\n")
    }
}
