// SPDX-License-Identifier: Apache-2.0

package import DNS
package import World
package import ZoneStore

/// What a command asks of the name server that is running, if one is.
package struct ZoneService: Sendable {
    /// How a zone that is copied from elsewhere is doing.
    package struct Copy: Sendable {
        package var origin: Name
        package var serial: UInt32?
        package var checked: Timestamp?
        package var nextCheck: Timestamp
        package var expiry: Timestamp?
        package var isExpired: Bool
        package var failure: String?

        package init(
            origin: Name, serial: UInt32?, checked: Timestamp?, nextCheck: Timestamp,
            expiry: Timestamp?, isExpired: Bool, failure: String?
        ) {
            self.origin = origin
            self.serial = serial
            self.checked = checked
            self.nextCheck = nextCheck
            self.expiry = expiry
            self.isExpired = isExpired
            self.failure = failure
        }
    }

    /// A change of a zone that is kept elsewhere.
    package struct Update: Sendable {
        package var origin: Name
        package var removed: [ResourceRecord]
        package var added: [ResourceRecord]
        /// What the sets concerned held when they were looked at.
        package var before: [ResourceRecord]
    }

    /// Why something was not done.
    package typealias Failure = ZoneFailure

    /// How all copies are doing.
    package var copies: @Sendable () async -> [Copy]
    /// Look after a copy now; true: transfer it whole.
    package var refresh: @Sendable (Name, Bool) async throws(Failure) -> Void
    /// What the server that keeps a zone answers for sets of it.
    package var records:
        @Sendable (Name, [(owner: Name, type: RecordType)]) async throws(Failure)
            -> [ResourceRecord]
    /// Change a zone that is kept elsewhere.
    package var update: @Sendable (Update) async throws(Failure) -> Void
    /// Tell everyone who is to know of a zone's changes.
    package var announce: @Sendable ([Name]) async -> Void

    package init(
        copies: @escaping @Sendable () async -> [Copy],
        refresh: @escaping @Sendable (Name, Bool) async throws(Failure) -> Void,
        records:
            @escaping @Sendable (Name, [(owner: Name, type: RecordType)])
            async throws(Failure) -> [ResourceRecord],
        update: @escaping @Sendable (Update) async throws(Failure) -> Void,
        announce: @escaping @Sendable ([Name]) async -> Void
    ) {
        self.copies = copies
        self.refresh = refresh
        self.records = records
        self.update = update
        self.announce = announce
    }

    /// None is running.
    package static let none = Self(
        copies: { [] },
        refresh: { _, _ throws(Failure) in throw noServer },
        records: { _, _ throws(Failure) in throw noServer },
        update: { _ throws(Failure) in throw noServer }, announce: { _ in })

    private static var noServer: ZoneFailure {
        .unfit("the server is not running: `postreiter serve` does that")
    }
}
