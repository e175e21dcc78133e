// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Makes BODY of BODYSTRUCTURE: the same without extension data (RFC 9051 §7.5.2).
struct NonExtensibleBody {
    private let structure: [UInt8]
    private var index = 0
    private(set) var octets: [UInt8] = []

    private init(_ structure: [UInt8]) {
        self.structure = structure
        octets.reserveCapacity(structure.count)
    }

    /// Takes what `StructureWriter` wrote.
    static func make(of structure: [UInt8]) -> [UInt8] {
        var maker = NonExtensibleBody(structure)
        maker.body()
        return maker.octets
    }

    /// One body; bodies nest no deeper than `MIME.Message.maximumDepth`.
    private mutating func body() {
        keep(1)
        if current == UInt8(ascii: "(") {
            while current == UInt8(ascii: "(") { body() }
            // SP media-subtype
            keepItem()
        } else {
            let type = keepItem()
            let subtype = keepItem()
            // SP body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets
            for _ in 0..<5 { keepItem() }
            if type.equalsIgnoringCase("\"text\"".utf8) {
                keepItem()
            } else if type.equalsIgnoringCase("\"message\"".utf8),
                subtype.equalsIgnoringCase("\"rfc822\"".utf8)
                    || subtype.equalsIgnoringCase("\"global\"".utf8)
            {
                // SP envelope SP body SP body-fld-lines
                keepItem()
                keep(1)
                body()
                keepItem()
            }
        }
        // Extension data, up to the parenthesis that closes this body.
        while index < structure.count, current != UInt8(ascii: ")") { skipItem() }
        keep(1)
    }

    private var current: UInt8? { index < structure.count ? structure[index] : nil }

    private mutating func keep(_ count: Int) {
        let end = min(structure.count, index + count)
        octets += structure[index..<end]
        index = end
    }

    /// The space before it and one string, number or list; says what it was.
    @discardableResult
    private mutating func keepItem() -> ArraySlice<UInt8> {
        let start = index
        skipItem()
        octets += structure[start..<index]
        return structure[start..<index].drop { $0 == .space }
    }

    private mutating func skipItem() {
        var depth = 0
        repeat {
            while current == .space { index += 1 }
            switch current {
            case UInt8(ascii: "("):
                depth += 1
                index += 1
            case UInt8(ascii: ")"):
                depth -= 1
                index += 1
            case UInt8(ascii: "\""): skipQuoted()
            case UInt8(ascii: "{"): skipLiteral()
            case nil: return
            default: skipAtom()
            }
        } while depth > 0
    }

    private mutating func skipQuoted() {
        index += 1
        while let octet = current {
            index += octet == UInt8(ascii: "\\") ? 2 : 1
            if octet == UInt8(ascii: "\"") { return }
        }
    }

    private mutating func skipLiteral() {
        index += 1
        var count = 0
        while let octet = current, octet.isDigit {
            count = count * 10 + Int(octet - 0x30)
            index += 1
        }
        // `}` CRLF
        index = min(structure.count, index + 3 + count)
    }

    private mutating func skipAtom() {
        while let octet = current, octet != .space, octet != UInt8(ascii: "("),
            octet != UInt8(ascii: ")")
        {
            index += 1
        }
    }
}
