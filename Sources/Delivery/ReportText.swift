// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

/// Addresses and texts as the part of a report holds them that is for programs.
struct ReportText {
    /// Whether the part may hold UTF-8 (RFC 6533 §4); else that is written in ASCII.
    let isGlobal: Bool

    /// `address-type ";" generic-address` (RFC 3464 §2.1.2, RFC 8098 §3.1.2).
    func typed(_ address: Address) -> String {
        let text = address.description
        guard text.isASCII else {
            return "utf-8; " + self.text(text, isInternational: true)
        }
        return "rfc822; \(text)"
    }

    /// As its sender wrote it.
    func typed(_ original: Envelope.OriginalRecipient) -> String {
        let isInternational = original.addressType.lowercased() == "utf-8"
        return "\(Self.ascii(original.addressType)); "
            + text(original.address, isInternational: isInternational)
    }

    /// In a global part UTF-8 as it is, else the form that any transport carries.
    ///
    /// An international address is one of type `utf-8`: RFC 6533 §3 escapes some of ASCII too.
    func text(_ text: String, isInternational: Bool = false) -> String {
        isGlobal ? text : Self.ascii(text, isInternational: isInternational)
    }

    /// `EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"` (RFC 6533 §3) for what is not ASCII, and
    /// in an international address for what xtext would have to encode.
    static func ascii(_ text: String, isInternational: Bool = false) -> String {
        guard isInternational || !text.isASCII else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.isASCII, !isInternational || !"\\+= ".unicodeScalars.contains(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return result
    }
}
