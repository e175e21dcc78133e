// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Sieve

@Suite("draft-ietf-sieve-regex: extended regular expressions")
struct RegularExpressionTests {
    private struct TooLong: Error {}

    /// The match and its groups; nil without one.
    private func search(
        _ pattern: String, _ text: String, isOctets: Bool = false, foldsCase: Bool = false,
        budget: Int = .max
    ) throws -> [String]? {
        let expression = try RegularExpression(Array(pattern.utf8), isOctets: isOctets)
        let octets = Array(text.utf8)
        var left = budget
        let found = try expression.search(
            in: octets[...], isOctets: isOctets, foldsCase: foldsCase
        ) { cost throws(TooLong) in
            left -= cost
            if left < 0 { throw TooLong() }
        }
        return found?.map { String(decoding: octets[$0], as: UTF8.self) }
    }

    @Test(
        "What is found is the leftmost, and of these the longest",
        arguments: [
            ("", "abc", [""]), ("b", "abc", ["b"]), ("a*", "baaa", [""]), ("a+", "baaa", ["aaa"]),
            ("a|ab", "abc", ["ab"]), ("abcd|c", "abcd", ["abcd"]), ("abcdx|c", "abcd", ["c"]),
            ("(a|ab)(c|bcd)", "abcd", ["abcd", "a", "bcd"]), ("^abc$", "abc", ["abc"]),
            ("^", "x", [""]), ("$", "x", [""]), ("(^a|b)$", "ab", ["b", "b"]),
            ("x{2}", "axxxb", ["xx"]), ("x{2,}", "axxxb", ["xxx"]), ("x{0,2}y", "xxxy", ["xxy"]),
            ("(ab){2}", "ababab", ["abab", "ab"]), ("(a*)*", "aab", ["aa", "aa"]),
            ("(a*)+", "b", ["", ""]), ("(a)|b", "b", ["b", ""]), ("a.c", "a\u{E4}c", ["a\u{E4}c"]),
            ("[a-c]+", "xabcd", ["abc"]), ("[^a-c]+", "abxyc", ["xy"]), ("[]a]+", "x]a]", ["]a]"]),
            ("[^]a]+", "]xa", ["x"]), ("[a-]+", "b-a", ["-a"]),
            ("[[:digit:]]{3}", "12 345", ["345"]),
            ("[[:alpha:]_]+", "1a_b2", ["a_b"]), ("[[=a=]-c]+", "dcba", ["cba"]),
            ("[[.-.]]", "a-b", ["-"]), ("\\.\\[\\*", "a.[*", [".[*"]), ("a\\|b", "a|b", ["a|b"]),
            ("\\w+\\s\\w+", "- ab cd", ["ab cd"]), ("\\W\\S", "a-b", ["-b"]),
            ("([^@]+)@(.+)", "anna@example.org", ["anna@example.org", "anna", "example.org"]),
            ("\\[([a-z-]+)\\]", "Re: [my-list] x", ["[my-list]", "my-list"]),
            ("()", "a", ["", ""]), ("a||b", "b", ["b"]),
            ("\u{E4}+", "x\u{E4}\u{E4}", ["\u{E4}\u{E4}"]),
            ("[\u{E4}-\u{FC}]", "a\u{F6}", ["\u{F6}"]),
        ])
    func found(pattern: String, text: String, groups: [String]) throws {
        #expect(try search(pattern, text) == groups)
    }

    @Test(
        "What is not there is not found",
        arguments: [
            ("a", "b"), ("a", "A"), ("^b", "ab"), ("a$", "ab"), ("x{3}", "xx"), ("[^a]", "a"),
            ("a.c", "ac"), ("(a|b)c", "ad"), ("[[:upper:]]", "a"), ("a\\.b", "axb"),
            ("..", "\u{E4}"),
        ])
    func absent(pattern: String, text: String) throws {
        #expect(try search(pattern, text) == nil)
    }

    @Test("Letter case is folded for i;ascii-casemap, and octets count for i;octet")
    func comparators() throws {
        #expect(try search("aBc[x-z]", "AbCY", foldsCase: true) == ["AbCY"])
        #expect(try search("[^a]", "A", foldsCase: true) == nil)
        #expect(try search("..", "\u{E4}", isOctets: true) == ["\u{E4}"])
        #expect(try search("\u{E4}", "\u{C4}", foldsCase: true) == nil)
    }

    @Test(
        "What is none is refused",
        arguments: [
            "(", ")", "(a))", "[", "[a", "[^", "[]", "[[:nosuch:]]", "[[:alpha:", "[z-a]",
            "[a-[:digit:]]", "[[.ab.]]", "*", "+a", "?", "(*a)", "a|*b", "^*", "a{", "a{}", "a{x}",
            "a{2,1}", "a{256}", "a{1", "a{1,2", "a{,2}", "{1}", "\\", "a\\", "\\1", "(a)\\1", "\\d",
            "((((a{200}){200}){200}){200})", "a*********",
        ])
    func refused(pattern: String) {
        #expect(throws: RegularExpression.Fault.self) {
            try RegularExpression(Array(pattern.utf8), isOctets: false)
        }
    }

    @Test("Patterns that others take for ever over take time in proportion")
    func hostile() throws {
        let text = String(repeating: "a", count: 5000)
        for pattern in ["(a*)*b", "(a|a)*b", "(a+)+$x", "(a|aa)+b", "(.*)(.*)(.*)(.*)b"] {
            #expect(try search(pattern, text, budget: 32 * 5001 * 80) == nil, "\(pattern)")
        }
        let deep = String(repeating: "(", count: 1000) + String(repeating: ")", count: 1000)
        #expect(throws: RegularExpression.Fault.self) {
            try RegularExpression(Array(deep.utf8), isOctets: false)
        }
        #expect(throws: TooLong.self) { try search("(x+x+)+y", text, budget: 10_000) }
    }

    @Test("What is quoted is found as it stands")
    func quoted() throws {
        let text = "a.b*c[d]e{f}g(h)i|j^k$l\\m?n+o"
        #expect(try search("^" + RegularExpression.quote(text) + "$", text) == [text])
        #expect(RegularExpression.quote("a.b") == "a\\.b")
    }
}

@Suite("draft-ietf-sieve-regex: `:regex` in scripts")
struct RegexMatchTests {
    @Test("Expressions that repeat too much in all make a script invalid")
    func sum() throws {
        let pattern = "\"(a{99}){99}\""
        for (count, isValid) in [(100, true), (300, false)] {
            let list = [String](repeating: pattern, count: count).joined(separator: ",")
            let text = "require \"regex\"; if header :regex \"subject\" [\(list)] { stop; }"
            #expect(((try? Script(Array(text.utf8))) != nil) == isValid)
        }
    }

    @Test("What groups stood for is in match variables, and letter case does not count")
    func variables() throws {
        let verdict = try RunTests.run(
            #"""
            require ["regex", "variables", "fileinto", "mailbox"];
            if header :regex "subject" "(.*) FROM .*\\[([a-z]+)\\]$" {
                fileinto :create "L-${2}-${1}";
            }
            """#)
        #expect(RunTests.places(verdict) == ["L-desert-Grüße"])
    }

    @Test("i;octet looks at case, and a pattern that variables spoil matches nothing")
    func octets() throws {
        for (test, isTrue) in [
            (#"header :regex :comparator "i;octet" "subject" "FROM""#, false),
            (#"header :regex :comparator "i;octet" "subject" "from""#, true),
            (#"header :regex "subject" "${empty}(""#, false),
            (#"address :regex :localpart "to" "^r[aeiou]ad.*\\+""#, true),
            (#"header :regex "x-multi" "^tw(o|x)$""#, true),
        ] {
            let verdict = try RunTests.run(
                "require [\"regex\", \"variables\"]; if \(test) { discard; }")
            #expect((RunTests.places(verdict) == ["discard"]) == isTrue, "\(test)")
        }
    }
}
