// SPDX-License-Identifier: Apache-2.0

package import Bytes
@_spi(_Unicode) import Swift

/// Between U-labels and A-labels (RFC 5890 §2.3.2.1), by way of Punycode (RFC 3492).
package enum InternationalDomain {
    /// The longest name that a domain of 253 octets can come from: four octets of UTF-8 for each.
    private static let maximumOctets = 1012

    /// Each label that is not ASCII as `xn--` and Punycode, after lower case and NFC.
    package static func toASCII(_ text: String) throws(SyntaxError) -> String {
        guard text.utf8.count <= maximumOctets else {
            throw SyntaxError(at: maximumOctets, expected: "the end of a domain before that")
        }
        // RFC 3490 §3.1 (1): the ideographic full stops count as dots.
        let labels = text.split(omittingEmptySubsequences: false) { ".。．｡".contains($0) }
        var result: [String] = []
        for label in labels {
            let folded = normalized(label.lowercased())
            guard !folded.isASCII else {
                result.append(folded)
                continue
            }
            // RFC 5891 §4.2.3.1: hyphens stand neither at an end nor in third and fourth place.
            let scalars = folded.unicodeScalars
            guard scalars.first != "-", scalars.last != "-",
                !scalars.dropFirst(2).starts(with: ["-", "-"]),
                let encoded = Punycode.encode(folded)
            else {
                throw SyntaxError(at: 0, expected: "a label that can be written in Punycode")
            }
            result.append("xn--" + encoded)
        }
        return result.joined(separator: ".")
    }

    /// Normalization Form C (RFC 5891 §4.1), which the standard library knows but hides.
    private static func normalized(_ text: String) -> String {
        var result = ""
        for scalar in text._nfc { result.unicodeScalars.append(scalar) }
        return result
    }

    /// Each `xn--` label that is turned back into itself (RFC 5891 §5.4), as a U-label.
    package static func toUnicode(_ name: String) -> String {
        guard name.contains("xn--") else { return name }
        return name.split(separator: ".", omittingEmptySubsequences: false)
            .map { label in
                guard label.hasPrefix("xn--"), let text = Punycode.decode(label.dropFirst(4)),
                    !text.isASCII, let again = try? toASCII(text), again == label
                else { return String(label) }
                return text
            }
            .joined(separator: ".")
    }
}

/// RFC 3492.
enum Punycode {
    // §5
    private static let base = 36
    private static let tMin = 1
    private static let tMax = 26
    private static let skew = 38
    private static let damp = 700
    private static let initialBias = 72
    private static let initialN = 0x80

    // §6.1
    private static func adapt(_ delta: Int, _ points: Int, first: Bool) -> Int {
        var delta = first ? delta / damp : delta / 2
        delta += delta / points
        var k = 0
        while delta > (base - tMin) * tMax / 2 {
            delta /= base - tMin
            k += base
        }
        return k + (base - tMin + 1) * delta / (delta + skew)
    }

    private static func digit(_ value: Int) -> UInt8 {
        UInt8(value < 26 ? value + 0x61 : value - 26 + 0x30)
    }

    // §6.3
    static func encode(_ text: String) -> String? {
        let points = text.unicodeScalars.map { Int($0.value) }
        guard points.count <= 63 else { return nil }
        var output = points.filter { $0 < 0x80 }.map { UInt8($0) }
        let basic = output.count
        if basic > 0 { output.append(UInt8(ascii: "-")) }
        var n = initialN
        var delta = 0
        var bias = initialBias
        var handled = basic
        while handled < points.count {
            guard let next = points.filter({ $0 >= n }).min() else { return nil }
            delta += (next - n) * (handled + 1)
            n = next
            for point in points {
                if point < n { delta += 1 }
                guard point == n else { continue }
                var q = delta
                var k = base
                while true {
                    let t = min(max(k - bias, tMin), tMax)
                    if q < t { break }
                    output.append(digit(t + (q - t) % (base - t)))
                    q = (q - t) / (base - t)
                    k += base
                }
                output.append(digit(q))
                bias = adapt(delta, handled + 1, first: handled == basic)
                delta = 0
                handled += 1
            }
            delta += 1
            n += 1
        }
        return String(decoding: output, as: UTF8.self)
    }

    // §6.2
    static func decode(_ text: Substring) -> String? {
        guard text.utf8.count <= 63, text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let octets = Array(text.utf8)
        let hyphen = octets.lastIndex(of: UInt8(ascii: "-"))
        var output = octets[..<(hyphen ?? 0)].map { Int($0) }
        var position = hyphen.map { $0 + 1 } ?? 0
        var n = initialN
        var i = 0
        var bias = initialBias
        while position < octets.count {
            let old = i
            var weight = 1
            var k = base
            while true {
                guard position < octets.count, let value = value(octets[position]) else {
                    return nil
                }
                position += 1
                i += value * weight
                guard i <= 0x10FFFF * 64 else { return nil }
                let t = min(max(k - bias, tMin), tMax)
                if value < t { break }
                weight *= base - t
                guard weight <= 0x10FFFF * 64 else { return nil }
                k += base
            }
            bias = adapt(i - old, output.count + 1, first: old == 0)
            n += i / (output.count + 1)
            i %= output.count + 1
            output.insert(n, at: i)
            i += 1
        }
        var result = ""
        for point in output {
            guard let scalar = Unicode.Scalar(UInt32(point)) else { return nil }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    private static func value(_ digit: UInt8) -> Int? {
        if digit.isDigit { return Int(digit) - 0x30 + 26 }
        return digit.isAlpha ? Int(digit.lowercased) - 0x61 : nil
    }
}
