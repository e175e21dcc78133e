// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// What rspamd says of a message (its reply to `/checkv2`), as far as it is of use here.
package struct ScanReport: Hashable, Sendable {
    /// What it would do.
    package enum Action: String, Hashable, Sendable {
        case noAction = "no action"
        case greylist
        case addHeader = "add header"
        case rewriteSubject = "rewrite subject"
        case softReject = "soft reject"
        case reject
        case quarantine
        case discard
    }

    package let action: Action
    /// Its tests, as ours: `rspamd=SYMBOL`.
    package let tests: [Score.Test]
    /// What it wants said to the client (`smtp_message`), if anything.
    package let message: String?

    /// A report holds a few dozen symbols; more are not read.
    static let maximumSymbols = 150

    /// Nil for what is no report.
    package init?(_ json: JSON) {
        guard let word = json["action"]?.string else { return nil }
        // An action that an operator has defined for himself is none of ours.
        action = Action(rawValue: word) ?? .noAction
        message = json["messages"]?["smtp_message"]?.string
        let symbols = json["symbols"]?.object ?? []
        tests = symbols.prefix(Self.maximumSymbols).sorted { $0.0 < $1.0 }.map { name, symbol in
            let options = (symbol["options"]?.array ?? []).prefix(5).compactMap(\.string)
            return Score.Test(
                "rspamd=\(name)", Points(rounding: symbol["score"]?.double ?? 0),
                options.joined(separator: ", "))
        }
    }

    /// As much as our own actions know of it.
    package var wish: Score.Action {
        switch action {
        case .noAction: .accept
        case .addHeader, .rewriteSubject: .mark
        case .quarantine, .discard: .junk
        case .greylist, .softReject: .deferred
        case .reject: .reject
        }
    }
}

extension JSON {
    fileprivate var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}
