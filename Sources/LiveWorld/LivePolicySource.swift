// SPDX-License-Identifier: Apache-2.0

import AsyncHTTPClient
import Bytes
package import DNS
import NIOCore
import NIOHTTP1
import NIOSSL
package import TransportSecurity
import World

/// Fetches MTA-STS policies by HTTPS (RFC 8461 §3.3).
package struct LivePolicySource: STSPolicySource {
    private let resolver: any Resolver
    private let port: UInt16
    private let patience: Duration
    private let trustRoots: String?

    /// `port` is another than 443, and `trustRoots` (a PEM file) others than the system's, for
    /// trials; `patience` is for all of it.
    package init(
        resolver: any Resolver, port: UInt16 = 443, patience: Duration = .seconds(60),
        trustRoots: String? = nil
    ) {
        self.resolver = resolver
        self.port = port
        self.patience = patience
        self.trustRoots = trustRoots
    }

    package func policy(of domain: String) async throws(STSFetchFailure) -> STSPolicy {
        let host = "mta-sts.\(domain)"
        let address = try await address(of: host)
        var tls = TLSConfiguration.makeClientConfiguration()
        if let trustRoots { tls.trustRoots = .file(trustRoots) }
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .disallow)
        configuration.dnsOverride = [host: "\(address)"]
        let client = HTTPClient(configuration: configuration)
        let outcome: Result<STSPolicy, STSFetchFailure>
        do throws(STSFetchFailure) {
            outcome = .success(try await fetch("https://\(host):\(port)", with: client))
        } catch {
            outcome = .failure(error)
        }
        try? await client.shutdown()
        return try outcome.get()
    }

    private func address(of host: String) async throws(STSFetchFailure) -> IPAddress {
        guard let name = try? Name(host) else { throw .unreachable("\(host) is no name") }
        for type in [RecordType.aaaa, .a] {
            for record in await resolver.resolve(name, type).records {
                switch record.data {
                case .a(let address): return .v4(address)
                case .aaaa(let address): return .v6(address)
                default: break
                }
            }
        }
        throw .unreachable("\(host) has no address")
    }

    private func fetch(
        _ server: String, with client: HTTPClient
    ) async throws(STSFetchFailure) -> STSPolicy {
        let octets: [UInt8]
        do {
            var request = HTTPClientRequest(url: server + "/.well-known/mta-sts.txt")
            request.headers.add(name: "User-Agent", value: "postreiter")
            let response = try await client.execute(
                request, timeout: .nanoseconds(patience.nanoseconds))
            guard response.status == .ok else {
                throw STSFetchFailure.status(Int(response.status.code))
            }
            // §3.2: its parameters do not matter.
            let type = response.headers.first(name: "content-type") ?? ""
            guard type.split(separator: ";").first?.trimmed.lowercased() == "text/plain" else {
                throw STSFetchFailure.type(type)
            }
            octets = [UInt8](
                buffer: try await response.body.collect(upTo: STSPolicy.maximumOctets))
        } catch let failure as STSFetchFailure {
            throw failure
        } catch is NIOTooManyBytesError {
            throw .tooLong
        } catch {
            throw .unreachable("\(server): \(error)")
        }
        do {
            return try STSPolicy(parsing: octets)
        } catch {
            throw .unreadable(error)
        }
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
    }
}
