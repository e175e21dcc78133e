// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Testing

@Suite("RFC 2045 §5.1 and RFC 2231 parameters")
struct ParameterTests {
    private static let types: [(String, String, [String], [Defect.Code])] = [
        ("text/plain; charset=us-ascii (Plain text)", "text/plain", ["charset=us-ascii"], []),
        ("text/plain; charset=\"us-ascii\"", "text/plain", ["charset=us-ascii"], []),
        ("TEXT/HTML;Charset=UTF-8", "text/html", ["charset=UTF-8"], []),
        (
            "multipart/mixed; boundary=\"gc0p4Jq0M:2Yt08jU534c0p\"", "multipart/mixed",
            ["boundary=gc0p4Jq0M:2Yt08jU534c0p"], []
        ),
        // RFC 2231 §3
        (
            "message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n"
                + " URL*1=\"cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar\"",
            "message/external-body",
            [
                "access-type=URL",
                "url=ftp://cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar",
            ], []
        ),
        // RFC 2231 §4
        (
            "application/x-stuff;\r\n title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A",
            "application/x-stuff", ["title=This is ***fun***"], []
        ),
        // RFC 2231 §4.1
        (
            "application/x-stuff\r\n ;title*0*=us-ascii'en'This%20is%20even%20more%20\r\n"
                + " ;title*1*=%2A%2A%2Afun%2A%2A%2A%20\r\n ;title*2=\"isn't it!\"",
            "application/x-stuff", ["title=This is even more ***fun*** isn't it!"], []
        ),
        // Any order, both forms
        ("a/b; n*1=two; n*0=one", "a/b", ["n=onetwo"], []),
        ("a/b; n=plain; n*=utf-8''%C3%B6", "a/b", ["n=ö"], []),
        ("a/b; n*=iso-8859-1''%F6", "a/b", ["n=ö"], []),
        ("a/b; n*=''abc", "a/b", ["n=abc"], []),
        ("a/b; n*0*=utf-8''%C3; n*1*=%B6", "a/b", ["n=ö"], []),
        (
            "a/b; n=\"quoted \\\" and \\\\ ; x=y\"; m=1", "a/b",
            ["n=quoted \" and \\ ; x=y", "m=1"], []
        ),
        ("a/b;", "a/b", [], []),
        ("a/b;;;n=1;", "a/b", ["n=1"], []),
        ("a/b; n=\"\"", "a/b", ["n="], []),
        // Against the rules
        ("a/b; n=one two.pdf; m=1", "a/b", ["n=one two.pdf", "m=1"], [.parameterInvalid]),
        ("a/b; n=\"open", "a/b", ["n=open"], [.parameterInvalid]),
        ("a/b; n*1=x", "a/b", [], [.parameterInvalid]),
        ("a/b; n*0=x; n*2=z", "a/b", ["n=x"], [.parameterInvalid]),
        ("a/b; n*x*=y", "a/b", [], [.parameterInvalid]),
        ("a/b; n*=\"utf-8''%C3%B6\"", "a/b", ["n=ö"], [.parameterInvalid]),
        ("a/b; n*=nonesuch''abc", "a/b", ["n=abc"], [.charsetUnknown]),
        ("a/b; n*=utf-8''%ZZ", "a/b", ["n=%ZZ"], [.parameterInvalid]),
        ("a/b; n=\"=?utf-8?q?=C3=B6?=\"", "a/b", ["n=ö"], [.parameterEncodedWord]),
        ("a/b; =x; n=1", "a/b", ["n=1"], [.parameterInvalid]),
        ("a/b; junk; n=1", "a/b", ["n=1"], [.parameterInvalid]),
        ("a/b; n=1; n=2", "a/b", ["n=1"], [.parameterInvalid]),
        ("text; charset=utf-8", "text/plain", ["charset=utf-8"], [.contentTypeInvalid]),
        ("", "text/plain", [], [.contentTypeInvalid]),
        ("/", "text/plain", [], [.contentTypeInvalid]),
        ("text/plain charset=utf-8", "text/plain", ["charset=utf-8"], [.contentTypeInvalid]),
    ]

    @Test("Each content type is read", arguments: types)
    func contentType(
        _ text: String, _ type: String, _ parameters: [String], _ codes: [Defect.Code]
    ) {
        var defects = DefectList()
        let found = ContentType(Array(text.utf8)[...], defects: &defects, at: "")
        #expect(found.description == type)
        #expect(found.parameters.all.map { "\($0.name)=\($0.value)" } == parameters)
        #expect(defects.defects.map(\.code) == codes)
    }

    private static let dispositions: [(String, String?, String?)] = [
        ("inline", "inline", nil),
        (
            "attachment; filename=genome.jpeg;\r\n modification-date=\"Wed, 12 Feb 1997\"",
            "attachment", "genome.jpeg"
        ),
        ("Attachment; FileName=\"a b.pdf\"", "attachment", "a b.pdf"),
        ("attachment; filename=\"=?UTF-8?B?w7YudHh0?=\"", "attachment", "ö.txt"),
        ("attachment; filename*0*=utf-8''%C3%B6; filename*1*=.txt", "attachment", "ö.txt"),
        ("filename=x.txt", "attachment", "x.txt"),
        ("", nil, nil),
    ]

    @Test("RFC 2183: each disposition is read", arguments: dispositions)
    func disposition(_ text: String, _ kind: String?, _ filename: String?) {
        var defects = DefectList()
        let found = ContentDisposition(Array(text.utf8)[...], defects: &defects, at: "")
        #expect(found?.kind == kind)
        #expect(found?.filename == filename)
    }
}
