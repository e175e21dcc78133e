// SPDX-License-Identifier: Apache-2.0

import Bytes

/// What a response says to programs, in brackets before the text (RFC 9051 §7.1).
package enum ResponseCode: Hashable, Sendable {
    case alert, parse, readOnly, readWrite, tryCreate, uidNotSticky, closed, unknownCTE
    /// RFC 5530, now RFC 9051 §7.1.
    case unavailable, authenticationFailed, authorizationFailed, expired, privacyRequired
    case contactAdmin, noPerm, inUse, expungeIssued, corruption, serverBug, clientBug, cannot
    case limit, overQuota, alreadyExists, nonExistent, hasChildren
    /// RFC 5182: what SEARCH found could not be saved.
    case notSaved
    /// RFC 4978 §3.
    case compressionActive
    /// RFC 7889 §5.
    case tooBig
    /// RFC 6154 §3.
    case useAttribute
    /// RFC 9586 §3.
    case uidRequired
    /// RFC 5465 §5.8.
    case notificationOverflow
    case badEvent([String])
    case badCharset([String])
    case uidNext(UInt32)
    case uidValidity(UInt32)
    /// IMAP4rev1: the first message without \Seen.
    case unseen(UInt32)
    /// RFC 9051 §7.1; with MULTIAPPEND the UIDs of all messages.
    case appendUID(validity: UInt32, NumberSet)
    /// As many UIDs of the source as of the destination, in the same order.
    case copyUID(validity: UInt32, from: NumberSet, to: NumberSet)
    /// RFC 7162.
    case highestModificationSequence(UInt64), noModificationSequences, modified(NumberSet)
    /// RFC 8474 §4.
    case mailboxID(String)
    /// RFC 9738: only so many messages were done; the lowest UID that was, if any.
    case messageLimit(UInt32, lowest: UInt32?)
    /// RFC 9585 §4.
    case inProgress(tag: String?, done: UInt64?, goal: UInt64?)
    /// RFC 5464 §4.2.1, §4.3.
    case metadataLongEntries(UInt64), metadataMaximumSize(UInt64), metadataTooMany
    case metadataNoPrivate

    private var word: StaticString {
        switch self {
        case .alert: "ALERT"
        case .parse: "PARSE"
        case .readOnly: "READ-ONLY"
        case .readWrite: "READ-WRITE"
        case .tryCreate: "TRYCREATE"
        case .uidNotSticky: "UIDNOTSTICKY"
        case .closed: "CLOSED"
        case .unknownCTE: "UNKNOWN-CTE"
        case .unavailable: "UNAVAILABLE"
        case .authenticationFailed: "AUTHENTICATIONFAILED"
        case .authorizationFailed: "AUTHORIZATIONFAILED"
        case .expired: "EXPIRED"
        case .privacyRequired: "PRIVACYREQUIRED"
        case .contactAdmin: "CONTACTADMIN"
        case .noPerm: "NOPERM"
        case .inUse: "INUSE"
        case .expungeIssued: "EXPUNGEISSUED"
        case .corruption: "CORRUPTION"
        case .serverBug: "SERVERBUG"
        case .clientBug: "CLIENTBUG"
        case .cannot: "CANNOT"
        case .limit: "LIMIT"
        case .overQuota: "OVERQUOTA"
        case .alreadyExists: "ALREADYEXISTS"
        case .nonExistent: "NONEXISTENT"
        case .hasChildren: "HASCHILDREN"
        case .notSaved: "NOTSAVED"
        case .compressionActive: "COMPRESSIONACTIVE"
        case .tooBig: "TOOBIG"
        case .useAttribute: "USEATTR"
        case .uidRequired: "UIDREQUIRED"
        case .notificationOverflow: "NOTIFICATIONOVERFLOW"
        case .badEvent: "BADEVENT"
        case .badCharset: "BADCHARSET"
        case .uidNext: "UIDNEXT"
        case .uidValidity: "UIDVALIDITY"
        case .unseen: "UNSEEN"
        case .appendUID: "APPENDUID"
        case .copyUID: "COPYUID"
        case .highestModificationSequence: "HIGHESTMODSEQ"
        case .noModificationSequences: "NOMODSEQ"
        case .modified: "MODIFIED"
        case .mailboxID: "MAILBOXID"
        case .messageLimit: "MESSAGELIMIT"
        case .inProgress: "INPROGRESS"
        case .metadataLongEntries: "METADATA LONGENTRIES"
        case .metadataMaximumSize: "METADATA MAXSIZE"
        case .metadataTooMany: "METADATA TOOMANY"
        case .metadataNoPrivate: "METADATA NOPRIVATE"
        }
    }

    /// With its brackets and the space behind them.
    package func write(to octets: inout [UInt8]) {
        octets.append("[")
        octets.append(word)
        writeArguments(to: &octets)
        octets.append("] ")
    }

    private func writeArguments(to octets: inout [UInt8]) {
        switch self {
        case .badEvent(let names), .badCharset(let names):
            guard !names.isEmpty else { return }
            octets.append(" (\(names.joined(separator: " ")))")
        case .uidNext(let number), .uidValidity(let number), .unseen(let number):
            octets.append(.space)
            octets.appendDecimal(number)
        case .appendUID(let validity, let uids):
            octets.append(.space)
            octets.appendDecimal(validity)
            octets.append(.space)
            uids.write(to: &octets)
        case .copyUID(let validity, let from, let to):
            octets.append(.space)
            octets.appendDecimal(validity)
            octets.append(.space)
            from.write(to: &octets)
            octets.append(.space)
            to.write(to: &octets)
        case .highestModificationSequence(let number), .metadataLongEntries(let number),
            .metadataMaximumSize(let number):
            octets.append(.space)
            octets.appendDecimal(number)
        case .modified(let set):
            octets.append(.space)
            set.write(to: &octets)
        case .mailboxID(let identifier): octets.append(" (\(identifier))")
        case .messageLimit(let limit, let lowest):
            octets.append(.space)
            octets.appendDecimal(limit)
            guard let lowest else { return }
            octets.append(.space)
            octets.appendDecimal(lowest)
        case .inProgress(let tag, let done, let goal):
            // RFC 9585 §4: a tag with ] is not named, and no goal without progress.
            octets.append(" (")
            if let tag, !tag.utf8.contains(UInt8(ascii: "]")) {
                octets.appendQuoted(tag.utf8)
            } else {
                octets.append("NIL")
            }
            octets.append(.space)
            octets.append(done.map { String($0) } ?? "NIL")
            octets.append(.space)
            octets.append((done == nil ? nil : goal).map { String($0) } ?? "NIL")
            octets.append(")")
        default: return
        }
    }
}
