// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Journal
package import KeyRing
package import Logging
import MIME
package import Mail
package import Spool
package import Storage
import Synchronization
package import World

/// Takes over what programs of this machine have left (`sendmail`), each message exactly once.
///
/// The name of a drop is written down in the transaction that accepts its message; the file goes
/// after that. A crash in between leaves a file whose name is known: it is removed, not accepted
/// again.
package actor Maildrop {
    private let folder: DropFolder
    private let hostName: Domain
    private let intake: Intake
    private let store: any Store
    private let time: any Time
    private let log: Logger
    private let userName: @Sendable (UInt32) -> String?
    private let signingKeys: SigningKeys?
    /// Being taken at the moment: two may ask for the same.
    private var busy: Set<String> = []
    /// Not to be tried before: what could not be taken just now.
    private var failed: [String: Instant] = [:]

    /// How often the folder is looked at by itself.
    private static let interval = Duration.seconds(1)
    /// For a drop that cannot be taken because of the store.
    private static let pause = Duration.seconds(30)
    /// Names are kept for this long after their message was taken.
    private static let kept = Duration.days(30)

    /// `userName` tells the login name of a user of the machine.
    package init(
        _ folder: DropFolder, hostName: Domain, intake: Intake, store: any Store,
        time: any Time, log: Logger, signingKeys: SigningKeys? = nil,
        userName: @escaping @Sendable (UInt32) -> String?
    ) {
        self.folder = folder
        self.hostName = hostName
        self.intake = intake
        self.store = store
        self.time = time
        self.log = log
        self.userName = userName
        self.signingKeys = signingKeys
    }

    /// Takes what is there and what comes, until the task is cancelled.
    package func run() async {
        do {
            try await forget()
        } catch {
            log.warning("names of dropped messages cannot be forgotten: \(error)")
        }
        var complaint = ""
        while !Task.isCancelled {
            do {
                try await takeAll()
                complaint = ""
            } catch {
                if "\(error)" != complaint { log.warning("the maildrop cannot be read: \(error)") }
                complaint = "\(error)"
            }
            try? await time.sleep(for: Self.interval)
        }
    }

    /// Takes everything that is there.
    package func takeAll() async throws {
        let names = try await folder.names()
        failed = failed.filter { names.contains($0.key) }
        for name in names where !Task.isCancelled {
            if let until = failed[name], time.now < until { continue }
            do {
                _ = try await take(name)
            } catch {
                failed[name] = time.now + Self.pause
                log.warning("the dropped message \(name) cannot be taken yet: \(error)")
            }
        }
    }

    /// Takes one; the queue id, or nil if it is not there (any more) or is none.
    package func take(_ name: String) async throws -> QueueID? {
        guard DropFolder.isName(name), busy.insert(name).inserted else { return nil }
        defer { busy.remove(name) }
        if try await isTaken(name) {
            try await folder.remove(name)
            return nil
        }
        do {
            guard let drop = try await folder.drop(named: name) else { return nil }
            let id = try await accept(drop, name)
            try await folder.remove(name)
            return id
        } catch StorageFailure.corrupt(let reason) {
            log.error("a dropped message is put aside as rejected-\(name): \(reason)")
            try await folder.putAside(name)
            return nil
        }
    }

    private func isTaken(_ name: String) async throws -> Bool {
        try await store.read { transaction in
            try transaction.first(
                "SELECT taken FROM maildrop_taken WHERE name = ?", [.text(name)]
            ) { $0.integer(0) } != nil
        }
    }

    private func forget() async throws {
        let oldest = time.timestamp + (.zero - Self.kept)
        try await store.write { transaction in
            try transaction.execute(
                "DELETE FROM maildrop_taken WHERE taken < ?", [.integer(oldest.milliseconds)])
        }
    }

    private func accept(_ drop: DropFolder.Drop, _ name: String) async throws -> QueueID {
        var octets: [UInt8] = []
        while !octets.contains(.lineFeed) {
            let piece = try await drop.next()
            guard !piece.isEmpty, octets.count <= DroppedMessage.maximumLineOctets else {
                throw StorageFailure.corrupt("it does not begin with an envelope")
            }
            octets += piece
        }
        let end = octets.firstIndex(of: .lineFeed) ?? octets.endIndex
        guard let dropped = DroppedMessage(line: octets[..<end]) else {
            throw StorageFailure.corrupt("its envelope cannot be understood")
        }
        let submission = LocalSubmission(
            dropped, userID: drop.userID, userName: userName(drop.userID), hostName: hostName,
            received: time.timestamp, signingKeys: signingKeys)
        return try await submission.fill(
            intake.open(), first: octets[(end + 1)...], rest: drop, log: log
        ) { [name, time] transaction in
            try transaction.execute(
                "INSERT INTO maildrop_taken (name, taken) VALUES (?, ?)",
                [.text(name), .integer(time.timestamp.milliseconds)])
        }
    }
}

extension Migrations {
    /// The names of messages that were taken out of the maildrop lately.
    package static let maildrop = Migrations(
        module: "Maildrop",
        [
            """
            CREATE TABLE maildrop_taken (
                name TEXT NOT NULL PRIMARY KEY,
                taken INTEGER NOT NULL
            ) WITHOUT ROWID;
            """
        ])
}
