// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A message that can be recognised, and of which every octet is known.
struct NumberedMessage: Hashable {
    let number: Int
    /// Of the body, in lines of 64.
    let lines: Int
    let isLocal: Bool
    let isRemote: Bool
    /// For somebody whom the other server refuses: its sender is to be notified.
    var isRefused = false

    private static let lineOctets = 64

    /// From the header to the last line of the body.
    var octets: [UInt8] {
        let header = """
            From: <generator@client.test>\r
            Message-ID: <\(number).\(lines)@client.test>\r
            Crash-Number: \(number)\r
            Crash-Lines: \(lines)\r
            \r

            """
        return Array(header.utf8) + body
    }

    /// The same for the same number: each line says where it belongs.
    private var body: [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        let mark = Array("message \(number) ".utf8)
        var line = [UInt8](repeating: UInt8(ascii: "a") + UInt8(number % 26), count: 64)
        line.replaceSubrange(9..<(9 + mark.count), with: mark)
        line[8] = UInt8(ascii: " ")
        line.replaceSubrange(62..., with: [0x0D, 0x0A])
        // Hundreds of MiB are made and compared, by code that is not optimised: copies of memory.
        return [UInt8](unsafeUninitializedCapacity: lines * Self.lineOctets) { body, count in
            for index in 0..<lines {
                for digit in 0..<8 { line[digit] = digits[(index >> (28 - 4 * digit)) & 15] }
                UnsafeMutableRawBufferPointer(
                    rebasing: UnsafeMutableRawBufferPointer(body)[(index * Self.lineOctets)...]
                )
                .copyBytes(from: line)
            }
            count = lines * Self.lineOctets
        }
    }

    /// The number of the message that a notification is about.
    static func recogniseNotice(_ octets: [UInt8]) -> Int? {
        let text = String(decoding: octets.prefix(65_536), as: UTF8.self)
        guard text.contains("multipart/report"),
            let field = text.range(of: "Crash-Number: ", options: .backwards)
        else { return nil }
        return Int(text[field.upperBound...].prefix { $0.isNumber })
    }

    /// What an arrived message says it is; nil if it is none of these.
    ///
    /// The second value is whether its body is whole.
    static func recognise(_ octets: [UInt8]) -> (number: Int, isWhole: Bool)? {
        let start = Data(octets.prefix(8192))
        guard let split = start.range(of: Data("\r\n\r\n".utf8)) else { return nil }
        let fields = String(decoding: start[..<split.lowerBound], as: UTF8.self)
            .components(separatedBy: "\r\n")
        func value(_ name: String) -> Int? {
            fields.first { $0.hasPrefix(name + ": ") }
                .flatMap { Int($0.dropFirst(name.count + 2)) }
        }
        guard let number = value("Crash-Number"), let lines = value("Crash-Lines") else {
            return nil
        }
        let sent = NumberedMessage(number: number, lines: lines, isLocal: false, isRemote: false)
            .body
        guard octets.count - split.upperBound == sent.count else { return (number, false) }
        let difference = octets.withUnsafeBytes { octets in
            sent.withUnsafeBytes { sent -> Int32 in
                guard let left = octets.baseAddress, let right = sent.baseAddress else { return 0 }
                return memcmp(left + split.upperBound, right, sent.count)
            }
        }
        return (number, difference == 0)
    }
}

/// Numbers that a seed repeats (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
