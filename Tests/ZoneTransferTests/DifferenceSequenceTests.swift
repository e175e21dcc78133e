// SPDX-License-Identifier: Apache-2.0

import DNS
import Testing
import ZoneTransfer

@Suite("RFC 1995 §4 differences between versions of a zone")
struct DifferenceSequenceTests {
    private let texts = [
        "a A 192.0.2.1\nb A 192.0.2.2\n",
        "a A 192.0.2.1\nb A 192.0.2.3\nc TXT new\n",
        "a 60 A 192.0.2.1\nc TXT new\n",
        "a A 192.0.2.1\nb A 192.0.2.2\nd MX 10 a\n",
    ]

    private func versions() throws -> [[ResourceRecord]] {
        try texts.enumerated().map { try SampleZone.records($1, serial: $0 + 1) }
    }

    private func chain() throws -> [DifferenceSequence] {
        let versions = try versions()
        return try zip(versions, versions.dropFirst()).map {
            try #require(DifferenceSequence(from: $0, to: $1))
        }
    }

    @Test("Each difference leads from one version to the next, and a chain through all")
    func apply() throws {
        let versions = try versions()
        let chain = try chain()
        for first in 0..<versions.count - 1 {
            for last in first + 1..<versions.count {
                let result = try DifferenceSequence.apply(chain[first..<last], to: versions[first])
                #expect(Set(result) == Set(versions[last]), "\(first) to \(last)")
                #expect(result.count == versions[last].count)
                let one = try #require(try DifferenceSequence.condensed(chain[first..<last]))
                #expect(
                    Set(try DifferenceSequence.apply([one], to: versions[first]))
                        == Set(versions[last])
                )
            }
        }
        // A TTL alone is a difference, too.
        #expect(chain[1].removed.contains { $0.ttl == 3600 && $0.type == .a })
        #expect(chain[1].added.contains { $0.ttl == 60 })
    }

    @Test("What does not fit is refused: another serial, a record that is not there, a gap")
    func misfits() throws {
        let versions = try versions()
        let chain = try chain()
        #expect(throws: DifferenceSequence.Misfit.self) {
            _ = try DifferenceSequence.apply([chain[1]], to: versions[0])
        }
        #expect(throws: DifferenceSequence.Misfit.self) {
            _ = try DifferenceSequence.apply([chain[0], chain[2]], to: versions[0])
        }
        #expect(throws: DifferenceSequence.Misfit.self) {
            _ = try DifferenceSequence.apply(
                [chain[0]], to: versions[0].filter { "\($0.owner)" != "b.example.org" })
        }
        var twice = chain[0]
        twice.removed += twice.removed
        #expect(throws: DifferenceSequence.Misfit.self) {
            _ = try DifferenceSequence.apply([twice], to: versions[0])
        }
    }

    @Test("A chain begins at any of its serials, and at no other")
    func begin() throws {
        let chain = try chain()
        #expect(DifferenceSequence.chain(chain, from: 1)?.count == 3)
        #expect(DifferenceSequence.chain(chain, from: 3)?.count == 1)
        #expect(DifferenceSequence.chain(chain, from: 4) == nil)
        #expect(DifferenceSequence.chain(chain, from: 0) == nil)
        #expect(DifferenceSequence.chain([chain[0], chain[2]], from: 1) == nil)
        #expect(DifferenceSequence.chain([DifferenceSequence](), from: 1) == nil)
    }
}
