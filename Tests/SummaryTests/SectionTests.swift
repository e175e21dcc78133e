// SPDX-License-Identifier: Apache-2.0

import IMAP
import Summary
import Testing

@Suite("RFC 9051 §6.4.5.1 sections, BINARY")
struct SectionTests {
    /// The example of §6.4.5.1.
    private static let message = Messages.octets(
        """
        Subject: outer
        Content-Type: multipart/mixed; boundary=a

        --a

        part 1
        --a
        Content-Type: application/octet-stream
        Content-Transfer-Encoding: base64

        SGFsbG8=
        --a
        Content-Type: message/rfc822
        X-Part: 3

        Subject: three
        Content-Type: multipart/mixed; boundary=b

        --b

        part 3.1
        --b
        Content-Type: application/octet-stream

        part 3.2
        --b--

        --a
        Content-Type: multipart/mixed; boundary=c

        --c
        Content-Type: image/gif

        part 4.1
        --c
        Content-Type: message/rfc822

        Subject: four two
        Content-Type: multipart/mixed; boundary=d

        --d

        part 4.2.1
        --d
        Content-Type: multipart/alternative; boundary=e

        --e

        part 4.2.2.1
        --e
        Content-Type: text/richtext

        part 4.2.2.2
        --e--
        --d--
        --c--
        --a--

        """)
    private static let prefix = "Return-Path: <a@b.example>\r\n"

    private static func fetch(
        _ part: [UInt32], _ text: Section.Text? = nil, _ partial: Partial? = nil,
        of message: [UInt8] = message
    ) -> String? {
        let layout = MessageSummary(message).layout
        guard let extent = layout.extent(of: Section(part: part, text: text)) else { return nil }
        let prefix = Array(Self.prefix.utf8)
        guard let filter = extent.filter else {
            let slices = extent.slices(partial, prefixOctets: prefix.count)
            return String(
                decoding: prefix[slices.prefix] + message[slices.content], as: UTF8.self)
        }
        let kept = filter.apply(
            to: (extent.includesPrefix ? prefix : []) + Array(message[extent.range]))
        return String(
            decoding: partial.map { kept[$0.range(of: kept.count)] } ?? kept[...], as: UTF8.self)
    }

    @Test(
        "The parts of the example",
        arguments: [
            ([1], "part 1"), ([2], "SGFsbG8="), ([3, 1], "part 3.1"), ([3, 2], "part 3.2"),
            ([4, 1], "part 4.1"), ([4, 2, 1], "part 4.2.1"), ([4, 2, 2, 1], "part 4.2.2.1"),
            ([4, 2, 2, 2], "part 4.2.2.2"), ([5], nil), ([1, 1], nil), ([0], nil), ([3, 3], nil),
            ([4, 1, 1], nil), ([4, 2, 2, 3], nil), ([1, 1, 1, 1, 1, 1, 1], nil),
        ] as [([UInt32], String?)])
    func parts(path: [UInt32], content: String?) {
        #expect(Self.fetch(path) == content)
    }

    @Test("HEADER, TEXT and MIME of messages within")
    func texts() {
        #expect(
            Self.fetch([3], .header)
                == "Subject: three\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n")
        #expect(Self.fetch([3], .mime) == "Content-Type: message/rfc822\r\nX-Part: 3\r\n\r\n")
        #expect(Self.fetch([4, 1], .mime) == "Content-Type: image/gif\r\n\r\n")
        #expect(Self.fetch([3], .text)?.hasPrefix("--b\r\n\r\npart 3.1") == true)
        #expect(Self.fetch([1], .header) == nil)
        #expect(Self.fetch([1], .text) == nil)
        #expect(Self.fetch([], .mime) == nil)
        #expect(
            Self.fetch([4, 2], .fields(["SUBJECT"].map { Array($0.utf8) }))
                == "Subject: four two\r\n\r\n")
    }

    @Test("What stands before the message in a mailbox belongs to it and to its header")
    func prefix() {
        let whole = Self.prefix + String(decoding: Self.message, as: UTF8.self)
        #expect(Self.fetch([]) == whole)
        #expect(
            Self.fetch([], .header) == Self.prefix
                + "Subject: outer\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n")
        #expect(Self.fetch([], .text)?.hasPrefix("--a\r\n") == true)
        #expect(
            Self.fetch([], .fields(["return-path", "x"].map { Array($0.utf8) }))
                == Self.prefix + "\r\n")
        #expect(
            Self.fetch([], .fieldsNot(["content-type", "return-path"].map { Array($0.utf8) }))
                == "Subject: outer\r\n\r\n")
    }

    @Test("Partial octets are those of all octets, wherever they are cut")
    func partial() throws {
        let whole = Array((try #require(Self.fetch([]))).utf8)
        for offset in stride(from: 0, to: whole.count + 9, by: 5) {
            for count in [1, 20, 5000] {
                let partial = Partial(offset: UInt64(offset), count: UInt64(count))
                let expected = whole.dropFirst(offset).prefix(count)
                #expect(Self.fetch([], nil, partial).map { Array($0.utf8) } == Array(expected))
            }
        }
    }

    @Test("A message without parts is its own part 1")
    func single() {
        let message = Messages.octets("Subject: x\n\nbody\n")
        #expect(Self.fetch([1], of: message) == "body\r\n")
        #expect(Self.fetch([1], .mime, of: message) == Self.prefix + "Subject: x\r\n\r\n")
        #expect(Self.fetch([1, 1], of: message) == nil)
        #expect(Self.fetch([2], of: message) == nil)
        let headerOnly = Messages.octets("Subject: x\n")
        #expect(Self.fetch([], .header, of: headerOnly) == Self.prefix + "Subject: x\r\n")
        #expect(Self.fetch([], .fields([Array("a".utf8)]), of: headerOnly) == "")
    }

    @Test("BINARY decodes leaves, and says which it cannot")
    func binary() {
        let layout = MessageSummary(Self.message).layout
        guard case .encoded(let range, .base64, isText: false) = layout.binary(at: [2]) else {
            Issue.record("part 2 is base64")
            return
        }
        var decoder = ContentDecoder(.base64, isText: false)
        #expect(decoder.decode(Self.message[range]) + decoder.finish() == Array("Hallo".utf8))
        // Those that hold parts are not encoded themselves.
        for part in [3, 4] as [UInt32] {
            guard case .verbatim(let extent) = layout.binary(at: [part]) else {
                Issue.record("part \(part) stands as it is")
                continue
            }
            #expect(extent == layout.extent(of: Section(part: [part])))
        }
        #expect(layout.binary(at: [9]) == nil)
        guard case .verbatim(let extent) = layout.binary(at: [1]) else {
            Issue.record("part 1 is not encoded")
            return
        }
        #expect(extent.range.count == 6)
        let odd = Messages.octets("Content-Transfer-Encoding: x-gzip\n\nx\n")
        #expect(MessageSummary(odd).layout.binary(at: [1]) == .unknownEncoding)
    }

    @Test("Text has CRLF, whatever was encoded")
    func lineEnds() {
        // "a", LF, "b", CRLF, LF
        var decoder = ContentDecoder(.base64, isText: true)
        var content: [UInt8] = []
        for letter in "YQpiDQoK".utf8 { content += decoder.decode([letter]) }
        content += decoder.finish()
        #expect(content == Array("a\r\nb\r\n\r\n".utf8))
    }
}
