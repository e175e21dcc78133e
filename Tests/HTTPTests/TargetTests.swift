// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import HTTP

@Suite("RFC 9110 §4.2: URIs of web servers")
struct TargetTests {
    static let targets: [(String, String?)] = [
        ("https://a.example", "a.example:443 /"),
        ("HTTPS://A.Example:8443/x?y=z#part", "a.example:8443 /x?y=z"),
        ("https://a.example?y", "a.example:443 /?y"), ("https://a.example:/", "a.example:443 /"),
        ("http://a.example/", "a.example:80 /"), ("https://", nil), ("https:///x", nil),
        ("https://user@a.example/", nil), ("https://192.0.2.1/", "192.0.2.1:443 /"),
        ("https://[2001:db8::1]/", nil), ("https://a.example:0/", nil),
        ("https://a.example:99999/", nil), ("https://a.example:+1/", nil),
        ("https://a..example/", nil), ("https://a.example/x y", nil),
        ("https://a.example/x\r\nHost: b", nil), ("mailto:a@example.org", nil),
    ]

    @Test(
        "What a URI of a web server names is found in it, and nothing in others", arguments: targets
    )
    func target(uri: String, expected: String?) {
        let target = HTTPTarget(uri)
        #expect(target.map { "\($0.hostName):\($0.port) \($0.target)" } == expected)
    }
}
