// SPDX-License-Identifier: Apache-2.0

/// Quoted-printable (RFC 2045 §6.7).
package enum QuotedPrintable {
    /// RFC 2045 §6.7 (5): lines of at most 76 characters, the soft line break included.
    package static let maximumLineOctets = 76

    /// Text in lines that any transport carries unchanged; LF and CRLF become CRLF.
    ///
    /// With `isBinary` line ends are content and are encoded too.
    package static func encode(
        _ octets: some Collection<UInt8>, isBinary: Bool = false
    ) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(octets.count + octets.count / 8)
        var column = 0
        var index = octets.startIndex
        while index < octets.endIndex {
            let octet = octets[index]
            octets.formIndex(after: &index)
            let following = index < octets.endIndex ? octets[index] : nil
            if !isBinary, octet == .lineFeed || octet == .carriageReturn && following == .lineFeed {
                if octet == .carriageReturn { octets.formIndex(after: &index) }
                text += [.carriageReturn, .lineFeed]
                column = 0
                continue
            }
            // (3): white space at the end of a line would be lost on the way.
            let isAtLineEnd =
                following == nil || following == .lineFeed || following == .carriageReturn
            let isLiteral =
                (0x21...0x7E).contains(octet) && octet != UInt8(ascii: "=")
                || octet.isWhitespace && !isAtLineEnd
            // A line that is only a dot, or begins with "From ", is changed by some systems.
            let isRisky =
                column == 0 && (octet == .dot || octet == UInt8(ascii: "F") && following == 0x72)
            let width = isLiteral && !isRisky ? 1 : 3
            if column + width > maximumLineOctets - 1 {
                text += [UInt8(ascii: "="), .carriageReturn, .lineFeed]
                column = 0
            }
            if width == 1 {
                text.append(octet)
            } else {
                text += [UInt8(ascii: "="), digits[Int(octet >> 4)], digits[Int(octet & 15)]]
            }
            column += width
        }
        return text
    }

    /// The octets, whatever stands there; `isClean` is false if something was no quoted-printable.
    ///
    /// An equals sign without two digits is kept, white space before a line end is dropped as
    /// (3) asks, and lower-case digits are read like upper-case ones.
    package static func decode(
        _ text: ArraySlice<UInt8>
    ) -> (octets: [UInt8], isClean: Bool) {
        var octets: [UInt8] = []
        octets.reserveCapacity(text.count)
        var isClean = true
        var index = text.startIndex
        // The octets up to here are not white space that may have to be dropped.
        var solid = 0
        while index < text.endIndex {
            let octet = text[index]
            index += 1
            switch octet {
            case UInt8(ascii: "="):
                if index + 1 < text.endIndex, let high = text[index].hexadecimalValue,
                    let low = text[index + 1].hexadecimalValue
                {
                    octets.append(high << 4 | low)
                    index += 2
                } else if let next = softBreak(text, index) {
                    index = next
                } else {
                    octets.append(octet)
                    isClean = false
                }
                solid = octets.count
            case .lineFeed:
                octets.removeLast(octets.count - solid)
                octets.append(octet)
                solid = octets.count
            case .carriageReturn where index < text.endIndex && text[index] == .lineFeed:
                octets.removeLast(octets.count - solid)
                octets += [octet, .lineFeed]
                index += 1
                solid = octets.count
            case .space, .tab:
                octets.append(octet)
            default:
                octets.append(octet)
                solid = octets.count
            }
        }
        octets.removeLast(octets.count - solid)
        return (octets, isClean)
    }

    /// Behind `=`: optional white space and a line end, or the end of everything.
    private static func softBreak(_ text: ArraySlice<UInt8>, _ start: Int) -> Int? {
        var index = start
        while index < text.endIndex, text[index].isWhitespace { index += 1 }
        if index == text.endIndex { return index }
        if text[index] == .lineFeed { return index + 1 }
        guard text[index] == .carriageReturn else { return nil }
        index += 1
        return index < text.endIndex && text[index] == .lineFeed ? index + 1 : index
    }
}
