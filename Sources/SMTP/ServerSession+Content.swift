// SPDX-License-Identifier: Apache-2.0

import Bytes

extension ServerSession {
    /// A message on its way in.
    struct Content {
        var scanner: ContentScanner
        /// Which wait this is, for `Patience`.
        let subject: UInt64
        /// Of the message, dots undone.
        var octets = 0
        /// Why it is refused already; then only its end is waited for.
        var fault: Reply?
        /// The fault is a refusal of ours, not an error of the client's.
        var isRefusal = false
        var swallowedOctets = 0
        /// The chunk being read; nil for DATA.
        var chunk: Chunk?
    }

    /// What a BDAT command announces (RFC 3030 §2).
    struct Chunk {
        /// As announced.
        let octets: Int
        let isLast: Bool
        /// Not read yet.
        var remaining: Int

        init(octets: Int, isLast: Bool) {
            self.octets = octets
            self.isLast = isLast
            remaining = octets
        }
    }

    func newContent(_ form: ContentScanner.Form) -> Content {
        Content(
            scanner: ContentScanner(
                form, maximumLineOctets: configuration.maximumTextLineOctets),
            subject: subjects)
    }

    /// Reads on in the message; nil when all that arrived is read or the phase has changed.
    mutating func readContent(_ content: Content) -> Step? {
        content.chunk == nil ? readData(content) : readChunk(content)
    }

    private mutating func readData(_ content: Content) -> Step? {
        var content = content
        while !input.isEmpty {
            let unread = input.unread
            let finding = unread.withUnsafeBufferPointer {
                content.scanner.scan($0, isStrict: content.fault == nil)
            }
            input.consume(finding.consumed)
            if finding.isEnd { return finishMessage(content) }
            if content.fault != nil {
                guard swallow(finding.consumed, of: &content) else { return nil }
                continue
            }
            // RFC 5321 §4.1.1.4 leaves no place for a reply before the end: the rest is read.
            if let step = take(finding, of: unread, &content) { return step }
        }
        phase = .content(content)
        return nil
    }

    /// Counts what a look has found, and hands it on.
    private mutating func take(
        _ finding: ContentScanner.Finding, of unread: ArraySlice<UInt8>, _ content: inout Content
    ) -> Step? {
        content.octets += finding.content.count
        if content.octets > configuration.maximumMessageOctets {
            content.fault = .messageTooLarge
        } else if let fault = finding.fault {
            content.fault = Self.refusal(of: fault)
        }
        phase = .content(content)
        if content.fault != nil { return .discardDraft }
        if finding.content.isEmpty { return nil }
        let start = unread.startIndex
        return .content(
            unread[(start + finding.content.lowerBound)..<(start + finding.content.upperBound)])
    }

    /// Reads what nobody wants; false when it was too much, and the session is over.
    private mutating func swallow(_ count: Int, of content: inout Content) -> Bool {
        content.swallowedOctets += count
        guard content.swallowedOctets > Self.maximumSwallowedOctets else { return true }
        phase = .content(content)
        close(saying: content.fault)
        return false
    }

    /// The end of the message: the driver's turn, or the reply that has been due for long.
    private mutating func finishMessage(_ content: Content) -> Step? {
        subjects += 1
        guard let fault = content.fault else {
            phase = .committing
            return .takeResponsibility
        }
        phase = .command
        let isLast = content.chunk?.isLast ?? true
        // RFC 2033 §4.2, §4.3: the end of a message has a reply for each recipient, even none.
        let count = isLocal && isLast ? transaction?.recipientCount ?? 0 : 1
        transaction = nil
        if content.isRefusal {
            refuse(fault, times: count)
        } else {
            fail(fault)
            for _ in 1..<max(1, count) where isCommandPhase() { say(fault) }
        }
        return nil
    }

    private static func refusal(of fault: ContentScanner.Fault) -> Reply {
        switch fault {
        case .bareCarriageReturn, .bareLineFeed: .bareLineEndInContent
        case .null: .nullInContent
        case .lineTooLong: .textLineTooLong
        }
    }
}

// MARK: - BDAT (RFC 3030)

extension ServerSession {
    /// ```abnf
    /// bdat-cmd   = "BDAT" SP chunk-size [ SP end-marker ] CR LF
    /// chunk-size = 1*DIGIT
    /// end-marker = "LAST"
    /// ```
    mutating func chunk(_ argument: ArraySlice<UInt8>) {
        guard let chunk = Self.chunk(argument) else {
            // Where its octets end is not known: what follows must not be taken for commands.
            return close(saying: .chunkSizeMalformed)
        }
        do throws(Reply) {
            let transaction = try expectTransaction()
            let (total, isTooMuch) = (assembly?.octets ?? 0).addingReportingOverflow(chunk.octets)
            guard !isTooMuch, total <= configuration.maximumMessageOctets else {
                throw .messageTooLarge
            }
            if let content = assembly {
                assembly = nil
                return read(chunk, into: content)
            }
            phase = .awaiting(.chunk(chunk))
            pending.append(.openDraft(transaction))
        } catch {
            // §2: the octets come all the same, and are discarded before the reply.
            swallow(chunk, saying: error)
        }
    }

    private static func chunk(_ argument: ArraySlice<UInt8>) -> Chunk? {
        let words = argument.split(separator: .space)
        // Nineteen digits are more than any message, and fit.
        guard (1...2).contains(words.count), words[0].count <= 18,
            words[0].allSatisfy(\.isDigit), let octets = Int(String(lossy: words[0]))
        else { return nil }
        if words.count == 2 {
            guard words[1].equalsIgnoringCase("LAST".utf8) else { return nil }
        }
        return Chunk(octets: octets, isLast: words.count == 2)
    }

    private func expectTransaction() throws(Reply) -> Transaction {
        guard let transaction else {
            try expectAdmission()
            throw .badSequence
        }
        guard transaction.recipientCount > 0 else { throw noValidRecipients }
        return transaction
    }

    mutating func read(_ chunk: Chunk, into content: Content) {
        var content = content
        content.chunk = chunk
        phase = .content(content)
    }

    /// Reads a chunk for nothing, and says why.
    mutating func swallow(_ chunk: Chunk, saying reply: Reply) {
        if assembly != nil { pending.append(.discardDraft) }
        assembly = nil
        var content = newContent(.chunked)
        content.fault = reply
        content.isRefusal = true
        read(chunk, into: content)
    }

    private mutating func readChunk(_ content: Content) -> Step? {
        var content = content
        while let chunk = content.chunk, chunk.remaining > 0, !input.isEmpty {
            let unread = input.unread.prefix(chunk.remaining)
            guard content.fault == nil else {
                content.chunk?.remaining -= unread.count
                input.consume(unread.count)
                guard swallow(unread.count, of: &content) else { return nil }
                continue
            }
            let finding = unread.withUnsafeBufferPointer { content.scanner.scan($0) }
            content.chunk?.remaining -= finding.consumed
            input.consume(finding.consumed)
            if let step = take(finding, of: unread, &content) { return step }
        }
        phase = .content(content)
        guard content.chunk?.remaining == 0 else { return nil }
        return finishChunk(content)
    }

    private mutating func finishChunk(_ content: Content) -> Step? {
        var content = content
        guard content.fault == nil, let chunk = content.chunk else { return finishMessage(content) }
        guard chunk.isLast else {
            content.chunk = nil
            assembly = content
            phase = .command
            subjects += 1
            say(Reply(250, 2, 0, 0, "\(chunk.octets) octets received"))
            return nil
        }
        guard let fault = content.scanner.faultAtEnd else { return finishMessage(content) }
        content.fault = Self.refusal(of: fault)
        phase = .content(content)
        return .discardDraft
    }
}
