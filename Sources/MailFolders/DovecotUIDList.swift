// SPDX-License-Identifier: Apache-2.0

/// `dovecot-uidlist` and Courier's `courierimapuiddb`: in which order a Maildir's messages came.
///
/// ```abnf
/// dovecot = "3" *( SP field ) LF *( uid *( SP field ) SP ":" base LF )
/// old     = "1" SP validity SP next LF *( uid SP base LF )
/// ```
package struct DovecotUIDList: Hashable, Sendable {
    /// By the base of the file's name.
    package private(set) var uids: [String: UInt32] = [:]
    package private(set) var validity: UInt32?

    /// Reads what is understood of a file; the rest of a damaged one is passed over.
    package init(_ octets: [UInt8]) {
        let lines = octets.split(separator: UInt8(ascii: "\n"))
        guard let head = lines.first else { return }
        let words = head.split(separator: UInt8(ascii: " ")).map {
            String(decoding: $0, as: UTF8.self)
        }
        validity =
            words.first == "3"
            ? words.first { $0.hasPrefix("V") }.flatMap { UInt32($0.dropFirst()) }
            : words.dropFirst().first.flatMap { UInt32($0) }
        uids.reserveCapacity(lines.count)
        for line in lines.dropFirst() {
            guard let space = line.firstIndex(of: UInt8(ascii: " ")),
                let uid = UInt32(String(decoding: line[..<space], as: UTF8.self))
            else { continue }
            // A field may hold anything but a space in front of the colon.
            var rest = line[(space + 1)...]
            while words.first == "3", rest.first != UInt8(ascii: ":") {
                guard let next = rest.firstIndex(of: UInt8(ascii: " ")) else {
                    rest = []
                    break
                }
                rest = rest[(next + 1)...]
            }
            let name = String(
                decoding: rest.first == UInt8(ascii: ":") ? rest.dropFirst() : rest,
                as: UTF8.self)
            guard let base = MaildirName(name)?.base else { continue }
            uids[base] = uid
        }
    }

    package init() {}
}
