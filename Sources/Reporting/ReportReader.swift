// SPDX-License-Identifier: Apache-2.0

package import Directory
import Feedback
package import Logging
package import Mail
import MessageStore
package import ReportStore
package import Spool

/// Reads the reports that others send to mailboxes here, and keeps what they say.
///
/// The mail itself goes on into its mailbox, whatever is found in it.
package final class ReportReader: Sendable {
    private let settings: ReportingSettings
    private let filing: ReportFiling
    private let spooler: Spooler
    private let log: Logger
    private let mail = AsyncStream.makeStream(
        of: SpooledMessage.self, bufferingPolicy: .bufferingOldest(maximumWaiting))

    /// What is beyond is not read: it stays in its mailbox, from where it can be imported.
    static let maximumWaiting = 1000
    /// The largest mail that is looked at.
    static let maximumOctets = 25 << 20

    /// `signers` is for `ReportFiling`.
    package init(
        _ settings: ReportingSettings, reports: Reports, registry: Registry, spooler: Spooler,
        signers: ReportSigners? = nil, log: Logger
    ) {
        self.settings = settings
        filing = ReportFiling(
            reports: reports, registry: registry, authservID: settings.authservID,
            signers: signers)
        self.spooler = spooler
        self.log = log
    }

    /// A message goes into a mailbox here; `asked` is to whom it was sent.
    package func note(_ message: SpooledMessage, asked: Address) {
        guard message.octets <= Self.maximumOctets, settings.reads(asked) else { return }
        mail.continuation.yield(message)
    }

    /// Reads until the task is cancelled.
    package func run() async {
        for await message in mail.stream {
            guard !Task.isCancelled else { return }
            await read(message)
        }
    }

    private func read(_ message: SpooledMessage) async {
        var reader = spooler.read(message)
        var octets: [UInt8] = []
        octets.reserveCapacity(message.octets)
        do {
            while let piece = try await reader.next() { octets += piece }
            let filing = try await filing.file(octets)
            log.info("\(message.id) carries a report: \(filing.map { "\($0)" } ?? "not signed")")
        } catch let failure as ReportFailure {
            log.debug("\(message.id) carries no report: \(failure)")
        } catch {
            log.warning("\(message.id): the report in it was not kept: \(error)")
        }
    }
}
