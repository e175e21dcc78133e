// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Routing
import Testing

@Suite("Reasons for which mail finds no way")
struct ReasonTests {
    @Test(
        "What the journal keeps in English is told in German in the same words",
        arguments: try reasons())
    func german(_ reason: Reason) {
        #expect(Language.german.tell(reason.text(.english)) == reason.text(.german))
    }

    private static func reasons() throws -> [Reason] {
        let domain = try Domain("nowhere.example")
        return [
            .noSuchDomain(domain), .noMailHost(domain), .nullMX(domain), .noAddress(domain),
            .unknownLiteral(try AddressLiteral("x-tag:1")), .loop(.domain(domain)),
            .addressesUnknown(domain), .relayHostUnknown(try RelayHost("mx.example")),
            .lookUpFailed(domain, .timeout), .lookUpFailed(domain, .serverFailure),
            .lookUpFailed(domain, .refused), .lookUpFailed(domain, .bogus("no signature")),
            .lookUpFailed(domain, .malformed("short")),
        ]
    }
}
