// SPDX-License-Identifier: Apache-2.0

/// What is agreed at the beginning of a conversation with a filter (SMFIC_OPTNEG).
package struct Options: Hashable, Sendable {
    /// Version 2 is as old as anything that still runs; 6 is the newest.
    package static let oldestVersion: UInt32 = 2
    package static let newestVersion: UInt32 = 6

    package var version: UInt32
    package var actions: Actions
    package var steps: Steps

    package init(version: UInt32 = newestVersion, actions: Actions, steps: Steps) {
        self.version = version
        self.actions = actions
        self.steps = steps
    }

    /// What a filter may ask of us at the end of a message (SMFIF_).
    package struct Actions: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let addFields = Self(rawValue: 0x01)
        package static let replaceBody = Self(rawValue: 0x02)
        package static let addRecipients = Self(rawValue: 0x04)
        package static let deleteRecipients = Self(rawValue: 0x08)
        package static let changeFields = Self(rawValue: 0x10)
        package static let quarantine = Self(rawValue: 0x20)
        package static let changeSender = Self(rawValue: 0x40)
        package static let addRecipientsWithParameters = Self(rawValue: 0x80)

        /// All that this side can do; not SMFIF_SETSYMLIST: every macro there is is sent anyway.
        package static let known = Self(rawValue: 0xFF)
    }

    /// What a filter does not want to hear, or does not answer (SMFIP_).
    package struct Steps: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let withoutConnect = Self(rawValue: 0x01)
        package static let withoutHello = Self(rawValue: 0x02)
        package static let withoutSender = Self(rawValue: 0x04)
        package static let withoutRecipients = Self(rawValue: 0x08)
        package static let withoutBody = Self(rawValue: 0x10)
        package static let withoutFields = Self(rawValue: 0x20)
        package static let withoutEndOfHeader = Self(rawValue: 0x40)
        package static let silentField = Self(rawValue: 0x80)
        package static let withoutUnknown = Self(rawValue: 0x100)
        package static let withoutData = Self(rawValue: 0x200)
        package static let skip = Self(rawValue: 0x400)
        package static let silentConnect = Self(rawValue: 0x1000)
        package static let silentHello = Self(rawValue: 0x2000)
        package static let silentSender = Self(rawValue: 0x4000)
        package static let silentRecipient = Self(rawValue: 0x8000)
        package static let silentData = Self(rawValue: 0x1_0000)
        package static let silentUnknown = Self(rawValue: 0x2_0000)
        package static let silentEndOfHeader = Self(rawValue: 0x4_0000)
        package static let silentBody = Self(rawValue: 0x8_0000)
        /// Field values keep the white space behind the colon.
        package static let leadingSpace = Self(rawValue: 0x10_0000)

        /// All that this side can do without; not `SMFIP_RCPT_REJ`, nor longer packets.
        package static let known = Self(rawValue: 0x1F_F7FF)
        /// What the versions before 3, 4 and 6 know of them.
        static func known(to version: UInt32) -> Self {
            switch version {
            case ..<3: Self(rawValue: 0x7F)
            case 3: Self(rawValue: 0x17F)
            case 4, 5: Self(rawValue: 0x37F)
            default: known
            }
        }
    }
}
