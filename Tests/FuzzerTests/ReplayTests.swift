// SPDX-License-Identifier: Apache-2.0

import Foundation
import Properties
import Testing

/// What `make fuzz` starts from, and each case it has ever found.
@Suite("What the fuzzers found stays mended")
struct ReplayTests {
    private static let fuzzers = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fuzzers")

    /// Files of a folder, by name.
    private static func inputs(_ folder: String) -> [URL] {
        let url = fuzzers.appending(path: folder)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        return names.filter { !$0.hasPrefix(".") }.sorted().map { url.appending(path: $0) }
    }

    @Test("Each input of corpus and finds has the property", arguments: Property.all.map(\.name))
    func replay(name: String) throws {
        let property = try #require(Property.all.first { $0.name == name })
        let corpus = Self.inputs("\(name)/Corpus")
        #expect(corpus.count >= 5, "a fuzzer needs something to start from")
        for input in corpus + Self.inputs("\(name)/Found") {
            let octets = [UInt8](try Data(contentsOf: input))
            let clock = ContinuousClock()
            let begin = clock.now
            let fault = property.fault(for: octets)
            #expect(fault == nil, "\(input.path)")
            #expect(clock.now - begin < .seconds(20), "\(input.path) takes too long")
        }
    }

    @Test("Each input cut short anywhere has the property", arguments: Property.all.map(\.name))
    func cutShort(name: String) throws {
        let property = try #require(Property.all.first { $0.name == name })
        for input in Self.inputs("\(name)/Corpus") {
            let octets = [UInt8](try Data(contentsOf: input)).prefix(2000)
            for count in stride(from: 0, to: octets.count, by: max(1, octets.count / 60)) {
                let fault = property.fault(for: Array(octets.prefix(count)))
                #expect(fault == nil, "\(input.path), its first \(count) octets")
                if fault != nil { break }
            }
        }
    }

    @Test("Each fuzzer has a target, and each target is replayed here")
    func complete() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.fuzzers.path)
            .filter { $0 != "Properties" && !$0.hasPrefix(".") }
        #expect(folders.sorted() == Property.all.map(\.name).sorted())
    }
}
