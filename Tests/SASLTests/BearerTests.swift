// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import SASL

private func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

/// `^A` stands for the octet 1.
private func message(_ text: String) -> [UInt8] {
    octets(text.split(separator: "^A", omittingEmptySubsequences: false).joined(separator: "\u{1}"))
}

@Suite("RFC 7628 OAUTHBEARER, and XOAUTH2")
struct BearerTests {
    static let claims: [(Mechanism, String, String?, String)] = [
        // RFC 7628 §4.1.
        (
            .oauthBearer,
            "n,a=user@example.com,^Ahost=server.example.com^Aport=143^A"
                + "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==^A^A",
            "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
        ),
        (.oauthBearer, "n,,^Aauth=Bearer a.b-c_d~e+f/g^A^A", nil, "a.b-c_d~e+f/g"),
        (.oauthBearer, "y,a=a=2Cb=3Dc@d,^Aauth=bearer   t^A^A", "a,b=c@d", "t"),
        (.oauthBearer, "n,,^Anew=\r\n\t ^Aauth=Bearer t^Azz=^A^A", nil, "t"),
        (.xoauth2, "user=anna@example.org^Aauth=Bearer ya29.x^A^A", "anna@example.org", "ya29.x"),
        (.xoauth2, "user=^Aauth=Bearer t^A^A", nil, "t"),
    ]

    @Test("A client's message names a token and whom it wants to be", arguments: claims)
    func claim(mechanism: Mechanism, text: String, user: String?, token: String) {
        for isInitial in [true, false] {
            var server = ServerExchange(mechanism, nonce: [])
            var step = server.begin(initialResponse: isInitial ? message(text) : nil)
            if !isInitial {
                #expect(step == .challenge([]))
                step = server.step(response: message(text))
            }
            guard case .examine(let claim) = step else {
                Issue.record("\(step)")
                return
            }
            #expect(claim.user == user)
            #expect(claim.token == token)
        }
    }

    static let nonsense: [(Mechanism, String)] = [
        (.oauthBearer, ""), (.oauthBearer, "^A"), (.oauthBearer, "^A^A"),
        (.oauthBearer, "n,,^A^A"), (.oauthBearer, "n,,^Aauth=Bearer t^A"),
        (.oauthBearer, "n,,^Aauth=Bearer t"), (.oauthBearer, "n,^Aauth=Bearer t^A^A"),
        (.oauthBearer, "x,,^Aauth=Bearer t^A^A"), (.oauthBearer, "n,anna,^Aauth=Bearer t^A^A"),
        (.oauthBearer, "n,a=a=2,^Aauth=Bearer t^A^A"), (.oauthBearer, "n,,x^Aauth=Bearer t^A^A"),
        (.oauthBearer, "n,,^Aauth=Basic dDp0^A^A"), (.oauthBearer, "n,,^Aauth=Bearer^A^A"),
        (.oauthBearer, "n,,^Aauth=Bearer ^A^A"), (.oauthBearer, "n,,^Aauth=Bearer a b^A^A"),
        (.oauthBearer, "n,,^Aauth=Bearer a=b^A^A"), (.oauthBearer, "n,,^Aauth=Bearer =^A^A"),
        (.oauthBearer, "n,,^Aauth=Bearer \u{E4}^A^A"), (.oauthBearer, "n,,^Ahost=h^A^A"),
        (.xoauth2, ""), (.xoauth2, "auth=Bearer t^A^A"), (.xoauth2, "user=a^A^A"),
        (.xoauth2, "user=a\u{7}^Aauth=Bearer t^A^A"),
    ]

    @Test("What is no such message is refused", arguments: nonsense)
    func malformed(mechanism: Mechanism, text: String) {
        var server = ServerExchange(mechanism, nonce: [])
        let step = server.begin(initialResponse: message(text))
        guard case .failed(.malformed) = step else {
            Issue.record("\(text): \(step)")
            return
        }
    }

    @Test("A message of any octets does no harm, and one without bound is refused")
    func hostile() {
        let right = message("n,a=anna@example.org,^Aauth=Bearer abc^A^A")
        for place in right.indices {
            for octet in [UInt8(0), 1, 0x2C, 0x3D, 0xC3, 0xFF] {
                var changed = right
                changed[place] = octet
                var server = ServerExchange(.oauthBearer, nonce: [])
                _ = server.begin(initialResponse: changed)
                var shorter = ServerExchange(.oauthBearer, nonce: [])
                _ = shorter.begin(initialResponse: Array(right[..<place]))
            }
        }
        let long = String(repeating: "a", count: BearerClaim.maximumOctets)
        var server = ServerExchange(.oauthBearer, nonce: [])
        guard
            case .failed(.malformed) = server.begin(
                initialResponse: message("n,,^Aauth=Bearer \(long)^A^A"))
        else {
            Issue.record("it was taken")
            return
        }
    }

    @Test("Channel binding that is demanded is refused")
    func channelBinding() {
        var server = ServerExchange(.oauthBearer, nonce: [])
        #expect(
            server.begin(initialResponse: message("p=tls-exporter,,^Aauth=Bearer t^A^A"))
                == .failed(.channelBindingNotSupported))
    }

    @Test("A good token is its owner's proof")
    func good() {
        var server = ServerExchange(.oauthBearer, nonce: [])
        _ = server.begin(initialResponse: message("n,a=anna@example.org,^Aauth=Bearer t^A^A"))
        let step = server.examined(owner: "anna@example.org", refusal: TokenRefusal(reason: ""))
        #expect(step == .succeeded(.init("anna@example.org", as: nil)))
    }

    @Test("Of a bad token the client hears why, gives in, and has failed (RFC 7628 §3.2.3)")
    func bad() {
        let refusal = TokenRefusal(
            reason: "it has expired", scope: "mail",
            configurationURL: "https://id.example/.well-known/openid-configuration")
        for answer in ["^A", "", "n,,^Aauth=Bearer again^A^A"] {
            var server = ServerExchange(.oauthBearer, nonce: [])
            _ = server.begin(initialResponse: message("n,,^Aauth=Bearer t^A^A"))
            #expect(
                server.examined(owner: nil, refusal: refusal)
                    == .challenge(
                        octets(
                            #"{"status":"invalid_token","scope":"mail","openid-configuration":"#
                                + #""https://id.example/.well-known/openid-configuration"}"#)))
            #expect(
                server.step(response: message(answer)) == .failed(.tokenRefused("it has expired")))
        }
        var server = ServerExchange(.xoauth2, nonce: [])
        _ = server.begin(initialResponse: message("user=a^Aauth=Bearer t^A^A"))
        #expect(
            server.examined(owner: nil, refusal: refusal)
                == .challenge(octets(#"{"status":"400","schemes":"Bearer","scope":"mail"}"#)))
        #expect(server.step(response: []) == .failed(.tokenRefused("it has expired")))
    }

    @Test("The client's messages are those of RFC 7628 §4.1 and of XOAUTH2")
    func client() throws {
        let (user, token) = (try PreparedString("a,b@example.org"), try PreparedString("t=="))
        var bearer = ClientExchange(.oauthBearer, user: user, password: token, nonce: [])
        #expect(bearer.initialResponse() == message("n,a=a=2Cb@example.org,^Aauth=Bearer t==^A^A"))
        #expect(try bearer.respond(to: octets("{}")) == [1])
        var plain = ClientExchange(.xoauth2, user: user, password: token, nonce: [])
        #expect(plain.initialResponse() == message("user=a,b@example.org^Aauth=Bearer t==^A^A"))
        #expect(try plain.respond(to: octets("{}")) == [])
        #expect(throws: AuthenticationFailure.self) { try plain.respond(to: []) }
    }
}
