// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DNS
import LiveWorld
import Moving

/// From which other server messages are brought here, and as whom.
struct IMAPOptions: ParsableArguments {
    @Option(help: "Another server, HOST or HOST:PORT; read by IMAP, nothing is changed there.")
    var imap: String?
    @Option(help: "The login there; default: the account's here.") var user: String?
    @Option(help: "A file whose first line is the password there; - for standard input.")
    var passwordFile: String?
    @Flag(help: "STARTTLS on port 143, instead of TLS from the start on port 993.")
    var starttls = false
    @Flag(help: "No TLS: only on this machine, or on a wire of your own.") var noTls = false
    @Flag(help: "Do not look at the certificate.") var insecure = false

    func validate() throws {
        guard !starttls || !noTls else {
            throw ValidationError("--starttls and --no-tls exclude each other")
        }
        guard imap != nil || (user == nil && passwordFile == nil && !starttls && !noTls) else {
            throw ValidationError("--user, --password-file and the like are for --imap")
        }
        guard imap == nil || passwordFile != nil else {
            throw ValidationError("--imap needs --password-file")
        }
    }

    /// Nil if none is named.
    func server(
        or account: String, asker: ServerOptions
    ) async throws -> IMAPSource.Server? {
        guard let imap, let passwordFile else { return nil }
        let usual: UInt16 = starttls || noTls ? 143 : 993
        let password = String(
            lossy: try Files.read(passwordFile).prefix { $0 != .lineFeed && $0 != .carriageReturn })
        var (name, port) = (imap, usual)
        var addresses: [SocketAddress] = []
        if let address = SocketAddress(imap, defaultPort: usual) {
            addresses = [address]
            name = address.host.description
        } else {
            if let colon = imap.lastIndex(of: ":"),
                let number = UInt16(imap[imap.index(after: colon)...])
            {
                (name, port) = (String(imap[..<colon]), number)
            }
            addresses = try await Self.addresses(of: name, asker).map {
                SocketAddress($0, port: port)
            }
        }
        guard !addresses.isEmpty else {
            throw CommandFailure.noHost("\(name) has no address")
        }
        return IMAPSource.Server(
            addresses: addresses, name: name,
            security: noTls ? .none : starttls ? .startTLS : .tls, verifies: !insecure && !noTls,
            user: user ?? account, password: password)
    }

    private static func addresses(
        of name: String, _ asker: ServerOptions
    ) async throws -> [IPAddress] {
        guard let host = try? Name(name) else {
            throw CommandFailure.noHost("`\(name)` is no name of a host")
        }
        let resolver = try makeResolver(try asker.settings())
        var addresses: [IPAddress] = []
        for type in [RecordType.aaaa, .a] {
            for record in await resolver.resolve(host, type).records {
                switch record.data {
                case .a(let address): addresses.append(.v4(address))
                case .aaaa(let address): addresses.append(.v6(address))
                default: break
                }
            }
        }
        return addresses
    }
}
