// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
import Glibc
package import World

/// The validating resolver libunbound, in this process.
///
/// Answers whose signatures do not hold are failures (`bogus`), never data. Without a trust anchor
/// for the root nothing is validated and `isValidating` says so.
package final class UnboundResolver: Resolver {
    /// Where the questions go.
    package enum Way: Sendable {
        /// From the root servers downward.
        case recursive
        /// To these resolvers.
        case forward([Bytes.SocketAddress])
        /// To the resolvers of /etc/resolv.conf.
        case system
    }

    /// What distinguishes one resolver from another.
    package struct Settings: Sendable {
        package var way: Way
        /// A file with the root's DNSKEY or DS records; nil means no validation.
        package var rootAnchorFile: String? = UnboundResolver.installedRootAnchor
        /// More anchors, each a DS or DNSKEY record in presentation form.
        package var anchors: [String] = []
        /// Records in presentation form that are answered without asking anyone.
        package var localRecords: [String] = []
        /// For a whole question: what takes longer counts as `timeout`.
        package var patience: Duration = .seconds(20)

        package init(_ way: Way = .recursive) { self.way = way }
    }

    /// Where Debian keeps the root's key (packages dns-root-data and unbound-anchor).
    private static let anchorFiles = ["/usr/share/dns/root.key", "/var/lib/unbound/root.key"]

    /// The first of the usual files that can be read.
    package static var installedRootAnchor: String? {
        anchorFiles.first { access($0, R_OK) == 0 }
    }

    /// Whether there is an anchor to validate from.
    package let isValidating: Bool
    private let patience: Duration
    private let worker: UnboundWorker
    private let time = LiveTime()

    /// Throws `.system` with the option or file that libunbound refused.
    package init(_ settings: Settings = .init()) throws(NetworkFailure) {
        let context = try UnboundContext(settings)
        isValidating = settings.rootAnchorFile != nil || !settings.anchors.isEmpty
        patience = settings.patience
        worker = UnboundWorker(context)
        worker.start()
    }

    deinit { worker.stop() }

    package func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        let question = UnboundQuestion(name, type, deadline: time.now + patience)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                question.wait(continuation)
                worker.ask(question)
            }
        } onCancel: {
            question.cancel()
            worker.wake()
        }
    }
}
