// SPDX-License-Identifier: Apache-2.0

import Bytes

/// How a command ended (RFC 5804 §1.2, §1.3).
package struct Response: Hashable, Sendable {
    /// Whether it was done, was not, or the connection ends.
    package enum Status: String, Sendable {
        case ok = "OK"
        case no = "NO"
        /// The connection ends.
        case bye = "BYE"
    }

    /// What a program can tell from a response, besides how it ended.
    package enum Code: Hashable, Sendable {
        case active
        case alreadyExists
        case encryptionNeeded
        case nonexistent
        case quotaScripts
        case quotaSize
        case tag([UInt8])
        case tryLater
        case warnings

        var octets: [UInt8] {
            switch self {
            case .active: Array("ACTIVE".utf8)
            case .alreadyExists: Array("ALREADYEXISTS".utf8)
            case .encryptionNeeded: Array("ENCRYPT-NEEDED".utf8)
            case .nonexistent: Array("NONEXISTENT".utf8)
            case .quotaScripts: Array("QUOTA/MAXSCRIPTS".utf8)
            case .quotaSize: Array("QUOTA/MAXSIZE".utf8)
            case .tag(let tag): Array("TAG ".utf8) + Wire.string(tag)
            case .tryLater: Array("TRYLATER".utf8)
            case .warnings: Array("WARNINGS".utf8)
            }
        }
    }

    package var status: Status
    package var code: Code?
    /// For people; several lines are sent as a literal.
    package var text: String?

    /// It was done.
    package static func ok(_ code: Code? = nil, _ text: String? = nil) -> Self {
        Self(status: .ok, code: code, text: text)
    }

    /// It was not done, and why.
    package static func no(_ code: Code? = nil, _ text: String) -> Self {
        Self(status: .no, code: code, text: text)
    }

    static func bye(_ code: Code? = nil, _ text: String) -> Self {
        Self(status: .bye, code: code, text: text)
    }

    /// ```abnf
    /// response-oknobye = ("OK" / "NO" / "BYE") [SP "(" resp-code ")"] [SP string] CRLF
    /// ```
    var octets: [UInt8] {
        var octets = Array(status.rawValue.utf8)
        if let code {
            octets += Array(" (".utf8) + code.octets + Array(")".utf8)
        }
        if let text { octets += [.space] + Wire.string(Array(text.utf8)) }
        return octets + [.carriageReturn, .lineFeed]
    }
}

/// Strings as the server writes them (RFC 5804 §4).
enum Wire {
    /// `quoted` has at most so many octets between its quotes.
    static let maximumQuotedOctets = 1024

    /// Quoted where that can be, else as a literal.
    static func string(_ octets: [UInt8]) -> [UInt8] {
        let isQuotable = octets.allSatisfy {
            $0 != 0 && $0 != .carriageReturn && $0 != .lineFeed
        }
        guard isQuotable, octets.count * 2 <= maximumQuotedOctets,
            String(validating: octets, as: UTF8.self) != nil
        else { return literal(octets) }
        var quoted = [UInt8(ascii: "\"")]
        for octet in octets {
            if octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") {
                quoted.append(UInt8(ascii: "\\"))
            }
            quoted.append(octet)
        }
        return quoted + [UInt8(ascii: "\"")]
    }

    /// As a literal: `"{" number "}" CRLF *OCTET`.
    static func literal(_ octets: [UInt8]) -> [UInt8] {
        Array("{\(octets.count)}\r\n".utf8) + octets
    }

    static func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }
}
