// SPDX-License-Identifier: Apache-2.0

import LiveWorld
import Mail
import Settings
import World

/// Whether clients can trust what this host shows them.
struct CertificateChecks {
    private let settings: ServerSettings
    private let now = Live.surroundings.time.timestamp

    /// Before the end of a certificate; whoever renews by ACME does so 30 days before.
    private static let warningTime = Duration.days(14)

    init(_ settings: ServerSettings) { self.settings = settings }

    func findings() async -> [Finding] {
        var findings: [Finding] = []
        for (index, files) in settings.certificates.enumerated() {
            findings += await look(at: files, isFirst: index == 0)
        }
        return findings
    }

    private func look(
        at files: ServerSettings.CertificateFiles, isFirst: Bool
    ) async -> [Finding] {
        let facts: CertificateFacts
        do throws(CommandFailure) {
            let chain = try Files.read(files.chain)
            _ = try ServerIdentity.load([files])
            guard let read = CertificateFacts(chain: chain) else {
                return [finding(.error, "\(files.chain) holds no certificate that can be read")]
            }
            facts = read
        } catch {
            return [
                finding(
                    .error, error.text,
                    "`tls.certificate` and `tls.private-key` name the chain and its key, as PEM")
            ]
        }
        var findings = [
            finding(
                .fine,
                "\(files.chain) belongs to its key and is for \(list(facts.names)), until \(date(facts.notAfter))"
            )
        ]
        let dates = dates(facts, files)
        findings += dates
        if isFirst, !facts.isFor(settings.hostName.name) {
            findings.append(
                finding(
                    .error, "\(files.chain) is not for this host, \(settings.hostName)",
                    "mail programs refuse it: get one that names \(settings.hostName), or correct `host-name`"
                ))
        }
        if facts.isSelfSigned {
            findings.append(
                finding(
                    .warning,
                    "\(files.chain) is signed by itself: mail programs ask before trusting it",
                    "other servers do not mind; for people get one from an authority (ACME)"))
        } else if !dates.contains(where: { $0.severity == .error }), await !facts.isTrusted() {
            findings.append(
                finding(
                    .warning,
                    "\(files.chain) does not lead to an authority that this system trusts",
                    "the file must hold the certificate, then the intermediate ones: often named fullchain.pem"
                ))
        }
        return findings
    }

    private func dates(
        _ facts: CertificateFacts, _ files: ServerSettings.CertificateFiles
    ) -> [Finding] {
        if now > facts.notAfter {
            return [
                finding(
                    .error, "\(files.chain) ended on \(date(facts.notAfter))",
                    "renew it, then `postreiter reload`")
            ]
        }
        if now < facts.notBefore {
            return [
                finding(
                    .error, "\(files.chain) is valid only from \(date(facts.notBefore)) on",
                    "is the clock of this host right?")
            ]
        }
        guard now + Self.warningTime > facts.notAfter else { return [] }
        return [
            finding(
                .warning, "\(files.chain) ends on \(date(facts.notAfter))",
                "renew it, then `postreiter reload`")
        ]
    }

    private func date(_ time: Timestamp) -> String {
        String(CalendarDate(time).internetFormat.prefix(10))
    }

    private func list(_ names: [String]) -> String {
        names.isEmpty ? "no name" : names.joined(separator: ", ")
    }

    private func finding(
        _ severity: Finding.Severity, _ text: String, _ advice: String? = nil
    ) -> Finding { Finding(severity, "certificate", text, advice: advice) }
}
