// SPDX-License-Identifier: Apache-2.0

/// What a filter says to an event.
package enum Answer: Hashable, Sendable {
    /// Go on.
    case proceed
    /// Go on, and tell no more of this kind of event in this message (SMFIR_SKIP).
    case skip
    /// Of this message (before: of this connection) the filter wants to hear no more.
    case accept
    case reject
    case temporaryFailure
    /// Take the message and forget it.
    case discard
    /// Reject in these words: a code of 4yz or 5yz, perhaps an enhanced status, and text.
    case reply(code: Int, status: String?, text: String)
    /// Close the connection with 421 (SMFIR_SHUTDOWN, SMFIR_CONN_FAIL).
    case shutDown
}

/// What a filter wants changed at the end of a message, in the order it was said.
package enum Modification: Hashable, Sendable {
    /// Behind all fields.
    case addField(name: String, value: [UInt8])
    /// Before the field with that index; 0 is before all.
    case insertField(index: Int, name: String, value: [UInt8])
    /// The field that is the `occurrence`th of its name, from 1; an empty value deletes it.
    case changeField(occurrence: Int, name: String, value: [UInt8])
    case addRecipient(String, parameters: String)
    case deleteRecipient(String)
    case changeSender(String, parameters: String)
    case quarantine(String)

    /// What must have been agreed for it; one of these is enough.
    var permission: Options.Actions {
        switch self {
        case .addField, .insertField: [.addFields, .changeFields]
        case .changeField: .changeFields
        case .addRecipient: [.addRecipients, .addRecipientsWithParameters]
        case .deleteRecipient: .deleteRecipients
        case .changeSender: .changeSender
        case .quarantine: .quarantine
        }
    }
}
