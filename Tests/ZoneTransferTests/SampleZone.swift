// SPDX-License-Identifier: Apache-2.0

import DNS
import SimulatedWorld
import Testing
import World
import ZoneTransfer

/// Zones and keys that the tests of this folder share.
enum SampleZone {
    static let hash = SimulatedKeyedHash()
    static let now: UInt64 = 1_700_000_000

    static func key(
        _ name: String = "transfer.key", _ algorithm: TransactionKey.Algorithm = .sha256,
        secret: UInt8 = 7
    ) throws -> TransactionKey {
        TransactionKey(
            name: try Name(name), algorithm: algorithm,
            secret: [UInt8](repeating: secret, count: 32))
    }

    static func records(_ text: String, serial: Int = 1) throws -> [ResourceRecord] {
        let head = "$TTL 3600\n@ SOA ns hostmaster \(serial) 7200 3600 1209600 300\n@ NS ns\n"
        let file = MasterFile.parse(
            Array((head + text).utf8), origin: try Name("example.org"))
        try #require(file.faults.isEmpty, "\(file.faults)")
        return file.records
    }

    static func zone(_ text: String, serial: Int = 1) throws -> Zone {
        try Zone(origin: Name("example.org"), records: records(text, serial: serial))
    }

    /// What a reader of a response gets, whole messages.
    static func messages(_ response: TransferResponse) throws -> [[UInt8]] {
        var response = response
        var messages: [[UInt8]] = []
        while let message = response.next() {
            messages.append(message)
            try #require(messages.count < 10_000)
        }
        #expect(response.isFinished)
        return messages
    }

    static func response(
        _ content: TransferResponse.Content, _ zone: Zone, from serial: UInt32? = nil,
        id: UInt16 = 9
    ) -> TransferResponse {
        TransferResponse(
            content, start: zone.start, to: Header(id: id),
            Question(name: zone.origin, type: serial == nil ? .axfr : .ixfr), hasEDNS: false)
    }
}
