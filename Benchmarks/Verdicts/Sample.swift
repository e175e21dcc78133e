// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM

/// The message that is measured: 10 KiB, with the fields that mail has today.
struct Sample {
    let header: [UInt8]
    let body: [UInt8]

    var octets: [UInt8] { header + [.carriageReturn, .lineFeed] + body }

    /// Without any signature.
    static let plain: Sample = {
        let header = """
            Received: from mail.client.example (mail.client.example [192.0.2.1])
            \tby mx1.bench.example with ESMTPS id 4XyZ0123456789
            \t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256)
            \tfor <user@receiver.example>; Fri, 21 Nov 2025 10:00:00 +0100
            Received: from [10.0.0.7] (unknown [10.0.0.7])
            \tby mail.client.example with ESMTPSA id 4AbC9876543210
            \tfor <user@receiver.example>; Fri, 21 Nov 2025 09:59:58 +0100
            Date: Fri, 21 Nov 2025 09:59:57 +0100
            From: "A. Sender" <sender@bench.example>
            To: "A Receiver" <user@receiver.example>,
             Someone Else <else@receiver.example>
            Cc: third@receiver.example
            Reply-To: sender@bench.example
            Subject: A message of the usual length about
             what everybody writes about
            Message-ID: <20251121085957.4AbC9876543210@mail.client.example>
            In-Reply-To: <20251120171200.1234567890@mail.receiver.example>
            References: <20251119101112.1111111111@mail.client.example>
             <20251120171200.1234567890@mail.receiver.example>
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8; format=flowed
            Content-Transfer-Encoding: 8bit
            User-Agent: Mozilla Thunderbird
            Content-Language: en-US

            """.replacing("\n", with: "\r\n")
        var body: [UInt8] = []
        let line = "The quick brown fox jumps over the lazy dog; then it goes home to sleep "
        var number = 0
        while header.utf8.count + 2 + body.count < 10 << 10 {
            number += 1
            // A paragraph now and then, and flowed lines, which end in a space.
            body += (line + "\(number)" + (number % 8 == 0 ? "." : " ") + "\r\n").utf8
            if number % 8 == 0 { body += "\r\n".utf8 }
        }
        return Sample(header: Array(header.utf8), body: body)
    }()

    /// The fields on top.
    func adding(_ fields: [[UInt8]]) -> Sample {
        Sample(header: Array(fields.joined()) + header, body: body)
    }
}
