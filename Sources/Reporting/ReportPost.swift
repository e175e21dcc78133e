// SPDX-License-Identifier: Apache-2.0

import DNS
import Feedback
import HTTP
import World

/// Hands reports on TLS to HTTPS servers (RFC 8460 §5.4).
///
/// Certificates are not looked at, as RFC 8460 §3 allows: the reports are to arrive just where
/// something is wrong with TLS, and hold nothing secret.
struct ReportPost: Sendable {
    let resolver: any Resolver
    let network: any Network
    let time: any Time
    /// A stranger's record must not make this host talk to those around it.
    let allowsPrivateAddresses: Bool

    /// For all of it.
    static let patience = Duration.seconds(60)

    /// What came of it.
    enum Outcome: Equatable {
        case accepted
        /// It will not be taken, whatever is done.
        case refused(String)
        /// It may be taken later; if it was taken all the same, it is known by its identifier.
        case failed(String)
    }

    /// Hands a packed report to the server of a URI.
    func hand(_ file: [UInt8], to uri: String) async -> Outcome {
        guard let target = HTTPTarget(uri), target.isSecure, case .name = target.host else {
            return .refused("this is no HTTPS server")
        }
        let client = WebClient(
            resolver: resolver, network: network, time: time, verifiesCertificates: false,
            allowsPrivateAddresses: allowsPrivateAddresses)
        do throws(WebClient.Failure) {
            // What follows the status does not matter.
            return try await client.ask(
                Self.head(target, file.count) + file, of: target,
                deadline: time.now + Self.patience
            ) { response throws(Response.Fault) in try response.status().map(Self.outcome) }
        } catch {
            switch error {
            case .noServer(let reason): return .refused(reason)
            case .failed(let reason): return .failed(reason)
            }
        }
    }

    private static func head(_ target: HTTPTarget, _ length: Int) -> [UInt8] {
        let lines = [
            "POST \(target.target) HTTP/1.1", "Host: \(target.authority)",
            "User-Agent: postreiter", "Content-Type: \(ReportMail.packedTLSType)",
            "Content-Length: \(length)", "Connection: close",
        ]
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    /// RFC 8460 §5.4: any success; the others are retried as mail is, if waiting may help.
    private static func outcome(_ status: Int) -> Outcome {
        switch status {
        case 200..<300: .accepted
        // Too slow, too early, too many; and what is wrong with the server.
        case 408, 425, 429, 500...: .failed("the server answered \(status)")
        // Redirections are not followed: to where they lead nobody has agreed.
        default: .refused("the server answered \(status)")
        }
    }
}
