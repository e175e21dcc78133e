// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Mail

/// An MTA-STS policy (RFC 8461 §3.2): which exchangers of a domain may be trusted.
package struct STSPolicy: Hashable, Sendable {
    /// What a sender does with an exchanger that fails (RFC 8461 §5).
    package enum Mode: String, Hashable, Sendable, CaseIterable {
        /// It does not deliver there.
        case enforce
        /// It delivers, and reports.
        case testing
        /// There is no policy any more.
        case none
    }

    package var mode: Mode
    /// How long a sender may keep the policy, in seconds: at most `longestAgeSeconds`.
    package var maximumAgeSeconds: Int
    /// In the order written; one for every exchanger that may be used.
    package var patterns: [STSPattern]

    /// A year, 365.25 days long (RFC 8461 §3.2).
    package static let longestAgeSeconds = 31_557_600
    /// What senders suggest to read at most (RFC 8461 §3.3).
    package static let maximumOctets = 64 << 10

    package init(mode: Mode, maximumAgeSeconds: Int, patterns: [STSPattern]) {
        self.mode = mode
        self.maximumAgeSeconds = maximumAgeSeconds
        self.patterns = patterns
    }

    /// Reads a policy file; empty lines are passed over, as senders do.
    ///
    /// ```abnf
    /// sts-policy-record = sts-policy-field *WSP
    ///                     *(sts-policy-term sts-policy-field *WSP)
    ///                     [sts-policy-term]
    /// sts-policy-field-delim = ":" *WSP
    /// sts-policy-term   = LF / CRLF
    /// ```
    package init(parsing octets: some Collection<UInt8>) throws(SyntaxError) {
        let octets = Array(octets)
        guard octets.count <= Self.maximumOctets else {
            throw SyntaxError(at: Self.maximumOctets, expected: "at most 65,536 octets")
        }
        var fields = Fields()
        var start = 0
        while start < octets.count {
            let end = octets[start...].firstIndex(of: .lineFeed) ?? octets.count
            var line = octets[start..<end]
            if line.last == .carriageReturn { line.removeLast() }
            if !line.allSatisfy(\.isWhitespace) { try fields.take(line) }
            start = end + 1
        }
        guard fields.version != nil else {
            throw SyntaxError(at: octets.count, expected: "a line `version: STSv1`")
        }
        guard let mode = fields.mode else {
            throw SyntaxError(at: octets.count, expected: "a line `mode`")
        }
        guard let age = fields.maximumAgeSeconds else {
            throw SyntaxError(at: octets.count, expected: "a line `max_age`")
        }
        guard mode == .none || !fields.patterns.isEmpty else {
            throw SyntaxError(at: octets.count, expected: "a line `mx`")
        }
        self.init(mode: mode, maximumAgeSeconds: age, patterns: fields.patterns)
    }

    /// The policy file (RFC 8461 §3.2), its lines ended by CRLF.
    package var text: String {
        (["version: STSv1", "mode: \(mode.rawValue)"] + patterns.map { "mx: \($0)" }
            + ["max_age: \(maximumAgeSeconds)"]).map { $0 + "\r\n" }.joined()
    }

    /// Whether an exchanger may be used, by its name in the MX record (RFC 8461 §4.1).
    package func lists(_ host: String) -> Bool { patterns.contains { $0.matches(host) } }

    private struct Fields {
        var version: String?
        var mode: Mode?
        var maximumAgeSeconds: Int?
        var patterns: [STSPattern] = []

        /// Takes a line; of a field that stands twice the first counts (RFC 8461 §3.2).
        mutating func take(_ line: ArraySlice<UInt8>) throws(SyntaxError) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                throw SyntaxError(at: line.startIndex, expected: "a key, \":\" and a value")
            }
            let key = String(lossy: line[..<colon])
            let value = line[(colon + 1)...].drop(while: \.isWhitespace).trimmedEnd
            switch key {
            case "version":
                guard version == nil else { return }
                guard value.elementsEqual("STSv1".utf8) else {
                    throw SyntaxError(at: value.startIndex, expected: "STSv1")
                }
                version = String(lossy: value)
            case "mode":
                guard mode == nil else { return }
                guard let known = Mode(rawValue: String(lossy: value)) else {
                    throw SyntaxError(at: value.startIndex, expected: "enforce, testing or none")
                }
                mode = known
            case "max_age":
                guard maximumAgeSeconds == nil else { return }
                guard (1...10).contains(value.count), value.allSatisfy(\.isDigit),
                    let seconds = Int(String(lossy: value)), seconds <= longestAgeSeconds
                else {
                    throw SyntaxError(at: value.startIndex, expected: "0 to 31557600 seconds")
                }
                maximumAgeSeconds = seconds
            case "mx":
                guard let pattern = STSPattern(String(lossy: value)) else {
                    throw SyntaxError(
                        at: value.startIndex, expected: "a host's name, or \"*.\" and a domain")
                }
                patterns.append(pattern)
            default:
                guard Self.isExtensionName(line[..<colon]), Self.isExtensionValue(value) else {
                    throw SyntaxError(at: line.startIndex, expected: "a key and a value")
                }
            }
        }

        // sts-policy-ext-name = sts-policy-alphanum
        //                       *31(sts-policy-alphanum / "_" / "-" / ".")
        private static func isExtensionName(_ name: ArraySlice<UInt8>) -> Bool {
            guard let first = name.first, first.isAlphanumeric, name.count <= 32 else {
                return false
            }
            return name.allSatisfy { $0.isAlphanumeric || "_-.".utf8.contains($0) }
        }

        private static func isExtensionValue(_ value: ArraySlice<UInt8>) -> Bool {
            !value.isEmpty && value.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
                && String(validating: value, as: UTF8.self) != nil
        }
    }
}

extension ArraySlice<UInt8> {
    /// Without spaces and tabs at the end.
    var trimmedEnd: ArraySlice<UInt8> {
        var slice = self
        while slice.last?.isWhitespace == true { slice.removeLast() }
        return slice
    }
}
