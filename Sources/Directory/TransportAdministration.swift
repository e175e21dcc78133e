// SPDX-License-Identifier: Apache-2.0

package import Mail
import Storage
import Synchronization

/// Transports: listed, looked up, added, removed.
extension Registry {
    /// All transports, by domain; that for everything first.
    package func transports() async throws(DirectoryFailure) -> [Transport] {
        let records = try await read { try $0.transports() }
        return records.map { $0.opened(with: secretKey) }
    }

    /// The way that an operator has set for a domain, or for everything; nil without one.
    ///
    /// `isElsewhere`: the domain is neither local nor relayed, so that the one for everything counts.
    package func transport(
        for domain: Domain?, isElsewhere: Bool
    ) throws(DirectoryFailure) -> Transport? {
        let all = try transportTable()
        guard !all.isEmpty else { return nil }
        return domain.flatMap { all[$0.name] }
            ?? (isElsewhere ? all[Transport.Scope.everything.description] : nil)
    }

    /// All transports by scope, read once after each change.
    private func transportTable() throws(DirectoryFailure) -> [String: Transport] {
        let (known, generation) = cache.withLock { ($0.transports, $0.generation) }
        if let known { return known }
        let found = try lookUp { lookup throws(StorageFailure) in try lookup.transports() }
        let opened = found.map { $0.opened(with: secretKey) }
        let table = Dictionary(uniqueKeysWithValues: opened.map { ($0.scope.description, $0) })
        cache.withLock { if $0.generation == generation { $0.transports = table } }
        return table
    }

    /// The transport that leads to a host as it is written there, `smtp.example.net:587`; nil
    /// without one.
    package func transport(through host: String) throws(DirectoryFailure) -> Transport? {
        let all = try transportTable().values.filter { $0.host?.lowercased() == host.lowercased() }
        return all.min { $0.scope.description < $1.scope.description }
    }

    /// Sets the way for a domain or for everything; one that is there is replaced.
    package func set(
        transport: Transport, by author: String
    ) async throws(DirectoryFailure) {
        try Self.check(transport)
        let record: TransportRecord
        do throws(StorageFailure) {
            record = try TransportRecord(sealing: transport, with: secretKey, entropy: entropy)
        } catch {
            throw DirectoryFailure(error)
        }
        try await change(by: author, "set the transport of \(transport.scope)") {
            lookup, revision in
            let before = try lookup.transport(transport.scope)
            try revision.replace(before.map { .transport($0) }, with: .transport(record))
        }
    }

    /// Lets a domain, or everything, go by MX records again.
    package func remove(
        transport scope: Transport.Scope, by author: String
    ) async throws(DirectoryFailure) {
        try await change(by: author, "removed the transport of \(scope)") { lookup, revision in
            guard let transport = try lookup.transport(scope) else {
                throw DirectoryFailure.unfit("\(scope)", reason: "it has no transport")
            }
            try revision.remove(.transport(transport))
        }
    }

    private static func check(_ transport: Transport) throws(DirectoryFailure) {
        guard let host = transport.host else {
            guard transport.carrier == .smtp, transport.account == nil,
                transport.security == .opportunistic, transport.usesAddressFallback
            else {
                throw .unfit(
                    "a transport without a host",
                    reason: "it can only switch on the address fallback")
            }
            return
        }
        guard (1...Transport.maximumHostOctets).contains(host.utf8.count),
            host.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw .unfit("the host \(host)", reason: "it is no host name or address") }
        guard !transport.usesAddressFallback else {
            throw .unfit("the address fallback", reason: "it goes with MX records only")
        }
        let isSocket = host.hasPrefix("unix:")
        if isSocket, transport.security.isVerified {
            throw .unfit("TLS over \(host)", reason: "a socket of this machine needs none")
        }
        guard let account = transport.account else { return }
        guard transport.security.isVerified else {
            throw .unfit(
                "the account for \(host)",
                reason: "a password goes only over verified TLS; ask for `required` or `implicit`")
        }
        for text in [account.name, account.password ?? ""] {
            guard (1...Transport.maximumAccountOctets).contains(text.utf8.count),
                text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else {
                throw .unfit(
                    "the account for \(host)",
                    reason: "name and password have 1 to 255 octets, none of them a control")
            }
        }
    }
}
