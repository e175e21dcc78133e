// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

/// An address as it is compared and stored: without regard to case, in UTF-8, unquoted.
///
/// Only the receiving domain may ignore case (RFC 5321 §2.4); here we are the receiving domain.
struct AddressKey: Hashable, Sendable {
    let local: String
    let domain: Domain

    /// Separates the subaddress: `user+tag` (RFC 5233 calls it detail).
    static let separator: Character = "+"

    init(local: String, domain: Domain) {
        self.local = local
        self.domain = domain
    }

    /// Nil for an address literal, which no directory holds.
    init?(_ address: Address) {
        guard let domain = address.domain else { return nil }
        let value = address.localPart.value
        local = value.isASCII ? value.asciiLowercased : value.lowercased()
        self.domain = domain
    }

    /// Reads what `text` wrote.
    init?(stored text: String) {
        guard let at = text.lastIndex(of: "@"),
            let domain = try? Domain(text[text.index(after: at)...])
        else { return nil }
        local = String(text[..<at])
        self.domain = domain
    }

    var text: String { "\(local)@\(domain.name)" }

    /// Without the subaddress; nil if there is none.
    var base: AddressKey? {
        guard let plus = local.firstIndex(of: Self.separator), plus != local.startIndex else {
            return nil
        }
        return AddressKey(local: String(local[..<plus]), domain: domain)
    }

    /// RFC 5321 §4.5.1: the one local part every domain has.
    var isPostmaster: Bool { local == "postmaster" }

    var address: Address? {
        guard let local = try? LocalPart(local) else { return nil }
        return Address(local, at: domain)
    }
}
