// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// Where a filter listens, and what its silence means.
package struct MilterFilter: Hashable, Sendable, CustomStringConvertible {
    /// How it is reached.
    package enum Door: Hashable, Sendable {
        case network(SocketAddress)
        case socket(path: String)
    }

    package let door: Door
    /// Whether mail is put off while the filter does not answer; else it passes.
    package let isRequired: Bool
    /// For one answer.
    package let patienceSeconds: Int

    package init(_ door: Door, isRequired: Bool = true, patienceSeconds: Int = 60) {
        self.door = door
        self.isRequired = isRequired
        self.patienceSeconds = patienceSeconds
    }

    /// Reads the line of the configuration.
    ///
    /// ```abnf
    /// filter = door *( SP ( "fail=" ( "accept" / "tempfail" ) / "timeout=" seconds ) )
    /// door   = "inet:" address ":" port / "unix:" path
    /// ```
    package init?(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        guard let first = words.first else { return nil }
        if first.hasPrefix("inet:"), let address = SocketAddress(String(first.dropFirst(5))) {
            door = .network(address)
        } else if first.hasPrefix("unix:/") {
            door = .socket(path: String(first.dropFirst(5)))
        } else {
            return nil
        }
        var isRequired = true
        var patience = 60
        for word in words.dropFirst() {
            switch word {
            case "fail=accept": isRequired = false
            case "fail=tempfail": isRequired = true
            default:
                guard word.hasPrefix("timeout="), let seconds = Int(word.dropFirst(8)),
                    (1...600).contains(seconds)
                else { return nil }
                patience = seconds
            }
        }
        self.isRequired = isRequired
        patienceSeconds = patience
    }

    package var description: String {
        switch door {
        case .network(let address): "inet:\(address)"
        case .socket(let path): "unix:\(path)"
        }
    }
}
