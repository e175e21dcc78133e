// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// What a filter is told, in the order of a session.
package enum Event: Hashable, Sendable {
    /// Who has connected: its verified name, or its address in brackets.
    case connect(name: String, SocketAddress)
    case hello(String)
    /// `<path>` and the parameters of MAIL.
    case sender(String, parameters: [String])
    /// `<path>` and the parameters of RCPT.
    case recipient(String, parameters: [String])
    case data
    /// A field without the colon and the final line end; what continues it keeps its line ends.
    case field(name: [UInt8], value: [UInt8])
    case endOfHeader
    /// At most `ClientSession.maximumBodyOctets`.
    case body(ArraySlice<UInt8>)
    case endOfMessage
}

extension Event {
    /// SMFIC_ of the event.
    var command: UInt8 {
        switch self {
        case .connect: UInt8(ascii: "C")
        case .hello: UInt8(ascii: "H")
        case .sender: UInt8(ascii: "M")
        case .recipient: UInt8(ascii: "R")
        case .data: UInt8(ascii: "T")
        case .field: UInt8(ascii: "L")
        case .endOfHeader: UInt8(ascii: "N")
        case .body: UInt8(ascii: "B")
        case .endOfMessage: UInt8(ascii: "E")
        }
    }

    /// Which step leaves it out, and which one takes its answer away.
    var steps: (without: Options.Steps, silent: Options.Steps) {
        switch self {
        case .connect: (.withoutConnect, .silentConnect)
        case .hello: (.withoutHello, .silentHello)
        case .sender: (.withoutSender, .silentSender)
        case .recipient: (.withoutRecipients, .silentRecipient)
        case .data: (.withoutData, .silentData)
        case .field: (.withoutFields, .silentField)
        case .endOfHeader: (.withoutEndOfHeader, .silentEndOfHeader)
        case .body: (.withoutBody, .silentBody)
        case .endOfMessage: ([], [])
        }
    }

    /// The data of the packet.
    func data(_ agreed: Options.Steps) -> [UInt8] {
        switch self {
        case .connect(let name, let address): Self.terminated([name]) + Self.octets(of: address)
        case .hello(let name): Self.terminated([name])
        case .sender(let path, let parameters), .recipient(let path, let parameters):
            Self.terminated([path] + parameters)
        case .data, .endOfHeader, .endOfMessage: []
        case .field(let name, let value):
            name + [0] + Self.value(value, keepingSpace: agreed.contains(.leadingSpace)) + [0]
        case .body(let octets): Array(octets)
        }
    }

    /// A family, a port, and the address as text; nothing follows an unknown family.
    private static func octets(of address: SocketAddress) -> [UInt8] {
        let host = address.host.unmapped
        return [UInt8(ascii: host.isIPv4 ? "4" : "6"), UInt8(address.port >> 8)]
            + [UInt8(truncatingIfNeeded: address.port)] + terminated([host.description])
    }

    /// Filters read lines that end as those of C programs do, and one space less.
    private static func value(_ octets: [UInt8], keepingSpace: Bool) -> [UInt8] {
        var value = octets.filter { $0 != .carriageReturn && $0 != 0 }
        if !keepingSpace, value.first == .space { value.removeFirst() }
        return value
    }

    /// Each text with a NUL behind it, and none within.
    static func terminated(_ texts: [String]) -> [UInt8] {
        texts.flatMap { $0.utf8.filter { $0 != 0 } + [0] }
    }
}
