// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The zip file format, as far as reports come in it: one small file, stored or deflated.
struct ZipArchive {
    private static let localMagic: [UInt8] = [0x50, 0x4B, 3, 4]
    private static let directoryMagic: [UInt8] = [0x50, 0x4B, 1, 2]
    private static let endMagic: [UInt8] = [0x50, 0x4B, 5, 6]
    /// A report comes alone, perhaps with what an archiver of some system adds.
    static let maximumFiles = 16
    /// The end record: 22 octets, and a remark of at most 65,535 behind it.
    private static let endOctets = 22
    private static let maximumEndOctets = endOctets + 65535

    /// One file in the archive, still packed.
    struct File {
        let name: String
        fileprivate let method: UInt16
        fileprivate let checksum: UInt32?
        fileprivate let packed: ArraySlice<UInt8>
    }

    let files: [File]

    static func begins(_ octets: ArraySlice<UInt8>) -> Bool { octets.starts(with: localMagic) }

    /// Reads the directory; an archive that has lost it is read by its first file's own header.
    init(_ archive: ArraySlice<UInt8>) throws(ReportFailure) {
        guard let end = Self.endRecord(of: archive) else {
            files = [try Self.firstFile(of: archive)]
            return
        }
        files = try Self.files(of: archive, end)
    }

    /// What the file holds.
    func content(
        of file: File, budget: inout Inflation.Budget
    ) throws(ReportFailure) -> [UInt8] {
        let content: [UInt8]
        switch file.method {
        case 0:
            guard file.packed.count <= budget.remainingOctets else {
                throw ReportFailure("it is larger than a report needs")
            }
            budget.remainingOctets -= file.packed.count
            content = Array(file.packed)
        case 8: content = try Inflation.inflate(file.packed, budget: &budget).octets
        default:
            throw ReportFailure(
                "\(file.name) is packed in a way (\(file.method)) that is not read here")
        }
        if let checksum = file.checksum, checksum != CRC32.checksum(content[...]) {
            throw ReportFailure("the check sum of its packed content is wrong")
        }
        return content
    }

    private static let damaged = ReportFailure("its zip directory is damaged")

    private static func endRecord(of archive: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard archive.count >= endOctets else { return nil }
        var index = archive.endIndex - endOctets
        let first = max(archive.startIndex, archive.endIndex - maximumEndOctets)
        while index >= first {
            if archive[index...].starts(with: endMagic) { return archive[index...] }
            index -= 1
        }
        return nil
    }

    private static func files(
        of archive: ArraySlice<UInt8>, _ end: ArraySlice<UInt8>
    ) throws(ReportFailure) -> [File] {
        let count = Int(LittleEndian.half(end, 10))
        guard count <= maximumFiles else {
            throw ReportFailure("the archive holds \(count) files, where a report is one")
        }
        var files: [File] = []
        var rest = archive.dropFirst(Int(LittleEndian.word(end, 16)))
        for _ in 0..<count {
            guard rest.count >= 46, rest.starts(with: directoryMagic) else { throw damaged }
            let nameCount = Int(LittleEndian.half(rest, 28))
            let extraCount = Int(LittleEndian.half(rest, 30)) + Int(LittleEndian.half(rest, 32))
            let place = Int(LittleEndian.word(rest, 42))
            let isEncrypted = LittleEndian.half(rest, 8) & 1 == 1
            let name = String(lossy: rest.dropFirst(46).prefix(nameCount))
            let local = archive.dropFirst(place)
            guard local.count >= 30, begins(local) else { throw damaged }
            let start =
                30 + Int(LittleEndian.half(local, 26)) + Int(LittleEndian.half(local, 28))
            let packed = local.dropFirst(start)
            let size = Int(LittleEndian.word(rest, 20))
            guard packed.count >= size else { throw damaged }
            guard !isEncrypted else { throw ReportFailure("the archive is encrypted") }
            // A folder is a name with a slash at its end.
            if !name.hasSuffix("/") {
                files.append(
                    File(
                        name: name, method: LittleEndian.half(rest, 10),
                        checksum: LittleEndian.word(rest, 16), packed: packed.prefix(size)))
            }
            rest = rest.dropFirst(46 + nameCount + extraCount)
        }
        return files
    }

    private static func firstFile(of archive: ArraySlice<UInt8>) throws(ReportFailure) -> File {
        guard archive.count > 30, begins(archive), LittleEndian.half(archive, 6) & 1 == 0 else {
            throw damaged
        }
        let nameCount = Int(LittleEndian.half(archive, 26))
        let packed = archive.dropFirst(30 + nameCount + Int(LittleEndian.half(archive, 28)))
        // With bit 3 the sizes stand behind the content, whose own end DEFLATE knows.
        let isSized = LittleEndian.half(archive, 6) & 8 == 0
        let size = isSized ? Int(LittleEndian.word(archive, 18)) : packed.count
        let method = LittleEndian.half(archive, 8)
        guard packed.count >= size, isSized || method == 8 else { throw damaged }
        return File(
            name: String(lossy: archive.dropFirst(30).prefix(nameCount)), method: method,
            checksum: isSized ? LittleEndian.word(archive, 14) : nil, packed: packed.prefix(size))
    }
}
