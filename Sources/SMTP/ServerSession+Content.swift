// SPDX-License-Identifier: Apache-2.0

import Bytes

extension ServerSession {
    /// A message on its way in.
    struct Content {
        var scanner: ContentScanner
        /// Of the message, dots undone.
        var octets = 0
        /// Why it is refused already; then only its end is waited for.
        var fault: Reply?
        var swallowedOctets = 0

        init(maximumLineOctets: Int) {
            scanner = ContentScanner(maximumLineOctets: maximumLineOctets)
        }
    }

    /// Reads on in the message; nil when all that arrived is read or the phase has changed.
    mutating func readContent(_ content: Content) -> Step? {
        var content = content
        while !input.isEmpty {
            let unread = input.unread
            let finding = unread.withUnsafeBufferPointer {
                content.scanner.scan($0, isStrict: content.fault == nil)
            }
            input.consume(finding.consumed)
            if finding.isEnd { return finishContent(content) }
            if content.fault != nil {
                content.swallowedOctets += finding.consumed
                guard content.swallowedOctets <= Self.maximumSwallowedOctets else {
                    phase = .content(content)
                    close(saying: content.fault)
                    return nil
                }
                continue
            }
            content.octets += finding.content.count
            if content.octets > configuration.maximumMessageOctets {
                content.fault = .messageTooLarge
            } else if let fault = finding.fault {
                content.fault = Self.refusal(of: fault)
            }
            // RFC 5321 §4.1.1.4 leaves no place for a reply before the end: the rest is read.
            phase = .content(content)
            if content.fault != nil { return .discardDraft }
            if finding.content.isEmpty { continue }
            let start = unread.startIndex
            return .content(
                unread[(start + finding.content.lowerBound)..<(start + finding.content.upperBound)])
        }
        phase = .content(content)
        return nil
    }

    private mutating func finishContent(_ content: Content) -> Step? {
        subjects += 1
        guard let fault = content.fault else {
            phase = .committing
            return .takeResponsibility
        }
        phase = .command
        transaction = nil
        fail(fault)
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
