// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Mail
package import World

/// What somebody logs in for.
package enum LoginService: String, Hashable, Sendable, CaseIterable {
    case imap, pop3, smtp, managesieve
}

/// A password for one device or program, beside that of the account.
///
/// Made here, shown once, kept as SCRAM keys.
package struct AppPassword: Hashable, Sendable {
    package let id: Int64
    package let account: AccountID
    /// As the person calls the device.
    package let name: String
    /// For what it may be used; empty: for everything.
    package let services: Set<LoginService>
    package let created: Timestamp
    /// Nil: never used.
    package var lastUse: Use?

    /// When, for what and from where it was right.
    package struct Use: Hashable, Sendable {
        package var time: Timestamp
        package var service: LoginService?
        package var peer: IPAddress?

        package init(time: Timestamp, service: LoginService?, peer: IPAddress?) {
            self.time = time
            self.service = service
            self.peer = peer
        }
    }

    /// In octets; shown in lists and written behind a login.
    package static let maximumNameOctets = 60
    /// Of one account: more devices than anyone has.
    package static let maximumCount = 50

    /// Whether a login for this may use it.
    func allows(_ service: LoginService?) -> Bool {
        services.isEmpty || service.map(services.contains) == true
    }

    /// Whether a device may be called so: 1 to 60 octets, letters, digits, blanks, `-`, `_`, `.`.
    static func isName(_ name: String) -> Bool {
        (1...maximumNameOctets).contains(name.utf8.count)
            && name.first != " " && name.last != " "
            && name.unicodeScalars.allSatisfy {
                $0.properties.isAlphabetic || ("0"..."9").contains($0)
                    || " -_.".unicodeScalars.contains($0)
            }
    }
}

/// The text of such a password: `abcd-efgh-jkmn-pqrs-tuvw`.
///
/// Its first four letters name it, so that one that is typed is compared with one; the other
/// sixteen hold 80 bits that nobody guesses.
struct AppSecret: Hashable, Sendable {
    /// Without what is easily mistaken.
    private static let alphabet = Array("abcdefghijkmnpqrstuvwxyz23456789")
    private static let groups = 5
    private static let groupLetters = 4
    /// One octet of entropy for each letter: 256 is a multiple of 32.
    static let entropyOctets = groups * groupLetters

    /// With its hyphens.
    let text: String
    var selector: String { String(text.prefix(Self.groupLetters)) }

    init(entropy: [UInt8]) {
        precondition(entropy.count == Self.entropyOctets, "an octet for each letter")
        self.init(letters: entropy.map { Self.alphabet[Int($0) % Self.alphabet.count] })
    }

    /// Reads what a person typed, in any case, with or without blanks and hyphens; nil for what is
    /// no such text.
    init?(typed: String) {
        guard typed.utf8.count <= 2 * Self.entropyOctets else { return nil }
        let letters = typed.lowercased().filter { $0 != "-" && $0 != " " }
        guard letters.count == Self.entropyOctets, letters.allSatisfy(Self.alphabet.contains)
        else { return nil }
        self.init(letters: Array(letters))
    }

    private init(letters: [Character]) {
        text = stride(from: 0, to: letters.count, by: Self.groupLetters).map {
            String(letters[$0..<$0 + Self.groupLetters])
        }.joined(separator: "-")
    }
}
