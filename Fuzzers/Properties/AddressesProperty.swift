// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail

extension Property {
    /// Addresses as SMTP has them, domains in any script, and lists of them as headers have them.
    ///
    /// What has been read can be written, and is then read as the same.
    package static let addresses = Property("Addresses") { input throws(Broken) in
        let text = String(decoding: input, as: UTF8.self)
        if let address = try? Address(text) {
            let written = address.description
            try expect((try? Address(written)) == address, "\(address) is not read as itself")
            try expect(!written.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "a control character")
            try expect(written.utf8.count <= 2 * LocalPart.maximumOctets + 260, "too long")
        }
        if let domain = try? Domain(text) {
            try expect((try? Domain(domain.name)) == domain, "\(domain) is not read as itself")
            try expect(
                (try? Domain(domain.unicode)) == domain,
                "\(domain) is shown as \(domain.unicode), which is another")
        }
        try expectStable(input)
    }

    /// What a list names, written into a field, is named by that field.
    private static func expectStable(_ input: [UInt8]) throws(Broken) {
        var defects = DefectList()
        let list = AddressList(input[...], defects: &defects)
        try expect(list.entries.count <= AddressList.maximumAddresses, "too many addresses")
        let usable = list.participants.filter { $0.address != nil }
        guard !usable.isEmpty else { return }
        var writer = HeaderWriter()
        writer.field("To", participants: usable)
        try expect(writer.octets.hasWholeLineEnds, "a field with a bare line end")
        for line in writer.octets.split(separator: .lineFeed) {
            try expect(line.count <= HeaderWriter.maximumLineOctets + 1, "a line is too long")
        }
        let again = AddressList(writer.octets[3...], defects: &defects).participants
        try expect(
            again.map(\.addressText) == usable.map(\.addressText),
            "\(usable) is written as \(String(lossy: writer.octets))")
        for (left, right) in zip(usable, again) {
            try expect(
                words(left.name) == words(right.name),
                "\(left) is written as \(String(lossy: writer.octets))")
        }
    }

    /// A name's words: white space within a name may change, and control characters become it.
    private static func words(_ name: String?) -> [Substring] {
        (name ?? "").unicodeScalars.split { $0.value <= 0x20 || $0.value == 0x7F }
            .map { Substring($0) }
    }
}
