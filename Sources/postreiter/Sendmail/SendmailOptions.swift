// SPDX-License-Identifier: Apache-2.0

import Mail

/// The options of sendmail(8), as programs have used them for forty years.
struct SendmailOptions: Equatable {
    /// What to do (`-b`).
    enum Mode: Character {
        case deliver = "m"
        /// SMTP on standard input and output.
        case smtp = "s"
        case queue = "p"
        /// Aliases need no rebuilding here.
        case aliases = "i"
    }

    var mode = Mode.deliver
    /// `-C`; nil for the usual file.
    var configuration: String?
    /// `-f`, `-r`; the empty text is the null path.
    var sender: String?
    /// `-F`.
    var fullName: String?
    /// `-t`.
    var takesRecipientsFromHeader = false
    /// `-i`, `-oi`.
    var ignoresDots = false
    /// `-oem`, `-oee`: errors come as mail, not as an exit code.
    var reportsByMail = false
    /// `-B`.
    var body: Envelope.Body?
    /// `-N`.
    var notify: Envelope.Notify?
    /// `-R`.
    var returned: Envelope.Returned?
    /// `-V`.
    var envelopeID: String?
    /// `-q`: the queue runs by itself.
    var runsQueue = false
    var recipients: [String] = []

    /// Options whose value is needed: the rest of the word, or the next one.
    private static let withValue = Set("ABbCFfhLNOopRrVX")
    /// Options whose value may only be the rest of the word.
    private static let withRest = Set("dDq")
    private static let withoutValue = Set("GIimnstUv")

    init(_ arguments: some Sequence<String>) throws(CommandFailure) {
        var words = Array(arguments)[...]
        while let word = words.popFirst() {
            guard word.hasPrefix("-"), word != "-" else {
                recipients.append(word)
                continue
            }
            if word == "--" { break }
            try read(word.dropFirst(), &words)
        }
        recipients += words
    }

    /// One word of options, such as `-oi`, `-ti` or `-fsender`.
    private mutating func read(
        _ word: Substring, _ words: inout ArraySlice<String>
    ) throws(CommandFailure) {
        var rest = word
        while let option = rest.popFirst() {
            if Self.withValue.contains(option) {
                let value = rest.isEmpty ? words.popFirst() : String(rest)
                guard let value else {
                    throw .usage("sendmail: the option -\(option) needs a value")
                }
                return try set(option, value)
            }
            if Self.withRest.contains(option) {
                if option == "q" { runsQueue = true }
                return
            }
            guard Self.withoutValue.contains(option) else {
                throw .usage("sendmail: unknown option -\(option)")
            }
            switch option {
            case "i": ignoresDots = true
            case "t": takesRecipientsFromHeader = true
            case "I": mode = .aliases
            // -G, -m, -n, -s, -U, -v: what they ask for is so, or has no meaning here.
            default: break
            }
        }
    }

    private mutating func set(_ option: Character, _ value: String) throws(CommandFailure) {
        switch option {
        case "b":
            guard let mode = value.first.flatMap({ Mode(rawValue: $0) }) else {
                throw .usage(
                    "sendmail: the mode -b\(value) is not supported; see `postreiter serve`")
            }
            self.mode = mode
        case "B":
            guard let body = Envelope.Body(rawValue: value.uppercased()) else {
                throw .usage("sendmail: -B takes 7BIT or 8BITMIME, not `\(value)`")
            }
            self.body = body
        case "C": configuration = value
        case "F": fullName = value
        case "f", "r": sender = value == "<>" ? "" : value
        case "N": notify = try Self.notify(value)
        case "R":
            switch value.lowercased() {
            case "full": returned = .full
            case "hdrs": returned = .header
            default: throw .usage("sendmail: -R takes full or hdrs, not `\(value)`")
            }
        case "V":
            // RFC 3461 §4.4: as long as xtext of 100 characters can be, printable ASCII.
            guard (1...100).contains(value.utf8.count),
                value.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { throw .usage("sendmail: the envelope id must be 1 to 100 printable characters") }
            envelopeID = value
        // -oi, -oem and so on; others change nothing.
        case "o":
            switch value {
            case "i": ignoresDots = true
            case "em", "ee": reportsByMail = true
            default: break
            }
        case "O": if value.lowercased().hasPrefix("ignoredots=t") { ignoresDots = true }
        // -A, -h, -L, -p, -X: nothing here depends on them.
        default: break
        }
    }

    /// RFC 3461 §4.1: `never` stands alone.
    private static func notify(_ text: String) throws(CommandFailure) -> Envelope.Notify {
        var notify = Envelope.Notify.never
        let words = text.lowercased().split(separator: ",", omittingEmptySubsequences: false)
        for word in words {
            switch word {
            case "never" where words.count == 1: return .never
            case "success": notify.insert(.success)
            case "failure": notify.insert(.failure)
            case "delay": notify.insert(.delay)
            default:
                throw .usage("sendmail: -N takes never, or success,failure,delay; not `\(text)`")
            }
        }
        return notify
    }
}
