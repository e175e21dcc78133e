// SPDX-License-Identifier: Apache-2.0

import Sieve
import Testing

@Suite("RFC 5228: which scripts are valid")
struct ValidityTests {
    /// The lines of what is wrong; empty for a valid script.
    private static func lines(_ text: String) -> [Int] {
        do throws(InvalidScript) {
            _ = try Script(Array(text.utf8))
            return []
        } catch {
            return error.errors.map(\.line)
        }
    }

    @Test(
        "These are valid",
        arguments: [
            "", "keep;", "# only a comment", "/* a * comment ** */ keep;", "KEEP; Stop;",
            "require \"fileinto\"; fileinto \"a\";", "require [\"fileinto\"]; require \"copy\";",
            "require [\"fileinto\",\"copy\"]; fileinto :copy \"a\";",
            "if true { } elsif false { stop; } else { discard; }",
            "if not anyof (true, allof(false), not true) { keep; }",
            "if size :over 100K { discard; }", "if size :under 1g { keep; }",
            "if header :is :comparator \"i;octet\" \"subject\" [\"a\", \"b\"] { keep; }",
            "if header :comparator \"i;octet\" :is [\"subject\"] \"a\" { keep; }",
            "if address :domain :is [\"from\", \"to\"] \"x.example\" { keep; }",
            "if exists [\"From\", \"Date\"] { keep; }", "redirect \"a@b.example\";",
            "redirect \"Ann <a@b.example>\";",
            "require \"envelope\"; if envelope :all \"From\" \"a@b\" { keep; }",
            "require \"reject\"; reject text:\r\nNo.\r\n..\r\n.\r\n;",
            "require \"reject\"; reject text: # why\nNo.\n.\n;",
            "if header \"Subject\" \"\\\"q\\\\ \\x\" { keep; }",
            "if header \"Subject\" \"two\r\nlines\" { keep; }",
            "require [\"relational\", \"comparator-i;ascii-numeric\"];"
                + "if header :value \"ge\" :comparator \"i;ascii-numeric\" \"x\" \"1\" { keep; }",
            "require [\"variables\"]; set :lower :upperfirst :length \"a\" \"${b} ${1} ${\";",
            "require [\"imap4flags\"]; addflag \"\\\\Seen\"; keep :flags [\"a\", \"b\"];",
            "require [\"imap4flags\", \"variables\"]; setflag \"v\" [\"a\"];"
                + "if hasflag [\"v\"] \"a\" { removeflag \"v\" \"a\"; }",
            "require \"subaddress\"; if address :detail \"to\" \"x\" { keep; }",
            "require \"body\"; if body :content [\"text\", \"image/png\"] :contains \"x\" { keep; }",
            "require [\"fileinto\", \"mailbox\", \"special-use\", \"mailboxid\"];"
                + "if anyof (mailboxexists \"a\", mailboxidexists [\"m1\"],"
                + " specialuse_exists \"\\\\Junk\", specialuse_exists \"a\" [\"\\\\Junk\"])"
                + "{ fileinto :create :specialuse \"\\\\Junk\" :mailboxid \"m1\" \"a\"; }",
            "require \"vacation\"; vacation :days 3 :subject \"x\" :from \"a@b.example\""
                + " :addresses [\"a@c.example\"] :mime :handle \"h\" \"away\";",
            "require \"vacation-seconds\"; vacation :seconds 1800 \"away\";",
            "require [\"vacation\", \"fcc\", \"mailbox\"]; vacation :fcc \"Sent\" :create \"x\";",
            "require [\"date\", \"index\"]; if date :index 2 :last :zone \"+0100\" \"date\""
                + " \"hour\" \"09\" { keep; }",
            "require \"date\"; if currentdate :is \"weekday\" \"0\" { keep; }",
            "require \"editheader\"; addheader :last \"X-A\" \"b\"; deleteheader \"X-A\";"
                + "deleteheader :index 1 :last :contains \"X-A\" [\"b\"];",
            "require \"duplicate\"; if duplicate :handle \"h\" :header \"X-Id\" :seconds 60 :last"
                + "{ discard; }",
            "require \"ihave\"; if ihave \"regexx\" { whatever :is \"a\" { nothing; } }",
            "require \"ihave\"; if not ihave \"fileinto\" { error \"no\"; } fileinto \"a\";",
            "require [\"include\", \"variables\"]; global [\"a\"]; include :personal :once \"b\";"
                + "return;",
            "require \"environment\"; if environment :is \"name\" \"x\" { keep; }",
            "require \"spamtestplus\"; if spamtest :percent \"5\" { keep; }",
            "require \"virustest\"; if virustest \"5\" { keep; }",
            "require \"encoded-character\"; if header \"a\" \"${unicode: 40 20ac}${hex:41 4}\""
                + "{ keep; }",
            "if header \"a\" \"${unicode:110000}\" { keep; }",
            "if address \"From:\" \"x\" { keep; }",
        ])
    func valid(_ script: String) {
        #expect(Self.lines(script) == [])
    }

    @Test(
        "These are not, and the line is told",
        arguments: [
            ("keep", 1), ("keep;\nfoo;", 2), ("\n\nkeep \"a\";", 3), ("keep; }", 1),
            ("if true { keep;", 1), ("if true keep;", 1), ("if { keep; }", 1),
            ("if true, false { keep; }", 1), ("if (true) { keep; }", 1),
            ("else { keep; }", 1), ("if true {} stop;\nelsif true {}", 2),
            ("if true {} else {} else {}", 1), ("if true {} else {}\nelsif true {}", 2),
            ("if true {} else true {}", 1), ("if \"a\" true {}", 1),
            ("keep;\nrequire \"fileinto\";", 2), ("if true {\nrequire \"fileinto\"; }", 2),
            ("require \"no-such\";", 1), ("require;", 1), ("require 1;", 1), ("require :a;", 1),
            ("require [];", 1), ("require [\"fileinto\",];", 1),
            ("require [\"fileinto\" \"copy\"];", 1), ("require \"fileinto\" \"copy\";", 1),
            ("fileinto \"a\";", 1), ("require \"fileinto\"; fileinto;", 1),
            ("require \"fileinto\"; fileinto [\"a\", \"b\"];", 1),
            ("require \"fileinto\"; fileinto [\"a\"];", 1),
            ("require \"fileinto\"; fileinto 3;", 1),
            ("require \"fileinto\"; fileinto :copy \"a\";", 1),
            ("require \"fileinto\"; fileinto \"a\" \"b\";", 1),
            ("require [\"fileinto\", \"copy\"]; fileinto \"a\" :copy;", 1),
            ("require [\"fileinto\", \"copy\"]; fileinto :copy :copy \"a\";", 1),
            ("redirect \"nobody\";", 1), ("redirect \"a@b, c@d\";", 1), ("redirect \"\";", 1),
            ("redirect \"x:a@b.example;\";", 1), ("discard \"a\";", 1), ("stop :a;", 1),
            ("keep {}", 1), ("keep true;", 1), ("true;", 1), ("header \"a\" \"b\";", 1),
            ("if keep { stop; }", 1), ("if nosuch { stop; }", 1),
            ("if header :is :contains \"a\" \"b\" {}", 1), ("if header \"a\" {}", 1),
            ("if header :nosuch \"a\" \"b\" {}", 1), ("if header \"a\" \"b\" \"c\" {}", 1),
            ("if header :comparator \"i;none\" \"a\" \"b\" {}", 1),
            ("if header :comparator :is \"a\" \"b\" {}", 1), ("if header 1 \"b\" {}", 1),
            ("if header :domain \"a\" \"b\" {}", 1), ("if header \"a\" :is \"b\" {}", 1),
            ("if header :comparator \"i;ascii-numeric\" \"a\" \"1\" {}", 1),
            (
                "require \"comparator-i;ascii-numeric\";\n"
                    + "if header :comparator \"i;ascii-numeric\" :contains \"a\" \"1\" {}", 2
            ),
            ("if header :value \"gt\" \"a\" \"1\" {}", 1),
            ("require \"relational\"; if header :value \"xx\" \"a\" \"1\" {}", 1),
            ("require \"relational\"; if header :count \"a\" \"1\" {}", 1),
            ("if address :localpart :domain \"from\" \"b\" {}", 1),
            ("if address :user \"from\" \"b\" {}", 1), ("if address \"subject\" \"b\" {}", 1),
            ("if envelope \"from\" \"b\" {}", 1),
            ("require \"envelope\"; if envelope \"cc\" \"b\" {}", 1),
            ("if size 100 {}", 1), ("if size :over {}", 1), ("if size :over \"1\" {}", 1),
            ("if size :over :under 1 {}", 1), ("if size :over 10X {}", 1),
            ("if size :over 10KK {}", 1), ("if size :over 99999999999999999999 {}", 1),
            ("if size :over -1 {}", 1), ("if size :over 1.5 {}", 1),
            ("if not {}", 1), ("if not (true) {}", 1), ("if not true, true {}", 1),
            ("if anyof true {}", 1), ("if anyof () {}", 1), ("if allof (true,) {}", 1),
            ("if allof (true true) {}", 1), ("if true \"a\" {}", 1), ("if exists {}", 1),
            ("if header \"a\" \"b {}", 1), ("if header \"a\" text:\nno end\n {}", 1),
            ("if header \"a\" text: b\n.\n {}", 1), ("/* no end", 1), ("keep;\rstop;", 1),
            ("keep; : stop;", 1), ("keep :1a;", 1), ("@", 1), ("\"a\";", 1), ("12;", 1),
            ("if true { keep; };", 1), (";", 1), ("keep;;", 1), ("ke\0ep;", 1), ("/keep;", 1),
            ("set \"a\" \"b\";", 1), ("require \"variables\"; set \"1a\" \"b\";", 1),
            ("require \"variables\"; set \"1\" \"b\";", 1),
            ("require \"variables\"; set \"a-b\" \"b\";", 1),
            ("require \"variables\"; set \"${a}\" \"b\";", 1),
            ("require \"variables\"; set \"a.b\" \"b\";", 1),
            ("require \"variables\"; set :lower :upper \"a\" \"b\";", 1),
            ("require \"variables\"; set :nosuch \"a\" \"b\";", 1),
            ("require \"variables\"; set \"a\" \"${ns.x}\";", 1),
            ("require \"variables\"; set \"a\" [\"b\", \"c\"];", 1),
            ("keep :flags \"a\";", 1), ("require \"imap4flags\"; setflag \"v\" \"a\";", 1),
            ("require \"imap4flags\"; setflag;", 1), ("require \"imap4flags\"; hasflag \"a\";", 1),
            ("require \"body\"; if body :raw :text \"a\" {}", 1),
            ("require \"body\"; if body :content :contains \"a\" {}", 1),
            ("require \"fileinto\"; fileinto :create \"a\";", 1),
            ("require [\"fileinto\", \"special-use\"]; fileinto :specialuse :create \"a\";", 1),
            ("require \"vacation\"; vacation;", 1),
            ("require \"vacation\"; vacation :days \"a\" \"b\";", 1),
            ("require \"vacation\"; vacation :seconds 1 \"b\";", 1),
            ("require \"vacation-seconds\"; vacation :days 1 :seconds 1 \"b\";", 1),
            ("require \"vacation\"; vacation :from \"nobody\" \"b\";", 1),
            ("require \"vacation\"; vacation :fcc \"a\" \"b\";", 1),
            ("require [\"vacation\", \"mailbox\"]; vacation :create \"b\";", 1),
            ("require \"date\"; if date :zone \"+01\" \"date\" \"hour\" \"1\" {}", 1),
            (
                "require \"date\"; if date :zone \"+0100\" :originalzone \"date\" \"hour\" \"1\" {}",
                1
            ),
            ("require \"date\"; if date \"date\" \"century\" \"1\" {}", 1),
            ("require \"date\"; if currentdate :originalzone \"hour\" \"1\" {}", 1),
            ("if header :index 1 \"a\" \"b\" {}", 1),
            ("require \"index\"; if header :last \"a\" \"b\" {}", 1),
            ("require \"editheader\"; addheader \"X:\" \"b\";", 1),
            ("require \"editheader\"; deleteheader :last \"X\";", 1),
            ("require \"editheader\"; deleteheader;", 1),
            ("require \"duplicate\"; if duplicate :header \"a\" :uniqueid \"b\" {}", 1),
            ("require \"duplicate\"; if duplicate \"a\" {}", 1),
            ("if ihave \"a\" {}", 1), ("require \"ihave\"; if ihave {}", 1),
            ("require \"ihave\"; keep \"a\";", 1), ("error \"a\";", 1),
            ("require \"include\"; include;", 1), ("include \"a\";", 1),
            ("require \"include\"; include :personal :global \"a\";", 1),
            ("require \"include\"; include \"a\u{7F}b\";", 1), ("return;", 1),
            ("require \"include\"; global \"a\";", 1),
            ("require [\"include\", \"variables\"]; set \"a\" \"b\"; global \"a\";", 1),
            ("require \"spamtest\"; if spamtest :percent \"5\" {}", 1),
            ("require \"encoded-character\"; if header \"a\" \"${unicode:d800}\" {}", 1),
            ("require \"encoded-character\"; if header \"a\" \"${unicode:110000}\" {}", 1),
        ])
    func invalid(_ script: String, _ line: Int) {
        #expect(Self.lines(script).first == line)
    }

    @Test("Each wrong command is told by its own line")
    func several() {
        #expect(Self.lines("foo;\nkeep 1;\nif bar {\n  redirect \"x\";\n}\n") == [1, 2, 3, 4])
    }

    @Test("Bad UTF-8 in a string is refused, in a comment it is not")
    func badUTF8() {
        #expect(throws: InvalidScript.self) {
            try Script(Array("if header \"a\" \"".utf8) + [0xFF] + Array("\" {}".utf8))
        }
        #expect(throws: Never.self) { try Script([0x23, 0xFF, 0x0A]) }
    }

    @Test("Deep nesting is refused, fifteen levels are not")
    func nesting() {
        func blocks(_ count: Int) -> String {
            String(repeating: "if true {", count: count) + String(repeating: "}", count: count)
        }
        #expect(Self.lines(blocks(15)) == [])
        #expect(Self.lines(blocks(100_000)) != [])
        let tests = String(repeating: "not ", count: 100_000)
        #expect(Self.lines("if \(tests) true {}") != [])
        #expect(Self.lines("if \(String(repeating: "not ", count: 15)) true {}") == [])
    }

    @Test(
        "What was most likely forgotten is said",
        arguments: [
            ("keep\nstop;", "`;` is missing between `keep` and `stop`"),
            ("keep\nif true { stop; }", "`;` is missing between `keep` and `if`"),
            ("if size over 100 { stop; }", "`over` is a tag of `size`: write `:over`"),
            ("keep true;", "`keep` takes no test"),
            ("if true {} elseif true {}", "the command `elseif` is unknown; write `elsif`"),
            (
                "if true {} else if true {}",
                "`else` takes no test; write `elsif` for another condition"
            ),
        ])
    func hints(_ text: String, _ message: String) {
        #expect(throws: InvalidScript.self) {
            do throws(InvalidScript) {
                _ = try Script(Array(text.utf8))
            } catch {
                #expect(error.errors.first?.message == message)
                throw error
            }
        }
    }
}
