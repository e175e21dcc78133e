// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DKIM

/// Authentication-Results fields (RFC 8601 §2.2), as far as one is told from another.
///
/// ```abnf
/// authres-header-field = "Authentication-Results:" authres-payload
/// authres-payload = [CFWS] authserv-id [ CFWS authres-version ] ( no-result / 1*resinfo ) [CFWS] CRLF
/// resinfo = [CFWS] ";" methodspec [ CFWS reasonspec ] [ CFWS 1*propspec ]
/// ```
package enum AuthenticationResults {
    /// The results of all fields of one server, from the top, unfolded; `none` if no field has any.
    package static func merged(from header: FieldList, authservID: String) -> [String] {
        let found = header.all(named: "authentication-results".utf8).flatMap { field in
            isOf(field, authservID: authservID) ? Array(parts(of: field).dropFirst()) : []
        }.filter { !$0.isEmpty }
        // no-result stands in the place of all results.
        let results = found.filter { $0.lowercased() != "none" }
        return results.isEmpty ? Array(found.prefix(1)) : results
    }

    /// What stands between the semicolons of a field, unfolded.
    static func parts(of field: FieldList.Field) -> [String] {
        split(field.value).map { String(lossy: unfolded($0)) }
    }

    /// The header without fields that claim to be of this server (RFC 8601 §5).
    package static func removed(from header: [UInt8], authservID: String) -> [UInt8] {
        var kept: [UInt8] = []
        var start = 0
        for field in FieldList(header).all(named: "authentication-results".utf8)
        where isOf(field, authservID: authservID) {
            kept += header[start..<field.whole.startIndex]
            start = field.whole.endIndex
        }
        return start == 0 ? header : kept + header[start...]
    }

    /// Whether a field was written in the name of this server.
    package static func isOf(_ field: FieldList.Field, authservID: String) -> Bool {
        split(field.value).first.map { isOf($0, authservID) } ?? false
    }

    /// authserv-id, perhaps within quotes, perhaps with a version behind it, in any script.
    private static func isOf(_ head: [UInt8], _ authservID: String) -> Bool {
        var text = withoutComments(head).drop { $0.isWhitespace }
        if text.first == UInt8(ascii: "\"") {
            text = unquoted(text.dropFirst())[...]
        } else {
            text = text.prefix { !$0.isWhitespace }
        }
        if text.equalsIgnoringCase(authservID.utf8) { return true }
        // RFC 8601 §2.2: it may hold U-labels.
        guard text.contains(where: { $0 >= 0x80 }) else { return false }
        return Signature.aLabels(String(lossy: text))?.utf8.equalsIgnoringCase(authservID.utf8)
            ?? false
    }

    /// What stands before the closing quote.
    private static func unquoted(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var isEscaped = false
        for octet in text {
            if !isEscaped {
                if octet == UInt8(ascii: "\"") { break }
                isEscaped = octet == UInt8(ascii: "\\")
                if isEscaped { continue }
            }
            isEscaped = false
            result.append(octet)
        }
        return result
    }

    /// At semicolons that stand in no comment and in no quoted string.
    static func split(_ value: ArraySlice<UInt8>) -> [[UInt8]] {
        var parts: [[UInt8]] = [[]]
        var nesting = Nesting()
        for octet in value {
            nesting.take(octet)
            if octet == UInt8(ascii: ";"), nesting.isOutside {
                parts.append([])
            } else {
                parts[parts.count - 1].append(octet)
            }
        }
        return parts
    }

    /// Line ends go, white space at both ends and repeated goes.
    private static func unfolded(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for octet in text where octet != .carriageReturn && octet != .lineFeed {
            if octet.isWhitespace {
                if let last = result.last, last != .space { result.append(.space) }
            } else {
                result.append(octet)
            }
        }
        if result.last == .space { result.removeLast() }
        return result
    }

    /// Unfolded; each comment leaves a space.
    static func withoutComments(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var nesting = Nesting()
        for octet in text where octet != .carriageReturn && octet != .lineFeed {
            let wasInComment = nesting.isInComment
            nesting.take(octet)
            if nesting.isInComment { continue }
            result.append(wasInComment ? .space : octet)
        }
        return result
    }
}

/// Follows comments (RFC 5322 §3.2.2) and quoted strings (§3.2.4) from octet to octet.
private struct Nesting {
    private var depth = 0
    private var isQuoted = false
    private var isEscaped = false

    var isInComment: Bool { depth > 0 }
    var isOutside: Bool { depth == 0 && !isQuoted }

    mutating func take(_ octet: UInt8) {
        if isEscaped {
            isEscaped = false
            return
        }
        switch octet {
        case UInt8(ascii: "\\"): isEscaped = !isOutside
        case UInt8(ascii: "\"") where depth == 0: isQuoted.toggle()
        case UInt8(ascii: "(") where !isQuoted: depth += 1
        case UInt8(ascii: ")") where depth > 0: depth -= 1
        default: break
        }
    }
}
