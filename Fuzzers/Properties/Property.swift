// SPDX-License-Identifier: Apache-2.0

/// What must hold whatever octets a stranger sends: more than that nothing crashes.
///
/// The fuzz targets put millions of inputs to it, the tests those that were found.
package struct Property: Sendable {
    /// The folder below `Fuzzers` with its target, corpus and finds.
    package let name: String
    private let check: @Sendable ([UInt8]) throws(Broken) -> Void

    /// What does not hold.
    package struct Broken: Error, Sendable, CustomStringConvertible {
        package let description: String

        init(_ description: String) { self.description = description }
    }

    init(
        _ name: String, _ check: @escaping @Sendable ([UInt8]) throws(Broken) -> Void
    ) {
        self.name = name
        self.check = check
    }

    package static let all = [
        serverSession, clientSession, addresses, mimeMessage, dnsMessage, masterFile,
        zoneTransfer, report, senderPolicy, mailSignature, filterSession, domainPolicy,
        failureReport, mailboxSession, messageSummary, sieveScript, scriptSession,
        foreignServer, mailboxFile, maildirFolder,
    ]

    /// Says what is broken for this input, nil if nothing is.
    package func fault(for input: [UInt8]) -> Broken? {
        do {
            try check(input)
            return nil
        } catch {
            return error
        }
    }

    /// Ends the program when the property is broken, which is how libFuzzer learns of it.
    package func demand(of input: UnsafeBufferPointer<UInt8>) {
        if let fault = fault(for: Array(input)) { fatalError("\(name): \(fault)") }
    }
}

/// Throws what is broken unless the condition holds.
func expect(
    _ condition: Bool, _ fault: @autoclosure () -> String
) throws(Property.Broken) {
    if !condition { throw Property.Broken(fault()) }
}

/// How the octets of an input come in: an input begins with an octet or two that choose.
enum Pieces {
    case whole
    case drip
    /// Of lengths that this number determines.
    case cut(UInt8)

    func split(_ octets: ArraySlice<UInt8>) -> [[UInt8]] {
        switch self {
        case .whole: return octets.isEmpty ? [] : [Array(octets)]
        case .drip: return octets.map { [$0] }
        case .cut(let number):
            var state = UInt32(number) | 1
            var rest = octets
            var pieces: [[UInt8]] = []
            while !rest.isEmpty {
                state = state &* 1_664_525 &+ 1_013_904_223
                let piece = rest.prefix(Int(state >> 24) % 37 + 1)
                pieces.append(Array(piece))
                rest = rest.dropFirst(piece.count)
            }
            return pieces
        }
    }
}

extension Sequence<UInt8> {
    /// Whether each CR has its LF, each LF its CR, and there is no NUL.
    var hasWholeLineEnds: Bool {
        var last: UInt8 = 0x20
        for octet in self {
            if octet == 0 || (octet == 0x0A) != (last == 0x0D) { return false }
            last = octet
        }
        return last != 0x0D
    }
}
