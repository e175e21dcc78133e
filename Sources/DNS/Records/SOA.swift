// SPDX-License-Identifier: Apache-2.0

/// `SOA`, the start of a zone of authority (RFC 1035 §3.3.13); times in seconds.
package struct SOA: Hashable, Sendable {
    /// The primary name server.
    package var primary: Name
    /// The mailbox of the person responsible, its local part as the first label.
    package var responsible: Name
    package var serial: UInt32
    package var refresh: UInt32
    package var retry: UInt32
    package var expire: UInt32
    /// How long, at most, absence may be remembered (RFC 2308 §4).
    package var minimum: UInt32

    package init(
        primary: Name, responsible: Name, serial: UInt32, refresh: UInt32, retry: UInt32,
        expire: UInt32, minimum: UInt32
    ) {
        self.primary = primary
        self.responsible = responsible
        self.serial = serial
        self.refresh = refresh
        self.retry = retry
        self.expire = expire
        self.minimum = minimum
    }
}

extension RecordFormat {
    /// The start of a zone of authority (RFC 1035 §3.3.13).
    static let soa = Self(
        "SOA", 6,
        [
            .compressedName, .compressedName, .long, .duration, .duration, .duration, .duration,
        ])
}
