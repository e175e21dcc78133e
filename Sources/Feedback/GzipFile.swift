// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The gzip file format (RFC 1952).
package enum GzipFile {
    private static let magic: [UInt8] = [0x1F, 0x8B]

    static func begins(_ octets: ArraySlice<UInt8>) -> Bool { octets.starts(with: magic) }

    /// One member with the octets; the same octets give the same file.
    package static func pack(_ octets: [UInt8]) -> [UInt8] {
        // No name, no time; 255: written on no particular system.
        var file = magic + [8, 0, 0, 0, 0, 0, 0, 255]
        file += Deflation.deflate(octets)
        for value in [CRC32.checksum(octets[...]), UInt32(truncatingIfNeeded: octets.count)] {
            for shift in [0, 8, 16, 24] {
                file.append(UInt8(truncatingIfNeeded: value >> UInt32(shift)))
            }
        }
        return file
    }

    /// What `pack` or any other program packed, as far as a report may be large.
    package static func unpack(_ file: [UInt8]) throws(ReportFailure) -> [UInt8] {
        var budget = Inflation.Budget()
        return try unpack(file[...], budget: &budget)
    }

    /// The content of all members, one behind the other (RFC 1952 §2.2).
    ///
    /// What stands behind the last is left alone: some programs fill up with zeros.
    static func unpack(
        _ file: ArraySlice<UInt8>, budget: inout Inflation.Budget
    ) throws(ReportFailure) -> [UInt8] {
        var content: [UInt8] = []
        var rest = file
        repeat {
            let body = try skipHeader(rest)
            let (octets, end) = try Inflation.inflate(body, budget: &budget)
            let trailer = body[end...]
            // RFC 1952 §2.3.1: CRC32, and the size modulo 2^32.
            guard trailer.count >= 8 else {
                throw ReportFailure("its packed content ends too early")
            }
            guard LittleEndian.word(trailer, 0) == CRC32.checksum(octets[...]),
                LittleEndian.word(trailer, 4) == UInt32(truncatingIfNeeded: octets.count)
            else { throw ReportFailure("the check sum of its packed content is wrong") }
            content += octets
            rest = trailer.dropFirst(8)
        } while begins(rest)
        return content
    }

    /// RFC 1952 §2.3.
    private static func skipHeader(
        _ member: ArraySlice<UInt8>
    ) throws(ReportFailure) -> ArraySlice<UInt8> {
        let damaged = ReportFailure("its gzip header is damaged")
        guard member.count > 10, member[member.startIndex + 2] == 8 else { throw damaged }
        let flags = member[member.startIndex + 3]
        var rest = member.dropFirst(10)
        if flags & 4 != 0 {
            guard rest.count >= 2 else { throw damaged }
            rest = rest.dropFirst(2 + Int(LittleEndian.half(rest, 0)))
        }
        for flag: UInt8 in [8, 16] where flags & flag != 0 {
            guard let end = rest.firstIndex(of: 0) else { throw damaged }
            rest = rest[(end + 1)...]
        }
        if flags & 2 != 0 { rest = rest.dropFirst(2) }
        return rest
    }
}

/// The check sum of gzip and zip (RFC 1952 §8).
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1
        }
    }

    static func checksum(_ octets: ArraySlice<UInt8>) -> UInt32 {
        let table = table
        return ~octets.reduce(~0) { sum, octet in
            table[Int((sum ^ UInt32(octet)) & 0xFF)] ^ sum >> 8
        }
    }
}

/// Numbers as gzip and zip write them, the lowest octet first.
enum LittleEndian {
    static func half(_ octets: ArraySlice<UInt8>, _ offset: Int) -> UInt16 {
        UInt16(octets[octets.startIndex + offset])
            | UInt16(octets[octets.startIndex + offset + 1]) << 8
    }

    static func word(_ octets: ArraySlice<UInt8>, _ offset: Int) -> UInt32 {
        UInt32(half(octets, offset)) | UInt32(half(octets, offset + 2)) << 16
    }
}
