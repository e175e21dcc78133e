// SPDX-License-Identifier: Apache-2.0

/// What kind of argument stands at a place.
enum Parameter: Sendable {
    case string
    /// A list, or a single string.
    case strings
    case number

    var phrase: String {
        switch self {
        case .string: "a string"
        case .strings: "a string or a list of strings"
        case .number: "a number"
        }
    }
}

/// A tag that a command or test may have, and what follows it.
struct TagRule: Sendable {
    let name: String
    var parameter: Parameter?
    /// Any one of these must be required; none: the base language.
    var capabilities: [Capability] = []
    /// Of tags with the same group only one may be given.
    var group: String

    init(
        _ name: String, _ parameter: Parameter? = nil, _ capabilities: Capability...,
        group: String? = nil
    ) {
        self.name = name
        self.parameter = parameter
        self.capabilities = capabilities
        self.group = group ?? name
    }
}

/// The usage line of a command or a test, as the RFCs write it.
struct Signature: Sendable {
    /// Any one of these must be required; none: the base language.
    var capabilities: [Capability] = []
    var tags: [TagRule] = []
    var parameters: [Parameter] = []
    /// `setflag`, `hasflag`: with fewer arguments the first is left out.
    var isFirstOptional = false
    /// `deleteheader`: with fewer arguments the last is left out.
    var isLastOptional = false

    init(
        _ parameters: Parameter..., needs capabilities: [Capability] = [], tags: [TagRule] = []
    ) {
        self.parameters = parameters
        self.capabilities = capabilities
        self.tags = tags
    }

    func optionalFirst() -> Self {
        var copy = self
        copy.isFirstOptional = true
        return copy
    }

    func optionalLast() -> Self {
        var copy = self
        copy.isLastOptional = true
        return copy
    }

    // MARK: Tags that many share

    /// `MATCH-TYPE` (RFC 5228 §2.7.1, RFC 5231 §4) and `COMPARATOR` (§2.7.3).
    static let matching: [TagRule] = [
        TagRule("is", group: "match"), TagRule("contains", group: "match"),
        TagRule("matches", group: "match"), TagRule("regex", nil, .regex, group: "match"),
        TagRule("value", .string, .relational, group: "match"),
        TagRule("count", .string, .relational, group: "match"),
        TagRule("comparator", .string),
    ]
    /// With lists kept elsewhere (RFC 6134 §2.2).
    static let listMatching = matching + [TagRule("list", nil, .extlists, group: "match")]
    /// `ADDRESS-PART` (RFC 5228 §2.7.4, RFC 5233 §4).
    static let addressPart: [TagRule] = [
        TagRule("all", group: "part"), TagRule("localpart", group: "part"),
        TagRule("domain", group: "part"),
        TagRule("user", nil, .subaddress, group: "part"),
        TagRule("detail", nil, .subaddress, group: "part"),
    ]
    /// RFC 5260 §6.
    static let index: [TagRule] = [
        TagRule("index", .number, .index), TagRule("last", nil, .index),
    ]
    /// RFC 5490 §3.2, RFC 8579 §4, RFC 5232 §5, RFC 9042 §4.
    static let filing: [TagRule] = [
        TagRule("create", nil, .mailbox), TagRule("specialuse", .string, .specialUse),
        TagRule("flags", .strings, .imap4flags),
    ]

    /// What `set` may change (RFC 5229 §4.1): of the same precedence only one.
    static let modifiers: [TagRule] = [
        TagRule("lower", group: "40"), TagRule("upper", group: "40"),
        TagRule("lowerfirst", group: "30"), TagRule("upperfirst", group: "30"),
        TagRule("quotewildcard", group: "20"),
        // draft-ietf-sieve-regex §5.
        TagRule("quoteregex", nil, .regex, group: "20"), TagRule("length"),
        // RFC 5435 §6.
        TagRule("encodeurl", nil, .enotify, group: "15"),
    ]
    /// Which parts of a message a test looks at (RFC 5703 §4).
    static let parts: [TagRule] =
        [TagRule("mime", nil, .mime), TagRule("anychild", nil, .mime)]
        + options
    /// What of a structured field (RFC 5703 §4.1).
    private static let options: [TagRule] = [
        TagRule("type", nil, .mime, group: "option"),
        TagRule("subtype", nil, .mime, group: "option"),
        TagRule("contenttype", nil, .mime, group: "option"),
        TagRule("param", .strings, .mime, group: "option"),
    ]

    // MARK: Commands

    static func of(_ word: CommandWord) -> Signature {
        switch word {
        case .stop, .discard: Signature()
        case .keep: Signature(tags: [TagRule("flags", .strings, .imap4flags)])
        case .redirect:
            Signature(
                .string, tags: [TagRule("copy", nil, .copy), TagRule("list", nil, .extlists)])
        case .fileinto:
            Signature(
                .string, needs: [.fileinto],
                tags: filing + [
                    TagRule("copy", nil, .copy), TagRule("mailboxid", .string, .mailboxid),
                ])
        case .reject: Signature(.string, needs: [.reject])
        case .ereject: Signature(.string, needs: [.ereject])
        case .set:
            Signature(
                .string, .string, needs: [.variables],
                tags: modifiers)
        case .setflag, .addflag, .removeflag:
            Signature(.string, .strings, needs: [.imap4flags]).optionalFirst()
        case .vacation:
            Signature(
                .string, needs: [.vacation, .vacationSeconds],
                tags: [
                    TagRule("days", .number, group: "period"),
                    TagRule("seconds", .number, .vacationSeconds, group: "period"),
                    TagRule("subject", .string), TagRule("from", .string),
                    TagRule("addresses", .strings), TagRule("mime"),
                    TagRule("handle", .string), TagRule("fcc", .string, .fcc),
                ] + filing)
        case .addheader: Signature(.string, .string, needs: [.editheader], tags: [TagRule("last")])
        case .deleteheader:
            Signature(
                .string, .strings, needs: [.editheader],
                tags: matching + [TagRule("index", .number), TagRule("last")]
            ).optionalLast()
        case .error: Signature(.string, needs: [.ihave])
        case .include:
            Signature(
                .string, needs: [.include],
                tags: [
                    TagRule("personal", group: "location"), TagRule("global", group: "location"),
                    TagRule("once"), TagRule("optional"),
                ])
        case .global: Signature(.strings, needs: [.include])
        case .notify:
            Signature(
                .string, needs: [.enotify],
                tags: [
                    TagRule("from", .string), TagRule("importance", .string),
                    TagRule("options", .strings), TagRule("message", .string),
                    TagRule("fcc", .string, .fcc),
                ] + filing)
        case .leave: Signature(needs: [.include])
        case .leaveLoop: Signature(needs: [.foreverypart], tags: [TagRule("name", .string)])
        case .extracttext:
            Signature(
                .string, needs: [.extracttext], tags: modifiers + [TagRule("first", .number)])
        }
    }

    // MARK: Tests

    static func of(_ word: TestWord) -> Signature {
        switch word {
        case .address:
            Signature(
                .strings, .strings, tags: listMatching + addressPart + index + parts.prefix(2))
        case .envelope:
            Signature(.strings, .strings, needs: [.envelope], tags: listMatching + addressPart)
        case .exists: Signature(.strings, tags: Array(parts.prefix(2)))
        case .header: Signature(.strings, .strings, tags: listMatching + index + parts)
        case .size:
            Signature(
                .number, tags: [TagRule("over", group: "side"), TagRule("under", group: "side")])
        case .string: Signature(.strings, .strings, needs: [.variables], tags: listMatching)
        case .hasflag:
            Signature(.strings, .strings, needs: [.imap4flags], tags: matching).optionalFirst()
        case .body:
            Signature(
                .strings, needs: [.body],
                tags: matching + [
                    TagRule("raw", group: "transform"),
                    TagRule("content", .strings, group: "transform"),
                    TagRule("text", group: "transform"),
                ])
        case .mailboxexists: Signature(.strings, needs: [.mailbox])
        case .mailboxidexists: Signature(.strings, needs: [.mailboxid])
        case .specialUseExists:
            Signature(.string, .strings, needs: [.specialUse]).optionalFirst()
        case .date:
            Signature(
                .string, .string, .strings, needs: [.date],
                tags: matching + index + [
                    TagRule("zone", .string, group: "zone"),
                    TagRule("originalzone", group: "zone"),
                ])
        case .currentdate:
            Signature(
                .string, .strings, needs: [.date], tags: matching + [TagRule("zone", .string)])
        case .duplicate:
            Signature(
                needs: [.duplicate],
                tags: [
                    TagRule("handle", .string), TagRule("header", .string, group: "identity"),
                    TagRule("uniqueid", .string, group: "identity"),
                    TagRule("seconds", .number), TagRule("last"),
                ])
        case .ihave: Signature(.strings, needs: [.ihave])
        case .environment: Signature(.string, .strings, needs: [.environment], tags: matching)
        case .spamtest:
            Signature(
                .string, needs: [.spamtest, .spamtestplus],
                tags: matching + [TagRule("percent", nil, .spamtestplus)])
        case .virustest: Signature(.string, needs: [.virustest], tags: matching)
        // RFC 5490 §3.3 to §4.2.
        case .metadata:
            Signature(.string, .string, .strings, needs: [.mboxmetadata], tags: matching)
        case .metadataexists: Signature(.string, .strings, needs: [.mboxmetadata])
        case .servermetadata:
            Signature(.string, .strings, needs: [.servermetadata], tags: matching)
        case .servermetadataexists: Signature(.strings, needs: [.servermetadata])
        // RFC 5435 §4, §5.
        case .validNotifyMethod: Signature(.strings, needs: [.enotify])
        case .notifyMethodCapability:
            Signature(.string, .string, .strings, needs: [.enotify], tags: matching)
        // RFC 6134 §2.7.
        case .validExternalList: Signature(.strings, needs: [.extlists])
        }
    }
}
