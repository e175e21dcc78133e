// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import World

// What is asked of the peer for a message, and what stands against it.
extension ClientSession {
    /// Decides what can be known without asking.
    func prepare(_ transaction: Transaction) -> TransactionState {
        let envelope = transaction.envelope
        let everything = obstacle(to: transaction)
        var results: [Result?] = []
        var targets: [Int] = []
        var needsSMTPUTF8 = isInternational(envelope)
        var domains = recipientDomains
        for (index, recipient) in envelope.recipients.enumerated() {
            var result = everything.map { Result(.permanent($0), .nextHost) }
            if result == nil, recipient.address.isInternational, !extensions.isInternational {
                result = Result(.permanent(lacksSMTPUTF8(.addressNeedsSMTPUTF8)), .nextHost)
            }
            if result == nil {
                result = excess(targets.count, recipient.address.destination, &domains)
            }
            results.append(result)
            guard result == nil else { continue }
            targets.append(index)
            if recipient.address.isInternational { needsSMTPUTF8 = true }
        }
        return TransactionState(
            transaction: transaction, targets: targets, isChunked: prefersChunks(transaction),
            needsSMTPUTF8: needsSMTPUTF8, results: results)
    }

    /// Whom the peer does not want to hear of in this transaction or on this connection.
    private func excess(
        _ named: Int, _ destination: Destination, _ domains: inout Set<Destination>
    ) -> Result? {
        let limits = extensions.limits
        let limit = min(limits.recipients ?? Self.usualRecipients, Self.maximumRecipients)
        if named >= limit {
            let text = Diagnosis.recipientsAtATime.text(host, "\(limit)")
            return Result(
                .transient(Outcome.Evidence(EnhancedStatus(4, 5, 3), text, host: host)),
                .anotherTransaction)
        }
        guard let most = limits.recipientDomains, !domains.contains(destination) else {
            return nil
        }
        if domains.count >= most {
            let text = Diagnosis.domainsOnConnection.text(host, "\(most)")
            return Result(
                .transient(Outcome.Evidence(EnhancedStatus(4, 5, 3), text, host: host)),
                .anotherConnection)
        }
        domains.insert(destination)
        return nil
    }

    /// What this peer can never do for any recipient, though another exchanger may.
    private func obstacle(to transaction: Transaction) -> Outcome.Evidence? {
        let envelope = transaction.envelope
        func lacks(_ detail: (UInt16, UInt16), _ text: String) -> Outcome.Evidence {
            Outcome.Evidence(EnhancedStatus(5, detail.0, detail.1), text, host: host)
        }
        if let limit = extensions.maximumMessageOctets, limit > 0, transaction.octets > limit {
            // RFC 1870 §5: larger than this peer ever takes.
            return lacks(
                (3, 4), Diagnosis.tooLarge.text("\(transaction.octets)", host, "\(limit)"))
        }
        switch envelope.body {
        case .binaryMIME where !(extensions.isBinaryMIME && extensions.isChunking):
            // RFC 3030 §3: converted before, or returned.
            return lacks((6, 3), Diagnosis.lacksBINARYMIME.text(host))
        case .eightBitMIME where !extensions.is8BitMIME:
            // RFC 6152 §3: converted before, or returned.
            return lacks((6, 3), Diagnosis.lacks8BITMIME.text(host))
        default: break
        }
        if isInternational(envelope), !extensions.isInternational {
            let isSender = envelope.reversePath.address?.isInternational == true
            return lacksSMTPUTF8(isSender ? .senderNeedsSMTPUTF8 : .headerNeedsSMTPUTF8)
        }
        // RFC 8689 §4.2.1: a notification (null path) may go without.
        if envelope.requests.requiresTLS, envelope.reversePath != .null {
            if tls == nil {
                return lacks((7, 10), Diagnosis.lacksTLS.text(host))
            }
            if !extensions.canRequireTLS {
                return lacks(
                    (7, 30), Diagnosis.lacksREQUIRETLS.text(host))
            }
        }
        return deliverByObstacle(transaction)
    }

    /// RFC 2852 §4.1.4.1: a message to be returned in time goes to nobody who may not do so.
    private func deliverByObstacle(_ transaction: Transaction) -> Outcome.Evidence? {
        guard let deliverBy = transaction.envelope.requests.deliverBy, deliverBy.mode == .return
        else { return nil }
        guard let least = extensions.minimumDeliverBySeconds else {
            return Outcome.Evidence(
                EnhancedStatus(5, 3, 3),
                Diagnosis.lacksDELIVERBY.text(host),
                host: host)
        }
        let rest = Self.seconds(until: deliverBy, transaction)
        guard rest < max(1, least) else { return nil }
        return Outcome.Evidence(
            EnhancedStatus(5, 4, 7),
            Diagnosis.tooSlow.text("\(rest)", host, "\(least)"),
            host: host)
    }

    private static func seconds(
        until deliverBy: Envelope.DeliverBy, _ transaction: Transaction
    ) -> Int64 {
        let milliseconds = deliverBy.deadline.milliseconds - transaction.time.milliseconds
        // RFC 2852 §4: nine digits.
        return max(-999_999_999, min(milliseconds / 1000, 999_999_999))
    }

    private func isInternational(_ envelope: Envelope) -> Bool {
        envelope.isInternational || envelope.reversePath.address?.isInternational == true
    }

    /// RFC 6531 §3.2.
    private func lacksSMTPUTF8(_ lack: Diagnosis) -> Outcome.Evidence {
        Outcome.Evidence(
            EnhancedStatus(5, 6, 7), lack.text(host),
            host: host)
    }

    // MARK: - Commands

    func command(_ number: Int, of state: TransactionState) -> String {
        switch number {
        case 0: mail(state)
        case state.dataCommand: "DATA\r\n"
        default: recipient(state.transaction.envelope, state.targets[number - 1])
        }
    }

    private func mail(_ state: TransactionState) -> String {
        let envelope = state.transaction.envelope
        var line = "MAIL FROM:<\(envelope.reversePath)>"
        if extensions.maximumMessageOctets != nil { line += " SIZE=\(state.transaction.octets)" }
        switch envelope.body {
        case .sevenBit: break
        case .eightBitMIME, .binaryMIME: line += " BODY=\(envelope.body.rawValue)"
        }
        // RFC 6531 §3.4: only where it is needed.
        if state.needsSMTPUTF8 { line += " SMTPUTF8" }
        line += parameters(envelope.requests, state.transaction)
        return line + "\r\n"
    }

    private func parameters(
        _ requests: Envelope.Requests, _ transaction: Transaction
    ) -> String {
        var text = ""
        if extensions.hasDSN {
            // RFC 3461 §5.2.1: as they came, and only if they came.
            if let returned = requests.returned { text += " RET=\(returned.rawValue)" }
            if let identifier = requests.envelopeID {
                text += " ENVID=\(Xtext.encode(identifier.utf8))"
            }
        }
        if requests.requiresTLS, extensions.canRequireTLS { text += " REQUIRETLS" }
        if let deliverBy = requests.deliverBy, extensions.minimumDeliverBySeconds != nil {
            let rest = Self.seconds(until: deliverBy, transaction)
            text += " BY=\(rest);\(deliverBy.mode.rawValue)\(deliverBy.isTraced ? "T" : "")"
        }
        if requests.priority != 0, extensions.priorityProfile != nil {
            text += " MT-PRIORITY=\(requests.priority)"
        }
        return text
    }

    private func recipient(_ envelope: Envelope, _ index: Int) -> String {
        let recipient = envelope.recipients[index]
        var line = "RCPT TO:<\(recipient.address)>"
        if extensions.hasDSN {
            if let notify = notify(recipient, envelope) { line += " NOTIFY=\(notify)" }
            if let original = recipient.originalRecipient { line += " ORCPT=\(original.encoded)" }
        }
        return line + "\r\n"
    }

    private func notify(
        _ recipient: Envelope.Recipient, _ envelope: Envelope
    ) -> Envelope.Notify? {
        guard let deliverBy = envelope.requests.deliverBy, deliverBy.mode == .notify,
            extensions.minimumDeliverBySeconds == nil, recipient.notify != .never
        else { return recipient.notify }
        // RFC 2852 §4.1.4.2: who cannot be told the time is asked to tell of delays.
        return (recipient.notify ?? .failure).union(.delay)
    }
}

extension Envelope.OriginalRecipient {
    /// `original-recipient-address = addr-type ";" xtext` (RFC 3461 §4.2); for `utf-8` RFC 6533 §3.
    fileprivate var encoded: String {
        let isInternational = addressType.utf8.equalsIgnoringCase("utf-8".utf8)
        return "\(addressType);"
            + (isInternational
                ? Unitext.encode(address) : Xtext.encode(address.utf8))
    }
}
