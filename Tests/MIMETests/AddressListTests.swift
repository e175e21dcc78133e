// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Testing

@Suite("RFC 5322 §3.4 addresses")
struct AddressListTests {
    /// The text of a field, the participants as `name|address`, whether a defect is noted.
    private static let table: [(String, [String], Bool)] = [
        // RFC 5322 appendix A.1
        ("John Doe <jdoe@machine.example>", ["John Doe|jdoe@machine.example"], false),
        (
            "\"Joe Q. Public\" <john.q.public@example.com>",
            ["Joe Q. Public|john.q.public@example.com"], false
        ),
        (
            "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
            ["Mary Smith|mary@x.test", "|jdoe@example.org", "Who?|one@y.test"], false
        ),
        (
            "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
            ["|boss@nil.test", "Giant; \"Big\" Box|sysservices@example.net"], false
        ),
        (
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            ["Ed Jones|c@a.test", "|joe@where.test", "John|jdoe@one.test"], false
        ),
        ("Undisclosed recipients:;", [], false),
        // A.5: comments everywhere
        (
            "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
            ["Pete|pete@silly.test"], false
        ),
        (
            "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
                + "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); "
                + "(the end of the group)",
            ["Chris Jones|c@public.example", "joe@example.org", "John|jdoe@one.test"], false
        ),
        ("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", [], false),
        // A.6: obsolete syntax
        (
            "Joe Q. Public <john.q.public@example.com>",
            ["Joe Q. Public|john.q.public@example.com"], false
        ),
        (
            "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
            ["Mary Smith|mary@example.net", "|jdoe@test.example"], false
        ),
        ("pete . smith @ example . org", ["|pete.smith@example.org"], false),
        // Literals, quoting, UTF-8 (RFC 6532), names in comments
        ("joe@[192.0.2.1]", ["|joe@[192.0.2.1]"], false),
        ("\"a b\"@example.org", ["|\"a b\"@example.org"], false),
        ("\"joe\"@example.org", ["|joe@example.org"], false),
        ("joe@example.org (Joe Doe)", ["Joe Doe|joe@example.org"], false),
        ("Jörg <jörg@exämple.org>", ["Jörg|jörg@exämple.org"], false),
        // Encoded words (RFC 2047 §5 (3))
        (
            "=?ISO-8859-1?Q?Patrik_F=E4ltstr=F6m?= <paf@nada.kth.se>",
            ["Patrik Fältström|paf@nada.kth.se"], false
        ),
        (
            "=?utf-8?q?J=C3=B6?= =?utf-8?q?rg?= Doe <j@example.org>",
            ["Jörg Doe|j@example.org"], false
        ),
        ("=?utf-8?q?Doe,_J.?= <j@example.org>", ["Doe, J.|j@example.org"], false),
        ("\"=?utf-8?q?J=C3=B6rg?=\" <j@example.org>", ["Jörg|j@example.org"], true),
        ("joe@example.org (=?utf-8?q?J=C3=B6rg?=)", ["Jörg|joe@example.org"], false),
        // What is seen in the wild
        ("joe@example.org <joe@example.org>", ["joe@example.org|joe@example.org"], true),
        ("Joe Doe joe@example.org", ["Joe Doe|joe@example.org"], true),
        ("Joe <joe@example.org", ["Joe|joe@example.org"], true),
        (
            "\"Joe <joe@example.org>, b@example.org", ["Joe|joe@example.org", "|b@example.org"],
            true
        ),
        ("root", ["|root"], true),
        ("Joe Doe", ["Joe Doe|"], true),
        ("<joe@@example.org>", ["|\"joe@\"@example.org"], true),
        ("joe@@example.org", ["|\"joe@\"@example.org"], true),
        ("a@b@c.example", ["|\"a@b\"@c.example"], true),
        ("a@b@c.example <d@e.example>", ["a@b@c.example|d@e.example"], true),
        ("<a@b.example><c@d.example>", ["|a@b.example", "|c@d.example"], true),
        (
            "A <a@b.example> and C <c@d.example>, e@f.example",
            ["A|a@b.example", "|c@d.example", "|e@f.example"], true
        ),
        ("<mailto:joe@example.org>", ["|joe@example.org"], true),
        ("joe@example.org; b@example.org", ["|joe@example.org", "|b@example.org"], true),
        ("friends: a@example.org, b@example.org", ["|a@example.org", "|b@example.org"], true),
        ("Joe <joe@example.org>>", ["Joe|joe@example.org"], true),
        ("Joe <<joe@example.org>>", ["Joe|joe@example.org"], true),
        ("@", ["|"], true),
        ("<>", ["|"], true),
        ("", [], false),
        (" ,, ,", [], false),
        ("(unterminated", [], true),
    ]

    @Test("Each list is read as its writer meant it", arguments: table)
    func reads(_ text: String, _ expected: [String], _ isOdd: Bool) {
        var defects = DefectList()
        let list = AddressList(Array(text.utf8)[...], defects: &defects)
        let found = list.participants.map { "\($0.name ?? "")|\($0.addressText)" }
        #expect(found == expected.map { $0.contains("|") ? $0 : "|" + $0 })
        #expect(defects.defects.isEmpty == !isOdd, "\(defects.defects)")
    }

    @Test("A group keeps its name and its members")
    func groups() {
        let list = AddressList("Team: a@example.org, B <b@example.org>;, c@example.org")
        #expect(
            list.entries == [
                .group(
                    name: "Team",
                    members: [
                        Participant(localPart: "a", domain: "example.org"),
                        Participant(name: "B", localPart: "b", domain: "example.org"),
                    ]),
                .participant(Participant(localPart: "c", domain: "example.org")),
            ])
    }
}
