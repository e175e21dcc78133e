// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

/// The first line of a message that a program of this machine has left for the server: a JSON
/// object with its envelope; the message follows.
package struct DroppedMessage: Sendable, Equatable {
    package var envelope: Envelope
    /// For a From field, should there be none.
    package var fullName: String?

    private static let format = "postreiter-drop-1"
    /// The line: some ten thousand recipients.
    package static let maximumLineOctets = 4 << 20

    package init(_ envelope: Envelope, fullName: String? = nil) {
        self.envelope = envelope
        self.fullName = fullName
    }

    /// The line with its line feed.
    package var line: [UInt8] {
        let recipients = envelope.recipients.map { recipient -> JSON in
            [
                "address": .string(recipient.address.description),
                "notify": recipient.notify.map { .integer(Int64($0.rawValue)) } ?? .null,
                "orcpt": JSON(recipient.originalRecipient?.address),
                "orcpt-type": JSON(recipient.originalRecipient?.addressType),
            ]
        }
        let object: JSON = [
            "format": .string(Self.format), "from": .string(envelope.reversePath.description),
            "to": .array(recipients), "body": .string(envelope.body.rawValue),
            "international": .bool(envelope.isInternational),
            "ret": JSON(envelope.requests.returned?.rawValue),
            "envid": JSON(envelope.requests.envelopeID), "name": JSON(fullName),
        ]
        return Array(object.description.utf8) + [.lineFeed]
    }

    /// Nil for anything but such a line.
    package init?(line: some Collection<UInt8>) {
        guard let json = try? JSON(parsing: line), json["format"]?.string == Self.format,
            let from = json["from"]?.string, let to = json["to"]?.array, !to.isEmpty,
            let body = json["body"]?.string.flatMap({ Envelope.Body(rawValue: $0) })
        else { return nil }
        var recipients: [Envelope.Recipient] = []
        for entry in to {
            guard let recipient = Self.recipient(entry) else { return nil }
            recipients.append(recipient)
        }
        var path = ReversePath.null
        if !from.isEmpty {
            guard let address = try? Address(from) else { return nil }
            path = .address(address)
        }
        envelope = Envelope(
            from: path, to: recipients, body: body,
            isInternational: json["international"]?.bool ?? false)
        envelope.requests.returned = json["ret"]?.string
            .flatMap { Envelope.Returned(rawValue: $0) }
        envelope.requests.envelopeID = json["envid"]?.string
        fullName = json["name"]?.string
    }

    private static func recipient(_ json: JSON) -> Envelope.Recipient? {
        guard let address = json["address"]?.string.flatMap({ try? Address($0) }) else {
            return nil
        }
        var recipient = Envelope.Recipient(address)
        recipient.notify = json["notify"]?.integer.flatMap { UInt8(exactly: $0) }
            .map { Envelope.Notify(rawValue: $0) }
        if let type = json["orcpt-type"]?.string, let original = json["orcpt"]?.string {
            recipient.originalRecipient = .init(addressType: type, address: original)
        }
        return recipient
    }
}
