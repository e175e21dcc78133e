// SPDX-License-Identifier: Apache-2.0

import MIME
import Mail
import MessageStore
import SMTP
import Spool

/// In which form a message can go to a certain host.
enum Carriage {
    case form(Form)
    /// It cannot go there, now or ever; another host may take it.
    case refused(Outcome)

    struct Form {
        var body: Envelope.Body
        /// Whether the header needs SMTPUTF8.
        var isInternational: Bool
        /// About, if it is changed on the way.
        var octets: Int
        var changes: TransportChanges?
    }
}

extension Deliverer {
    /// Looks into the message only if the host lacks what its sender announced; `findings` keeps
    /// what was found for the next host.
    func carriage(
        of message: SpooledMessage, over extensions: Extensions,
        _ findings: inout TransportFindings?
    ) async -> Carriage {
        var form = Carriage.Form(
            body: message.body, isInternational: message.isInternational, octets: message.octets)
        let takesBody =
            switch message.body {
            case .sevenBit: true
            case .eightBitMIME: extensions.is8BitMIME
            case .binaryMIME: extensions.isBinaryMIME && extensions.isChunking
            }
        guard !takesBody || (message.isInternational && !extensions.isInternational) else {
            return .form(form)
        }
        let found: TransportFindings
        do {
            found = try await survey(message, &findings)
        } catch {
            let text = Diagnosis.unreadable.text("\(error)")
            return .refused(.transient(.init(EnhancedStatus(4, 3, 0), text)))
        }
        form.isInternational = message.isInternational && found.hasInternationalHeader
        guard !takesBody else { return .form(form) }
        do throws(TransportObstacle) {
            // RFC 6152 §3, RFC 3030 §3: made fit for the host, or returned.
            let changes = try found.changes(for: extensions.is8BitMIME ? .eightBit : .sevenBit)
            form.body = extensions.is8BitMIME ? .eightBitMIME : .sevenBit
            form.octets = changes.estimatedOctets
            if !changes.isEmpty { form.changes = changes }
            return .form(form)
        } catch {
            let lacking = message.body == .binaryMIME ? "BINARYMIME" : "8BITMIME"
            let text = Diagnosis.lacksExtension.text(lacking, error.diagnosis.text())
            return .refused(.permanent(.init(EnhancedStatus(5, 6, 3), text)))
        }
    }

    private func survey(
        _ message: SpooledMessage, _ findings: inout TransportFindings?
    ) async throws -> TransportFindings {
        if let findings { return findings }
        var survey = TransportSurvey()
        var reader = spooler.read(message)
        while let piece = try await reader.next() { survey.scan(piece) }
        let found = survey.finish()
        findings = found
        return found
    }
}
