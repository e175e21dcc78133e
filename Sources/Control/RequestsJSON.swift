// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import World

extension Envelope.Requests {
    /// What a sender asks for, in the words of the extensions; only what was asked for.
    var json: JSON {
        var members: [(String, JSON)] = []
        if let returned { members.append(("return", .string(returned.rawValue))) }
        if let envelopeID { members.append(("envelope_id", .string(envelopeID))) }
        if requiresTLS { members.append(("require_tls", true)) }
        if waivesTLSPolicy { members.append(("require_tls", false)) }
        if let holdUntil { members.append(("hold_until", JSON(time: holdUntil))) }
        if let deliverBy {
            members.append(
                (
                    "deliver_by",
                    [
                        "deadline": JSON(time: deliverBy.deadline),
                        "mode": .string(deliverBy.mode == .return ? "return" : "notify"),
                        "trace": .bool(deliverBy.isTraced),
                    ]
                ))
        }
        if priority != 0 { members.append(("priority", .integer(Int64(priority)))) }
        return .object(members)
    }
}

extension Envelope.OriginalRecipient {
    /// As notifications write it (RFC 3464 §2.3.1).
    var text: String { "\(addressType);\(address)" }
}
