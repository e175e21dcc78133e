// SPDX-License-Identifier: Apache-2.0

import Bytes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A way to write text as octets that a `charset` parameter may name (RFC 2978).
///
/// Only the names in the table below are known: what an attacker writes never reaches `iconv_open`.
package struct Charset: Hashable, Sendable {
    /// The preferred MIME name, in lower case.
    package let name: String
    private let method: Method

    private enum Method: Hashable {
        case utf8
        case ascii
        case windows1252
        /// UTF-16 or UTF-32 with a byte order mark, big-endian without (RFC 2781 §4.3).
        case marked
        /// RFC 1843, which the C library does not know.
        case hz
        case iconv(String)
    }

    package static let utf8 = Charset(name: "utf-8", method: .utf8)
    package static let ascii = Charset(name: "us-ascii", method: .ascii)
    package static let windows1252 = Charset(name: "windows-1252", method: .windows1252)

    private init(name: String, method: Method) {
        self.name = name
        self.method = method
    }

    /// Finds a charset by any of its names, without case.
    package init?(_ label: some StringProtocol) {
        // Most are written as the table has them.
        guard let known = Self.table[String(label)] ?? Self.table[Self.key(label)] else {
            return nil
        }
        self = known
    }

    private static func key(_ label: some StringProtocol) -> String {
        String(
            decoding: label.utf8.filter { !$0.isWhitespace && $0 != UInt8(ascii: "\"") }
                .map(\.lowercased), as: UTF8.self)
    }

    /// The octets as text; `isExact` is false if something had to be replaced by U+FFFD.
    package func decode(_ octets: some Collection<UInt8>) -> (text: String, isExact: Bool) {
        switch method {
        case .utf8:
            if let text = String(validating: octets, as: UTF8.self) { return (text, true) }
            return (String(lossy: octets), false)
        case .ascii: return Self.ascii(octets)
        case .windows1252: return (Self.windows1252(octets), true)
        case .marked: return decodeMarked(Array(octets))
        case .hz: return Self.convert(Self.fromHZ(octets), from: "GB18030")
        case .iconv(let name): return Self.convert(Array(octets), from: name)
        }
    }

    /// Text that says nothing about its charset: UTF-8 if it is that, else windows-1252.
    package static func guess(_ octets: some Collection<UInt8>) -> (text: String, isUTF8: Bool) {
        if let text = String(validating: octets, as: UTF8.self) { return (text, true) }
        return (windows1252(octets), false)
    }

    private static func ascii(_ octets: some Collection<UInt8>) -> (String, Bool) {
        guard octets.contains(where: { $0 >= 0x80 }) else {
            return (String(decoding: octets, as: UTF8.self), true)
        }
        var text = ""
        for octet in octets {
            text.unicodeScalars.append(octet < 0x80 ? Unicode.Scalar(octet) : "\u{FFFD}")
        }
        return (text, false)
    }

    /// 0x80 to 0x9F; the five unassigned stay control characters, as in browsers.
    private static let windows1252Upper: [UInt32] = [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
        0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
        0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
        0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
    ]

    private static func windows1252(_ octets: some Collection<UInt8>) -> String {
        var utf8: [UInt8] = []
        utf8.reserveCapacity(octets.count + octets.count / 8)
        for octet in octets {
            guard octet >= 0x80 else {
                utf8.append(octet)
                continue
            }
            let value = octet < 0xA0 ? windows1252Upper[Int(octet - 0x80)] : UInt32(octet)
            if let units = Unicode.Scalar(value).flatMap(UTF8.encode) {
                utf8.append(contentsOf: units)
            }
        }
        return String(decoding: utf8, as: UTF8.self)
    }

    private func decodeMarked(_ octets: [UInt8]) -> (text: String, isExact: Bool) {
        let width = name == "utf-32" ? "32" : "16"
        if octets.starts(with: [0xFF, 0xFE]) {
            return Self.convert(octets, from: "UTF-\(width)LE")
        }
        return Self.convert(octets, from: "UTF-\(width)BE")
    }

    /// RFC 1843: `~{` begins GB 2312 without its high bits, `~}` ends it, `~~` is a tilde.
    private static func fromHZ(_ octets: some Collection<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var isDouble = false
        var isEscaped = false
        for octet in octets {
            if isEscaped {
                isEscaped = false
                switch octet {
                case UInt8(ascii: "{"): isDouble = true
                case UInt8(ascii: "}"): isDouble = false
                case UInt8(ascii: "~"): result.append(octet)
                case .lineFeed, .carriageReturn: break
                default: result += [UInt8(ascii: "~"), octet]
                }
            } else if octet == UInt8(ascii: "~") {
                isEscaped = true
            } else {
                if octet == .lineFeed { isDouble = false }
                result.append(isDouble && octet > 0x20 ? octet | 0x80 : octet)
            }
        }
        return result
    }

    /// By the C library; an octet that begins no character becomes U+FFFD.
    private static func convert(_ octets: [UInt8], from name: String) -> (String, Bool) {
        let descriptor = iconv_open("UTF-8", name)
        guard descriptor != iconv_t(bitPattern: -1) else {
            // The system has no table for it (a cut-down C library).
            let (text, _) = ascii(octets)
            return (text, false)
        }
        defer { iconv_close(descriptor) }
        var input = octets
        var output = [UInt8](repeating: 0, count: octets.count * 2 + 64)
        var used = 0
        var isExact = true
        input.withUnsafeMutableBufferPointer { source in
            var next = UnsafeMutableRawPointer(source.baseAddress)?
                .assumingMemoryBound(to: CChar.self)
            var left = source.count
            var isFlushing = false
            while true {
                let room = output.count - used
                let (failed, written) = output.withUnsafeMutableBufferPointer { target in
                    var place = UnsafeMutableRawPointer(target.baseAddress)?
                        .advanced(by: used).assumingMemoryBound(to: CChar.self)
                    var free = room
                    // A null source makes the library write what it holds back.
                    let result =
                        isFlushing
                        ? iconv(descriptor, nil, nil, &place, &free)
                        : iconv(descriptor, &next, &left, &place, &free)
                    return (result == -1 ? errno : 0, room - free)
                }
                used += written
                switch failed {
                case 0:
                    if isFlushing { return }
                    isFlushing = true
                case E2BIG:
                    output.append(contentsOf: [UInt8](repeating: 0, count: output.count + 64))
                default:
                    isExact = false
                    if isFlushing { return }
                    if output.count - used < 3 {
                        output.append(contentsOf: [UInt8](repeating: 0, count: 64))
                    }
                    for octet in "\u{FFFD}".utf8 {
                        output[used] = octet
                        used += 1
                    }
                    guard failed == EILSEQ, left > 0 else {
                        left = 0
                        isFlushing = true
                        continue
                    }
                    next = next?.advanced(by: 1)
                    left -= 1
                }
            }
        }
        var text = String(decoding: output[..<used], as: UTF8.self)
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        return (text, isExact)
    }

    private static let table: [String: Charset] = {
        var table: [String: Charset] = [:]
        for (charset, aliases) in builtIn {
            for alias in [charset.name] + aliases { table[alias] = charset }
        }
        for (name, method, aliases) in converted {
            let charset = Charset(name: name, method: .iconv(method))
            for alias in [name] + aliases { table[alias] = charset }
        }
        return table
    }()

    private static let builtIn: [(Charset, [String])] = [
        (.utf8, ["utf8", "unicode-1-1-utf-8", "utf_8", "cp65001", "unicode", "utf8mb4"]),
        (
            .ascii,
            [
                "ascii", "ansi_x3.4-1968", "iso646-us", "us", "cp367", "ibm367", "646",
                "iso_646.irv:1991", "iso-ir-6", "ansi-x3.4-1968", "ansi_x3.4-1986", "csascii",
            ]
        ),
        // Browsers read ISO 8859-1 as windows-1252, because that is what senders mean.
        (
            .windows1252,
            [
                "cp1252", "x-cp1252", "windows1252", "iso-8859-1", "iso8859-1", "iso88591",
                "iso_8859-1", "iso_8859-1:1987", "latin1", "latin-1", "l1", "iso-ir-100",
                "cp819", "ibm819", "ansi", "default", "iso-8859-1-windows-3.1-latin-1",
                "csisolatin1", "8859-1", "iso-latin-1",
            ]
        ),
        (Charset(name: "utf-16", method: .marked), ["utf16", "ucs-2", "iso-10646-ucs-2"]),
        (Charset(name: "utf-32", method: .marked), ["utf32", "ucs-4", "iso-10646-ucs-4"]),
        (Charset(name: "hz-gb-2312", method: .hz), ["hz"]),
    ]

    private static let converted: [(String, String, [String])] = {
        var list: [(String, String, [String])] = []
        for number in [2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16] {
            list.append(
                (
                    "iso-8859-\(number)", "ISO-8859-\(number)",
                    ["iso8859-\(number)", "iso_8859-\(number)", "iso8859\(number)"]
                ))
        }
        for number in [1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258] {
            list.append(
                ("windows-\(number)", "CP\(number)", ["cp\(number)", "x-cp\(number)"]))
        }
        for number in [437, 737, 775, 850, 852, 855, 857, 860, 861, 862, 863, 864, 865, 866, 869] {
            list.append(("ibm\(number)", "IBM\(number)", ["cp\(number)", "\(number)"]))
        }
        return list + others
    }()

    private static let others: [(String, String, [String])] = [
        ("ibm858", "CP858", ["cp858", "cp00858"]),
        ("iso-8859-2", "ISO-8859-2", ["latin2", "l2"]),
        ("iso-8859-3", "ISO-8859-3", ["latin3", "l3"]),
        ("iso-8859-4", "ISO-8859-4", ["latin4", "l4"]),
        ("iso-8859-5", "ISO-8859-5", ["cyrillic"]),
        ("iso-8859-6", "ISO-8859-6", ["arabic", "iso-8859-6-i", "iso-8859-6-e"]),
        ("iso-8859-7", "ISO-8859-7", ["greek", "greek8"]),
        ("iso-8859-8", "ISO-8859-8", ["hebrew", "iso-8859-8-i", "iso-8859-8-e"]),
        ("iso-8859-9", "CP1254", ["iso8859-9", "iso_8859-9", "latin5", "l5"]),
        ("iso-8859-10", "ISO-8859-10", ["latin6", "l6"]),
        ("iso-8859-11", "CP874", ["iso8859-11"]),
        ("iso-8859-15", "ISO-8859-15", ["latin-9", "latin9"]),
        ("windows-874", "CP874", ["cp874", "tis-620", "tis620", "x-windows-874"]),
        ("koi8-r", "KOI8-R", ["koi8r", "koi8", "cskoi8r"]),
        ("koi8-u", "KOI8-U", ["koi8u", "koi8-ru"]),
        ("macintosh", "MACINTOSH", ["mac", "macroman", "x-mac-roman"]),
        ("x-mac-cyrillic", "MAC-CYRILLIC", ["mac-cyrillic", "x-mac-ukrainian"]),
        ("gb2312", "GB18030", ["gb_2312-80", "gb2312-80", "euc-cn", "x-gbk", "chinese"]),
        ("gbk", "GB18030", ["cp936", "windows-936", "ms936"]),
        ("gb18030", "GB18030", ["gb-18030"]),
        ("big5", "BIG5-HKSCS", ["big-5", "cn-big5", "x-x-big5", "cp950", "csbig5"]),
        ("big5-hkscs", "BIG5-HKSCS", ["big5hkscs"]),
        ("euc-tw", "EUC-TW", []),
        ("euc-jp", "EUC-JP-MS", ["eucjp", "x-euc-jp", "ujis"]),
        (
            "shift_jis", "CP932",
            [
                "shift-jis", "sjis", "x-sjis", "ms_kanji", "cp932", "windows-31j", "ms932",
                "csshiftjis", "x-shift-jis", "windows-932",
            ]
        ),
        ("iso-2022-jp", "ISO-2022-JP-3", ["csiso2022jp", "iso-2022-jp-1", "iso-2022-jp-3"]),
        ("iso-2022-jp-2", "ISO-2022-JP-2", ["csiso2022jp2"]),
        ("iso-2022-kr", "ISO-2022-KR", ["csiso2022kr"]),
        (
            "euc-kr", "CP949",
            [
                "euckr", "ks_c_5601-1987", "ks_c_5601-1989", "ks_c_5601", "ksc5601", "ksc_5601",
                "korean", "cp949", "windows-949", "uhc", "cseuckr",
            ]
        ),
        ("johab", "JOHAB", []),
        ("viscii", "VISCII", []),
        ("tcvn", "TCVN", ["tcvn-5712"]),
        ("utf-7", "UTF-7", ["utf7", "unicode-1-1-utf-7", "csunicode11utf7"]),
        ("utf-16be", "UTF-16BE", ["utf16be"]),
        ("utf-16le", "UTF-16LE", ["utf16le"]),
        ("utf-32be", "UTF-32BE", ["utf32be"]),
        ("utf-32le", "UTF-32LE", ["utf32le"]),
    ]
}
