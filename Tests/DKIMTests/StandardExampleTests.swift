// SPDX-License-Identifier: Apache-2.0

import ARC
import Bytes
import DNS
import LiveWorld
import Testing

@testable import DKIM

@Suite("RFC 6376 appendix A: the message of the standard")
struct StandardExampleTests {
    /// Continued lines stand six columns in, as the hash within the signature says.
    private static let message = """
        DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
              c=simple/simple; q=dns/txt; i=joe@football.example.com;
              h=Received : From : To : Subject : Date : Message-ID;
              bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
              b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
              4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
              KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
              4bmp/YzhwvcubU4=;
        Received: from client1.football.example.com  [192.0.2.1]
              by submitserver.example.com with SUBMISSION;
              Fri, 11 Jul 2003 21:01:54 -0700 (PDT)

        """ + Example.unsigned.replacing("game.  Are", with: "game. Are")

    private static func keys() throws -> KeyTable {
        var keys = KeyTable()
        try keys.publish(
            "brisbane._domainkey.example.com",
            "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQ"
                + "KBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
                + "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v"
                + "/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
                + "tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB")
        return keys
    }

    @Test("it passes, also with fields added on top by the receiver")
    func passes() async throws {
        let (result, findings) = await verify(Self.message, try Self.keys())
        #expect(result == .pass, "\(findings)")
        #expect(findings.map(\.identity) == ["joe@football.example.com"])
        let added = "X-Authentication-Results: shopping.example.net\n  dkim=pass\n" + Self.message
        #expect(await verify(added, try Self.keys()).result == .pass)
    }

    @Test("simple canonicalization forgives no octet, not even of white space")
    func tampering() async throws {
        let keys = try Self.keys()
        let octets = Array(Self.message.utf8)
        let start = try #require(Self.message.firstRange(of: "b=AuUo")?.lowerBound)
        let end = try #require(Self.message.firstRange(of: "ubU4=;")?.upperBound)
        let signature =
            start.utf16Offset(in: Self.message)..<end.utf16Offset(in: Self.message)
        for index in octets.indices where octets[index] != 0x0A {
            // White space within b= is the only thing that nobody signs.
            if signature.contains(index), octets[index] == 0x20 { continue }
            var changed = octets
            changed[index] = octets[index] == 0x20 ? 0x09 : octets[index] == 0x41 ? 0x42 : 0x41
            let (result, _) = await verify(String(decoding: changed, as: UTF8.self), keys)
            #expect(result != .pass, "octet \(index)")
        }
    }
}

@Suite("RFC 8617 appendix B: a chain of three")
struct StandardChainTests {
    /// The keys of its signers were never published: what can be tested is what is read.
    private static let header = """
        ARC-Seal: i=3; a=rsa-sha256; cv=pass; d=clochette.example.org; s=
                clochette; t=12345; b=CU87XzXlNlk5X/yW4l73UvPUcP9ivwYWxyBWcVrRs7
                +HPx3K05nJhny2fvymbReAmOA9GTH/y+k9kEc59hAKVg==
        ARC-Message-Signature: i=3; a=rsa-sha256; c=relaxed/relaxed; d=
                clochette.example.org; h=message-id:date:from:to:subject; s=
                clochette; t=12345; bh=KWSe46TZKCcDbH4klJPo+tjk5LWJnVRlP5pvjXFZY
                LQ=; b=o71vwyLsK+Wm4cOSlirXoRwzEvi0vqIjd/2/GkYFYlSd/GGfKzkAgPqxf
                K7ccBMP7Zjb/mpeggswHjEMS8x5NQ==
        ARC-Authentication-Results: i=3; clochette.example.org; spf=fail
            smtp.from=jqd@d1.example; dkim=fail (512-bit key)
            header.i=@d1.example; dmarc=fail; arc=pass (as.2.gmail.example=pass,
            ams.2.gmail.example=pass, as.1.lists.example.org=pass,
            ams.1.lists.example.org=fail (message has been altered))
        Authentication-Results: clochette.example.org; spf=fail
            smtp.from=jqd@d1.example; dkim=fail (512-bit key)
            header.i=@d1.example; dmarc=fail; arc=pass (as.2.gmail.example=pass,
            ams.2.gmail.example=pass, as.1.lists.example.org=pass,
            ams.1.lists.example.org=fail (message has been altered))
        ARC-Seal: i=2; a=rsa-sha256; cv=pass; d=gmail.example; s=20120806; t=
                12345; b=Zpukh/kJL4Q7Kv391FKwTepgS56dgHIcdhhJZjsalhqkFIQQAJ4T9BE
                8jjLXWpRNuh81yqnT1/jHn086RwezGw==
        ARC-Message-Signature: i=2; a=rsa-sha256; c=relaxed/relaxed; d=
                gmail.example; h=message-id:date:from:to:subject; s=20120806; t=
                12345; bh=KWSe46TZKCcDbH4klJPo+tjk5LWJnVRlP5pvjXFZYLQ=; b=CVoG44
                cVZvoSs2mMig2wwqPaJ4OZS5XGMCegWqQs1wvRZJS894tJM0xO1RJLgCPsBOxdA5
                9WSqI9s9DfyKDfWg==
        ARC-Authentication-Results: i=2; gmail.example; spf=fail
            smtp.from=jqd@d1.example; dkim=fail (512-bit key)
            header.i=@example.org; dmarc=fail; arc=pass
            (as.1.lists.example.org=pass, ams.1.lists.example.org=pass)
        ARC-Seal: i=1; a=rsa-sha256; cv=none; d=lists.example.org; s=dk-lists;
                 t=12345; b=TlCCKzgk3TrAa+G77gYYO8Fxk4q/Ml0biqduZJeOYh6+0zhwQ8u/
                lHxLi21pxu347isLSuNtvIagIvAQna9a5A==
        ARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=
                lists.example.org; h=message-id:date:from:to:subject; s=
                dk-lists; t=12345; bh=KWSe46TZKCcDbH4klJPo+tjk5LWJnVRlP5pvjXFZYL
                Q=; b=DsoD3n3hiwlrN1ma8IZQFgZx8EDO7Wah3hUjIEsYKuShRKYB4LwGUiKD5Y
                yHgcIwGHhSc/4+ewYqHMWDnuFxiQ==
        ARC-Authentication-Results: i=1; lists.example.org; spf=pass
            smtp.mfrom=jqd@d1.example; dkim=pass (512-bit key)
            header.i=@d1.example; dmarc=pass
        DKIM-Signature: v=1; a=rsa-sha1; c=relaxed/relaxed; d=d1.example; h=
                message-id:date:from:to:subject; s=origin2015; bh=bIxxaeIQvmOBdT
                AitYfSNFgzPP4=; b=qKjd5fYibKXWWIcMKCgRYuo1vJ2fD+IAQPjX+uamXIGY2Q
                0HjQ+Lq3/yHzG3JHJp6780/nKQPOWt2UDJQrJkEA==
        Message-ID: <54B84785.1060301@d1.example>
        Date: Thu, 14 Jan 2015 15:00:01 -0800
        From: John Q Doe <jqd@d1.example>
        To: arc@dmarc.example
        Subject: [List 2] Example 1

        """

    private static let body = "Hey gang,\r\nThis is a test message.\r\n--J.\r\n"

    @Test("its three sets are found, and its signatures are of this body")
    func structure() async throws {
        let (header, _) = parts(Self.header + "\n")
        let chain = ReceivedChain(header)
        #expect(chain.fault == nil)
        #expect(chain.links.count == 3)
        for (index, link) in chain.links.enumerated() {
            let signature = try Signature(link.messageSignature.value, isSeal: true)
            #expect(
                signature.domain
                    == ["lists.example.org", "gmail.example", "clochette.example.org"][index])
            #expect(signature.headers.count == 5)
            #expect(signature.octets.count == 64)
            var bodies = BodyHashing([signature.body], LiveMailCryptography())
            Array(Self.body.utf8).withUnsafeBytes { bodies.update($0) }
            #expect(bodies.finish()[signature.body]?.value == signature.bodyHash)
        }
        let results = AuthenticationResults.merged(
            from: header, authservID: "clochette.example.org")
        #expect(results.count == 4)
        #expect(results.first == "spf=fail smtp.from=jqd@d1.example")
    }

    @Test("without the keys it fails, and a chain with a set less is none")
    func withoutKeys() async throws {
        func status(_ text: String) async -> ReceivedChain.Verdict {
            let (header, _) = parts(text + "\n")
            var validation = ChainValidation(
                ReceivedChain(header), cryptography: LiveMailCryptography())
            Array(Self.body.utf8).withUnsafeBytes { validation.update($0) }
            return await validation.finish(resolver: KeyTable())
        }
        #expect(await status(Self.header).status == .fail)
        let gap = await status(Self.header.replacing("ARC-Seal: i=2", with: "X-Seal: i=2"))
        #expect(gap.status == .fail)
        #expect(gap.reason?.contains("three fields") == true, "\(gap.reason ?? "")")
    }
}
