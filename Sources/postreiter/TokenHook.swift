// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Directory
import LiveWorld
import OAuth
import Settings
import World

/// Lets people log in with access tokens, as the settings say who knows them.
struct TokenHook: Sendable {
    private let settings: TokenSettings
    /// Of the client as which the server asks; empty where a program is asked.
    private let secret: String

    /// Reads the secret while the server may still read everything.
    init(_ settings: TokenSettings) throws(CommandFailure) {
        self.settings = settings
        guard case .introspection(_, _, let path) = settings.source else {
            secret = ""
            return
        }
        let line = try Files.read(path).prefix { $0 != .lineFeed && $0 != .carriageReturn }
        guard !line.isEmpty, let secret = String(validating: line, as: UTF8.self) else {
            throw .configuration("\(path): expected the secret of the client on one line")
        }
        self.secret = secret
    }

    /// To be called before anything is served.
    func install(in registry: Registry, resolver: any Resolver) {
        let time = Live.surroundings.time
        registry.acceptTokens(
            TokenDesk(source(resolver), time: time),
            of: TokenIssuer(
                scope: settings.scopes.isEmpty ? nil : settings.scopes.joined(separator: " "),
                configurationURL: settings.configurationURL))
    }

    private func source(_ resolver: any Resolver) -> any TokenSource {
        switch settings.source {
        case .program(let command): return TokenProgram(command, on: LivePrograms())
        case .introspection(let target, let id, _):
            var requirements = TokenIntrospection.Requirements()
            requirements.claim = settings.claim
            requirements.scopes = settings.scopes
            requirements.audience = settings.audience
            return TokenIntrospection(
                at: target, as: .init(id: id, secret: secret), requirements, resolver: resolver,
                network: Live.surroundings.network, time: Live.surroundings.time)
        }
    }
}
