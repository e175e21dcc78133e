// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

/// Paths and parameters that a program of this site writes as an SMTP client would: a filter that
/// changes an envelope.
package enum WrittenPath {
    /// All that a path may say; what counts from now is not known.
    private static var terms: Terms {
        var extensions = Extensions()
        extensions.is8BitMIME = true
        extensions.isInternational = true
        extensions.hasDSN = true
        return Terms(extensions: extensions, now: nil, mayRaisePriority: false)
    }

    /// A reverse-path with or without its angle brackets, with parameters of MAIL.
    ///
    /// Throws what a client would hear.
    package static func sender(
        _ path: String, parameters: String = ""
    ) throws(Reply) -> (ReversePath, MailParameters) {
        try MailArguments.mail(
            line("FROM:", path, "SMTPUTF8 " + parameters), on: terms)
    }

    /// A forward-path with or without its angle brackets, with parameters of RCPT.
    ///
    /// Throws what a client would hear.
    package static func recipient(
        _ path: String, parameters: String = ""
    ) throws(Reply) -> (ForwardPath, RecipientParameters) {
        try MailArguments.recipient(
            line("TO:", path, parameters), isInternational: true, on: terms)
    }

    private static func line(
        _ keyword: String, _ path: String, _ parameters: String
    ) -> ArraySlice<UInt8> {
        let path = path.hasPrefix("<") ? path : "<\(path)>"
        return Array("\(keyword)\(path) \(parameters)".utf8)[...]
    }
}
