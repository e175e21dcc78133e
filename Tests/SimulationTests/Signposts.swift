// SPDX-License-Identifier: Apache-2.0

/// Which way leads where in the town: the zone that everybody asks, and beside it the exchangers
/// of each domain as a person reads them from it (RFC 5321 §5.1), for judging the router.
enum Signposts {
    static let zone = """
        @ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 300
        @ 3600 IN NS ns1
        ns1 IN A 192.0.2.53
        ns2 IN A 198.51.100.53
        town IN MX 10 mx1
        town IN MX 20 mx2
        harbour IN MX 30 mx2
        harbour IN MX 10 mx3
        harbour IN MX 20 mx1
        mx1 IN A 192.0.2.1
        mx1 IN AAAA 2001:db8::1
        mx2 IN A 198.51.100.1
        mx3 IN A 198.51.100.3
        mx3 IN AAAA 2001:db8:3::1
        out IN A 203.0.113.1
        out IN AAAA 2001:db8:1::1
        elsewhere IN MX 20 mail3.elsewhere
        elsewhere IN MX 5 mail.elsewhere
        elsewhere IN MX 5 mail2.elsewhere
        mail.elsewhere IN A 203.0.113.25
        mail2.elsewhere IN A 203.0.113.26
        mail3.elsewhere IN A 203.0.113.27
        plain IN A 203.0.113.27
        dark IN MX 10 mail.dark
        mail.dark IN A 203.0.113.99
        nullmx IN MX 0 .
        town IN TXT "v=spf1 mx -all"
        out IN TXT "v=spf1 a -all"
        bank IN MX 5 mail.elsewhere
        bank IN TXT "v=spf1 ip4:203.0.113.80 -all"
        _dmarc.bank IN TXT "v=DMARC1; p=reject"
        liar IN MX 5 mail.elsewhere
        liar IN TXT "v=spf1 include:liar.example a:%{i}.%{l}.example redirect=liar.example"
        liar IN TXT "v=spf1 -all -all ip4:999.1.1.1"
        _dmarc.liar IN TXT "v=DMARC1; p=rejekt; sp=reject; p=none"
        """

    /// An exchanger with its preference.
    struct Post: Hashable {
        let preference: Int
        let host: String
    }

    private static let posts: [String: [(Int, String)]] = [
        "town.example": [(10, "mx1.example"), (20, "mx2.example")],
        "harbour.example": [(10, "mx3.example"), (20, "mx1.example"), (30, "mx2.example")],
        "elsewhere.example": [
            (5, "mail.elsewhere.example"), (5, "mail2.elsewhere.example"),
            (20, "mail3.elsewhere.example"),
        ],
        "bank.example": [(5, "mail.elsewhere.example")],
        "liar.example": [(5, "mail.elsewhere.example")],
        // No MX: the domain itself.
        "plain.example": [(0, "plain.example")],
        "out.example": [(0, "out.example")],
        "dark.example": [(10, "mail.dark.example")],
    ]

    static let addresses: [String: [String]] = [
        "mx1.example": ["192.0.2.1", "2001:db8::1"],
        "mx2.example": ["198.51.100.1"],
        "mx3.example": ["198.51.100.3", "2001:db8:3::1"],
        "out.example": ["203.0.113.1", "2001:db8:1::1"],
        "mail.elsewhere.example": ["203.0.113.25"],
        "mail2.elsewhere.example": ["203.0.113.26"],
        "mail3.elsewhere.example": ["203.0.113.27"],
        "plain.example": ["203.0.113.27"],
        "mail.dark.example": ["203.0.113.99"],
    ]

    static var domains: [String] { posts.keys.sorted() }

    /// Whom a host may ask to take mail for a domain: from itself on, nobody.
    static func posts(for domain: String, seenFrom host: String) -> [Post] {
        let all = (posts[domain] ?? []).map { Post(preference: $0.0, host: $0.1) }
        let own = all.first { $0.host == host }?.preference ?? .max
        return all.filter { $0.preference < own }
    }
}
