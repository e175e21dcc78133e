// SPDX-License-Identifier: Apache-2.0

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
}
