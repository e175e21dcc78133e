// SPDX-License-Identifier: Apache-2.0

import KeyRing
import MIME
import Mail
import MessageStore
import SMTP
import Spool
import World

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
        } catch {
            let lacking = message.body == .binaryMIME ? "BINARYMIME" : "8BITMIME"
            let text = Diagnosis.lacksExtension.text(lacking, error.diagnosis.text())
            return .refused(.permanent(.init(EnhancedStatus(5, 6, 3), text)))
        }
        guard let changes = form.changes else { return .form(form) }
        do {
            let signed = try await renewed(changes, of: message)
            form.octets = signed.estimatedOctets
            form.changes = signed
            return .form(form)
        } catch {
            let text = Diagnosis.unreadable.text("\(error)")
            return .refused(.transient(.init(EnhancedStatus(4, 3, 0), text)))
        }
    }

    /// RFC 6376 §5.3: a change breaks the signatures of the message; those of ours are made anew
    /// over what the host gets, and so is our seal of what we forward (RFC 8617).
    private func renewed(
        _ changes: TransportChanges, of message: SpooledMessage
    ) async throws -> TransportChanges {
        guard var renewal = signingKeys?.renewal(at: time.timestamp) else { return changes }
        var converter = TransportConverter(changes)
        var reader = spooler.read(message)
        while let piece = try await reader.next() {
            renewal.take(before: piece)
            if renewal.isIdle { return changes }
            renewal.take(after: converter.convert(piece))
        }
        renewal.take(after: converter.finish())
        guard let (header, octets) = await renewal.finish() else { return changes }
        var changes = changes
        changes.replaceHeader(octets, by: header)
        return changes
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
