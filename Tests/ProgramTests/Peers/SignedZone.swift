// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension Postreiter {
    /// Takes a zone in, signs it, and says what is answered of it then.
    func sign(_ origin: String, _ text: String, _ options: [String] = []) async throws -> String {
        let file = try stage.write(text, to: "zones-\(address)/\(origin).zone")
        let taken = try await command(["zone", "import", file, "--origin", origin, "--force"])
        try #require(taken.status == 0, "\(taken.output)")
        let signed = try await command(["zone", "dnssec", "enable", origin] + options)
        try #require(signed.status == 0, "\(signed.output)")
        return try await signedText(of: origin)
    }

    /// What is answered of a zone, as a master file.
    func signedText(of origin: String) async throws -> String {
        let exported = try await command(["zone", "dnssec", "export", origin])
        try #require(exported.status == 0, "\(exported.output)")
        return exported.output
    }

    /// A DNSKEY record of a zone that signs its keys.
    func entryKey(of origin: String) async throws -> String {
        let lines = try await signedText(of: origin).split(separator: "\n").map(String.init)
        return try #require(lines.first { $0.contains("\tDNSKEY\t257 ") })
    }
}
