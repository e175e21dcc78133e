// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail

/// A message as programs of this machine hand it over: with the line ends of the system.
struct LocalMessage {
    /// With CRLF line ends.
    private(set) var octets: [UInt8] = []

    /// Reads to the end of the input or, if dots count, to a line that is a dot.
    init(_ input: [UInt8], ignoresDots: Bool, limit: Int) throws(CommandFailure) {
        var rest = input[...]
        // What mail folders put before a message is none of its header.
        if rest.starts(with: "From ".utf8), let end = rest.firstIndex(of: .lineFeed) {
            rest = rest[(end + 1)...]
        }
        octets.reserveCapacity(rest.count + rest.count / 32)
        while !rest.isEmpty {
            let end = rest.firstIndex { $0 == .lineFeed || $0 == .carriageReturn }
            let line = rest[..<(end ?? rest.endIndex)]
            if !ignoresDots, line.elementsEqual([UInt8(ascii: ".")]) { break }
            octets += line
            octets += [.carriageReturn, .lineFeed]
            guard let end else { break }
            // A CR is a line end of its own unless its LF follows.
            let isPair = rest[end] == .carriageReturn && rest[(end + 1)...].first == .lineFeed
            rest = rest[(end + (isPair ? 2 : 1))...]
        }
        guard !octets.contains(0) else {
            throw .data("sendmail: the message holds a NUL octet, which no mail can carry")
        }
        guard octets.count <= limit else {
            throw .unavailable(
                "sendmail: the message has \(octets.count) octets, \(limit) are allowed"
                    + " (`limits.message-octets`)")
        }
    }

    var isEightBit: Bool { octets.contains { $0 >= 0x80 } }

    /// Octets above 127 in the header need SMTPUTF8 (RFC 6531).
    var isInternational: Bool { HeaderScan(octets[...]).isInternational }

    /// Whom To, Cc and Bcc name; of a message that is sent again, its Resent fields.
    var recipients: [Participant] {
        let resent = HeaderScan.values(
            of: ["resent-to", "resent-cc", "resent-bcc"], in: octets[...])
        let fields =
            resent.isEmpty ? HeaderScan.values(of: ["to", "cc", "bcc"], in: octets[...]) : resent
        return fields.flatMap { field in
            var defects = DefectList()
            return AddressList(field.value, defects: &defects).participants
        }
    }
}
