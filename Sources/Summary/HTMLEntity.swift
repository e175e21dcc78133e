// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The characters that HTML's references stand for.
enum HTMLEntity {
    /// What stands between `&` and `;`; nil if it is no reference that is known.
    static func scalar(named name: UnsafeRawBufferPointer) -> Unicode.Scalar? {
        guard let first = name.first else { return nil }
        if first == UInt8(ascii: "#") { return numeric(name.dropFirst()) }
        return named[String(decoding: name, as: UTF8.self)]
    }

    private static func numeric(_ digits: Slice<UnsafeRawBufferPointer>) -> Unicode.Scalar? {
        guard let first = digits.first else { return nil }
        let isHexadecimal = first.lowercased == UInt8(ascii: "x")
        let digits = isHexadecimal ? digits.dropFirst() : digits
        guard (1...8).contains(digits.count) else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard let number = digit.hexadecimalValue, isHexadecimal || number < 10 else {
                return nil
            }
            value = value * (isHexadecimal ? 16 : 10) + UInt64(number)
        }
        guard value < 0x11_0000 else { return "\u{FFFD}" }
        return Unicode.Scalar(UInt32(value)) ?? "\u{FFFD}"
    }

    private static let named: [String: Unicode.Scalar] = {
        var named: [String: Unicode.Scalar] = [:]
        for (index, name) in latin1.split(separator: " ").enumerated() {
            named[String(name)] = Unicode.Scalar(0xA0 + UInt32(index))
        }
        let words = others.split(whereSeparator: { $0 == " " || $0 == "\n" })
        for pair in stride(from: 0, to: words.count - 1, by: 2) {
            named[String(words[pair])] = words[pair + 1].unicodeScalars.first
        }
        named["lt"] = "<"
        named["gt"] = ">"
        named["amp"] = "&"
        named["quot"] = "\""
        named["apos"] = "'"
        named["ensp"] = "\u{2002}"
        named["emsp"] = "\u{2003}"
        named["thinsp"] = "\u{2009}"
        named["zwnj"] = "\u{200C}"
        named["zwj"] = "\u{200D}"
        named["lrm"] = "\u{200E}"
        named["rlm"] = "\u{200F}"
        return named
    }()

    /// U+00A0 to U+00FF in their order.
    private static let latin1 = """
        nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg \
        plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 \
        iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml \
        Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave \
        Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil \
        egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde \
        ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml
        """

    private static let others = """
        OElig Œ oelig œ Scaron Š scaron š Yuml Ÿ fnof ƒ circ ˆ tilde ˜ ndash – mdash — lsquo ‘
        rsquo ’ sbquo ‚ ldquo “ rdquo ” bdquo „ dagger † Dagger ‡ bull • hellip … permil ‰
        prime ′ Prime ″ lsaquo ‹ rsaquo › euro € trade ™ larr ← uarr ↑ rarr → darr ↓ harr ↔
        Alpha Α Beta Β Gamma Γ Delta Δ Epsilon Ε Zeta Ζ Eta Η Theta Θ Iota Ι Kappa Κ Lambda Λ
        Mu Μ Nu Ν Xi Ξ Omicron Ο Pi Π Rho Ρ Sigma Σ Tau Τ Upsilon Υ Phi Φ Chi Χ Psi Ψ Omega Ω
        alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ
        mu μ nu ν xi ξ omicron ο pi π rho ρ sigmaf ς sigma σ tau τ upsilon υ phi φ chi χ psi ψ
        omega ω minus − infin ∞ asymp ≈ ne ≠ le ≤ ge ≥ sum ∑ radic √ part ∂ check ✓ star ☆
        """
}
