// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a mail server offers in its reply to EHLO, or uses of ours, or not.
enum Offer: String, CaseIterable {
    case pipelining = "PIPELINING"
    case chunking = "CHUNKING"
    case dsn = "DSN"
    case eightBit = "8BITMIME"
    case international = "SMTPUTF8"
    case size = "SIZE"
    case tls = "STARTTLS"
    /// EHLO itself: without it HELO has to do.
    case extended = "EHLO"
}

extension Offer? {
    /// For domains, local parts and services: `all` if nothing is left out.
    var name: String { (self?.rawValue ?? "all").lowercased() }
}

/// An address of a mail server, and what it does not offer there.
struct Door {
    let address: String
    var without: Offer?
    /// Of Postfix's smtpd, for this address alone.
    var options: [String] = []
}

/// Stands before a mail server and takes lines out of its reply to EHLO, for servers that cannot
/// be told to leave something out; STARTTLS among them, behind which it could not look.
final class EHLOFilter: Sendable {
    private let listener: WireListener

    /// Listens at the door's address, and passes everything on.
    init(_ door: Door, port: Int, to address: String, _ serverPort: Int) throws {
        listener = try WireListener(door.address, port) { client in
            let server = try Wire(address, serverPort)
            Thread.detachNewThread {
                while let line = try? client.readLine() {
                    let isRefused = door.without == .extended && line.starts(with: "EHLO ".utf8)
                    let said = isRefused ? Array("X".utf8) + line : Array(line)
                    guard (try? server.write((said + [0x0D, 0x0A])[...])) != nil else { break }
                }
                server.end()
            }
            while let line = try server.readLine() {
                let isHidden = [door.without, .tls].contains { offer in
                    offer.map { line.starts(with: "250-\($0.rawValue)".utf8) } ?? false
                }
                if !isHidden { try client.write((line + [0x0D, 0x0A])[...]) }
            }
            client.end()
        }
    }
}
