// SPDX-License-Identifier: Apache-2.0

/// ASCII, as the Internet's protocols use it: RFC 5234 appendix B.1 names for octets.
extension UInt8 {
    @inlinable package static var carriageReturn: UInt8 { 0x0D }
    @inlinable package static var lineFeed: UInt8 { 0x0A }
    @inlinable package static var space: UInt8 { 0x20 }
    @inlinable package static var tab: UInt8 { 0x09 }
    @inlinable package static var dot: UInt8 { 0x2E }

    /// `ALPHA`.
    @inlinable package var isAlpha: Bool {
        (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }
    /// `DIGIT`.
    @inlinable package var isDigit: Bool { (0x30...0x39).contains(self) }
    /// `ALPHA / DIGIT`.
    @inlinable package var isAlphanumeric: Bool { isAlpha || isDigit }
    /// `WSP`: space or tab.
    @inlinable package var isWhitespace: Bool { self == .space || self == .tab }
    /// What `FWS` is made of: space, tab, CR and LF.
    @inlinable package var isSpaceOrLineEnd: Bool {
        isWhitespace || self == .carriageReturn || self == .lineFeed
    }

    /// The same letter in lower case; any other octet unchanged.
    @inlinable package var lowercased: UInt8 { (0x41...0x5A).contains(self) ? self | 0x20 : self }

    /// The same letter as a capital; any other octet unchanged.
    @inlinable package var uppercased: UInt8 { (0x61...0x7A).contains(self) ? self & 0xDF : self }

    /// The value of a hexadecimal digit, nil for any other octet.
    package var hexadecimalValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }
}

extension Sequence<UInt8> {
    /// Whether both hold the same octets, ASCII letters compared without case.
    @inlinable package func equalsIgnoringCase(_ other: some Sequence<UInt8>) -> Bool {
        elementsEqual(other) { $0.lowercased == $1.lowercased }
    }
}

extension String {
    /// The octets as text, each octet that is not valid UTF-8 replaced by U+FFFD.
    package init(lossy octets: some Collection<UInt8>) {
        self.init(decoding: octets, as: UTF8.self)
    }

    /// Whether every character is ASCII.
    package var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }

    /// This text with ASCII letters in lower case and nothing else changed.
    package var asciiLowercased: String {
        guard utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return self }
        return String(decoding: utf8.map(\.lowercased), as: UTF8.self)
    }
}
