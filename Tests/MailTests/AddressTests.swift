// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import Testing

@Suite("RFC 5321 §4.1.2 addresses")
struct AddressTests {
    private static let long63 = String(repeating: "a", count: 63)

    /// The text, and how it is written again; nil if it is no address.
    private static let table: [(String, String?)] = [
        ("joe@example.org", "joe@example.org"), ("Joe@Example.ORG", "Joe@example.org"),
        ("j.o.e@example.org", "j.o.e@example.org"), ("joe+tag@example.org", "joe+tag@example.org"),
        ("!#$%&'*+-/=?^_`{|}~@example.org", "!#$%&'*+-/=?^_`{|}~@example.org"),
        ("\"joe\"@example.org", "joe@example.org"), ("\"a b\"@example.org", "\"a b\"@example.org"),
        ("\"a\\\"b\\\\c\"@example.org", "\"a\\\"b\\\\c\"@example.org"),
        ("\"a@b\"@example.org", "\"a@b\"@example.org"), ("\"\"@example.org", "\"\"@example.org"),
        ("\"a\\b\"@example.org", "ab@example.org"), ("\".a\"@example.org", "\".a\"@example.org"),
        ("joe@[192.0.2.1]", "joe@[192.0.2.1]"),
        ("joe@[IPv6:2001:DB8::1]", "joe@[IPv6:2001:db8::1]"),
        ("joe@[ipv6:::1]", "joe@[IPv6:::1]"), ("joe@[tag:content]", "joe@[tag:content]"),
        ("joe@[2001:db8::1]", "joe@[2001:db8::1]"),
        ("joe@localhost", "joe@localhost"), ("joe@example.org.", "joe@example.org"),
        ("joe@a-b.example", "joe@a-b.example"), ("joe@1.example", "joe@1.example"),
        ("jörg@exämple.org", "jörg@xn--exmple-cua.org"),
        (
            String(repeating: "x", count: 64) + "@example.org",
            String(repeating: "x", count: 64) + "@example.org"
        ),
        ("joe@\(long63).example", "joe@\(long63).example"),
        // None
        ("", nil), ("joe", nil), ("@example.org", nil), ("joe@", nil), (".joe@example.org", nil),
        ("joe.@example.org", nil), ("j..e@example.org", nil), ("j oe@example.org", nil),
        ("joe@@example.org", nil), ("joe@exa mple.org", nil), ("joe@-a.example", nil),
        ("joe@a-.example", nil), ("joe@a..example", nil), ("joe@.example", nil),
        ("joe@a_b.example", nil), ("joe@[192.0.2.256]", nil), ("joe@[tag:]", nil),
        ("joe@[]", nil), ("joe@[192.0.2.1", nil), ("\"joe@example.org", nil),
        ("\"joe\"x@example.org", nil), ("\"a\nb\"@example.org", nil),
        ("\"a\\\nb\"@example.org", nil),
        ("joe(comment)@example.org", nil), ("<joe@example.org>", nil), ("joe@example.org ", nil),
        (String(repeating: "x", count: 65) + "@example.org", nil), ("joe@a\(long63).example", nil),
        ("joe@" + String(repeating: "abcdefg.", count: 32) + "org", nil), ("j\0e@example.org", nil),
        ("joe@example.org\r\nRCPT TO:<x>", nil), ("joe@xn--a", nil),
    ]

    @Test("Each address is read and written again, or refused", arguments: table)
    func reads(_ text: String, _ expected: String?) {
        let address = try? Address(text)
        if text == "joe@xn--a" {
            // An A-label that is no Punycode is still a name in the DNS.
            #expect(address?.description == text)
            return
        }
        #expect(address?.description == expected)
        if let address { #expect((try? Address(address.description)) == address) }
    }

    @Test("The domain is compared without case, the local part with it")
    func equality() throws {
        #expect(try Address("joe@EXAMPLE.org") == Address("joe@example.org"))
        #expect(try Address("Joe@example.org") != Address("joe@example.org"))
        #expect(try Address("\"joe\"@example.org") == Address("joe@example.org"))
    }

    @Test("An error says where and what was expected")
    func errors() {
        #expect(throws: SyntaxError(at: 3, expected: "@")) { try Address("joe") }
        #expect(
            throws: SyntaxError(at: 4, expected: "a label of letters, digits and inner hyphens")
        ) {
            try Address("joe@")
        }
    }

    @Test("Paths are written without brackets, the null path as nothing")
    func paths() throws {
        #expect(ReversePath.null.description == "")
        #expect(ReversePath.address(try Address("a@b.example")).description == "a@b.example")
        #expect(ForwardPath.postmaster.description == "Postmaster")
    }

    private static let statuses: [(String, String?)] = [
        ("2.1.5", "2.1.5"), ("5.7.999", "5.7.999"), ("4.0.0", "4.0.0"), ("1.0.0", nil),
        ("3.0.0", nil), ("5.1", nil), ("5.1.1.1", nil), ("5.1.1000", nil), ("5..1", nil),
        ("", nil), ("5.1.a", nil), ("5.1.-1", nil), (" 5.1.1", nil), ("55.1.1", nil),
    ]

    @Test("RFC 3463 §2: enhanced status codes are read", arguments: statuses)
    func status(_ text: String, _ expected: String?) {
        #expect(EnhancedStatus(text)?.description == expected)
    }
}
