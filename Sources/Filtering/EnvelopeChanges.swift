// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail
import Milter
package import SMTP

/// What filters want changed of a message's envelope.
package struct EnvelopeChanges: Sendable {
    /// Of the recipients.
    package enum Change: Sendable {
        case add(ForwardPath, RecipientParameters)
        /// As it was told to the filter.
        case remove(ForwardPath)
    }

    /// The reverse-path instead of the message's own (SMFIR_CHGFROM); nil: that one stays.
    package private(set) var sender: (path: ReversePath, parameters: MailParameters)?
    /// In the order they were said (SMFIR_ADDRCPT, SMFIR_ADDRCPT_PAR, SMFIR_DELRCPT).
    package private(set) var recipients: [Change] = []

    package var isEmpty: Bool { sender == nil && recipients.isEmpty }

    init() {}

    /// Takes what concerns the envelope; throws where that is no path, or no parameter.
    mutating func take(_ modifications: [Modification]) throws(Reply) {
        for modification in modifications {
            switch modification {
            case .changeSender(let path, let parameters):
                sender = try WrittenPath.sender(path, parameters: parameters)
            case .addRecipient(let path, let parameters):
                let (path, parameters) = try WrittenPath.recipient(path, parameters: parameters)
                recipients.append(.add(path, parameters))
            case .deleteRecipient(let path):
                recipients.append(.remove(try WrittenPath.recipient(path).0))
            case .addField, .insertField, .changeField, .quarantine: break
            }
        }
    }
}
