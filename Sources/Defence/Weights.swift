// SPDX-License-Identifier: Apache-2.0

/// What each test weighs: the defaults, and what the configuration says otherwise.
package struct Weights: Hashable, Sendable {
    private var own: [String: Points]

    /// `own` outweigh the defaults, by the name of the test.
    package init(_ own: [String: Points] = [:]) { self.own = own }

    /// Of tests with these names; any other weighs nothing unless the configuration says so.
    ///
    /// A single fault of an honest server stays below the threshold for marking. What anybody can
    /// have (a pass for a domain of one's own) speaks for nothing.
    package static let defaults: [(name: String, weight: Points, meaning: String)] = [
        ("spf=fail", 3, "the sender's domain says that this client may not send for it"),
        ("spf=softfail", 1, "the sender's domain says that this client probably may not"),
        ("spf=permerror", 0.5, "the SPF record cannot be understood"),
        ("dkim=fail", 0.5, "a signature does not fit the message"),
        ("dkim=permerror", 0.5, "a signature cannot be checked, now or later"),
        ("dmarc=fail", 3, "nobody the domain in From knows has sent it"),
        ("arc=fail", 0.5, "the chain of those who forwarded it is broken"),
        ("iprev=fail", 1, "the client's name does not lead back to its address"),
        ("iprev=permerror", 1.5, "the client's address has no name"),
        ("hello=ours", 6, "the client calls itself by this host's name"),
        ("hello=literal-mismatch", 3, "the client calls itself by an address that is not its own"),
        ("hello=literal", 1, "the client has no name, only an address"),
        ("hello=unqualified", 1.5, "the client's name has no domain"),
        ("hello=malformed", 1.5, "what the client calls itself is no name"),
        ("date=future", 1.5, "the message is dated more than a day ahead"),
        ("date=missing", 0.5, "the message has no date"),
        ("date=invalid", 0.5, "the date cannot be understood"),
        ("from=missing", 1.5, "nobody is named as author"),
        ("from=several", 1, "there is more than one From field"),
        ("defect", 0.25, "the header breaks the rules"),
        ("known=yes", -4, "an account has written to this sender before, and it is really him"),
        ("greylist=waited", -0.5, "the client came again, as servers do"),
    ]

    private static let byName = Dictionary(
        uniqueKeysWithValues: defaults.map { ($0.name, $0.weight) })

    /// What a test of this name weighs.
    package subscript(name: String) -> Points {
        own[name] ?? Self.byName[name] ?? .zero
    }

    /// A weight that the configuration states; nil where it says nothing.
    package func own(_ name: String) -> Points? { own[name] }
}
